"""Sentences and names that several reports share: models, and tokens left out."""

from __future__ import annotations

from seqtag.corpus import CorpusChanges
from seqtag.evaluation import Metrics, TrainingHistory
from seqtag.formatting import METRIC_NAMES, count, distance, level, plural, points, points_range
from seqtag.gate import Decision

_FEW_DOCUMENTS = 100  # with fewer, each moves a score by a point or more


def still_served(tagger: str, version: str) -> str:
    """Return the sentence on servers that were started before another version became the champion.

    >>> still_served("sample", "2")
    'Running servers: `seqtag serve sample` follows after a smoke test; others keep version 2 until restarted'
    """
    follows = f"`seqtag serve {tagger}` follows after a smoke test"
    return f"Running servers: {follows}; others keep version {version} until restarted"


def champion_label(version: str | None, *, is_champion_retrained: bool) -> str:
    """Return the name of the model in the champion's column.

    Args:
        is_champion_retrained: as `Decision.is_champion_retrained`.

    >>> champion_label("3", is_champion_retrained=False)
    'champion (version 3)'
    >>> champion_label("3", is_champion_retrained=True)
    'recipe of champion (version 3), retrained'
    """
    champion = f"champion (version {version})"
    return f"recipe of {champion}, retrained" if is_champion_retrained else champion


def baseline_label(name: str | None) -> str:
    """Return the name of the baseline.

    >>> baseline_label("crfsuite")
    'baseline crfsuite'
    """
    return f"baseline {name or ''}".rstrip()


def verdict_warnings(
    decision: Decision,
    history: TrainingHistory,
    *,
    max_epochs: int,
    champion_age: str | None,
    changes: CorpusChanges | None,
) -> list[str]:
    """Return the sentences that a reader needs to judge a verdict.

    Args:
        max_epochs: `train.max_epochs`.
        champion_age: the sentence about a champion that is too old, None if it is not.
        changes: what changed in the corpus since the champion's run, None if that is not known.
    """
    warnings = []
    if decision.n_documents < _FEW_DOCUMENTS:
        test = (
            f"{plural(decision.n_sequences, 'test sequence')} in {plural(decision.n_documents, 'document')}"
        )
        warnings.append(f"Only {test} decide.")
    if changes is not None and changes.splits["test"].relabelled:
        tested = changes.splits["test"]
        warnings.append(
            f"{count(tested.relabelled)} of {plural(tested.now, 'test sequence')} have other gold tags than "
            f"in the run of version {changes.version}."
        )
    if history.best is not None and history.best.epoch >= max_epochs:
        warnings.append(
            f"The dev score was best in the last of {plural(max_epochs, 'epoch')} allowed: raise "
            "train.max_epochs."
        )
    if champion_age is not None and decision.verdict != "PROMOTE":
        warnings.append(champion_age)
    return warnings


def compared_sequences(metrics: Metrics, decision: Decision) -> str:
    """Describe the test sequences of a difference; "" if they are all, as for the scores."""
    if decision.difference is None or decision.n_sequences == metrics.n_sequences:
        return ""
    reasons = []
    if decision.n_left_out:
        was = "was" if decision.n_left_out == 1 else "were"
        reasons.append(f"{count(decision.n_left_out)} {was} known to one model only")
    earlier = metrics.n_sequences - decision.n_sequences - decision.n_left_out
    if earlier > 0:
        reasons.append(f"{count(earlier)} had selected the champion")
    return (
        f"The scores are on all {plural(metrics.n_sequences, 'test sequence')}, the difference on "
        f"{count(decision.n_sequences)}: {', '.join(reasons)}."
    )


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
