"""Score card: all scores on test and the most frequent confusions as Markdown for the dashboard."""

from __future__ import annotations

from seqtag.evaluation import Metrics
from seqtag.formatting import percent
from seqtag.reporting.confusion_tables import confusions
from seqtag.reporting.markdown import record_table
from seqtag.reporting.score_tables import score_rows

_MOST_CONFUSIONS = 12


def score_markdown(metrics: Metrics) -> str:
    """Return all scores, each with its interval and support, and confusions as GitHub-flavoured Markdown."""
    found = [
        {"gold": of.gold, "predicted": of.predicted, "tokens": of.count, "of the gold tag": percent(of.share)}
        for of in confusions(metrics.challenger.confusion, most=_MOST_CONFUSIONS)
    ]
    parts = [
        record_table(score_rows(metrics), empty=""),
        "## Most frequent confusions",
        record_table(found, empty="All tokens were tagged correctly."),
    ]
    return "\n\n".join(parts) + "\n"
