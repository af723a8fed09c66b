"""Sentences and names that several reports share: models, and tokens left out."""

from __future__ import annotations

from seqtag.evaluation import Metrics
from seqtag.formatting import METRIC_NAMES, distance, level, plural, points, points_range


def still_served(tagger: str, version: str) -> str:
    """Return the sentence on servers that were started before another version became the champion.

    >>> still_served("sample", "2")
    'Servers that are running keep version 2 until they are restarted: seqtag serve sample'
    """
    return f"Servers that are running keep version {version} until they are restarted: seqtag serve {tagger}"


def champion_label(version: str | None, *, is_anchored: bool) -> str:
    """Return the name of the model in the champion's column.

    Args:
        is_anchored: as `Decision.is_anchored`.

    >>> champion_label("3", is_anchored=False)
    'champion (version 3)'
    >>> champion_label("3", is_anchored=True)
    'recipe of champion (version 3), retrained'
    """
    champion = f"champion (version {version})"
    return f"recipe of {champion}, retrained" if is_anchored else champion


def baseline_label(name: str | None) -> str:
    """Return the name of the baseline.

    >>> baseline_label("crfsuite")
    'baseline crfsuite'
    """
    return f"baseline {name or ''}".rstrip()


def baseline_sentence(metrics: Metrics) -> str:
    """Describe the difference between the challenger and the baseline."""
    metric, label = METRIC_NAMES[metrics.metric], baseline_label(metrics.baseline_name)
    difference = metrics.baseline_difference
    if difference is None or difference.value is None or difference.low is None or difference.high is None:
        return f"No comparison with the {label}: one of the two has no {metric}."
    found = f"({level(metrics.confidence)} interval {points_range(difference)})"
    if difference.low <= 0 <= difference.high:
        apart = points(difference.value)
        return f"This model is not clearly above or below the {label} in {metric}: {apart} {found}."
    side = "above" if difference.value > 0 else "below"
    apart = distance(abs(difference.value))
    return f"This model is {apart} {side} the {label} in {metric} {found}."


def left_out(n_untagged: int) -> str:
    """Describe the tokens left out for lack of a gold tag; "" if there are none.

    >>> left_out(12), left_out(0)
    ('; 12 tokens without a tag were left out', '')
    """
    if not n_untagged:
        return ""
    return f"; {plural(n_untagged, 'token')} without a tag {'was' if n_untagged == 1 else 'were'} left out"
