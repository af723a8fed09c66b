"""Outcome of a retraining as plain text, for the terminal and for notifications."""

from __future__ import annotations

from collections.abc import Mapping

from seqtag.corpus import BestPossible
from seqtag.evaluation import Interval, Metrics
from seqtag.formatting import METRIC_NAMES, percent, percent_range, plural, printable, without_verdict
from seqtag.gate import Decision
from seqtag.reporting.sentences import baseline_label, champion_label, left_out


def verdict_lines(decision: Decision, *, links: Mapping[str, str]) -> str:
    """Return the text of a notification: the numbers, the rules that failed, and links.

    Args:
        decision: the decision with the outcome.
        links: label -> URL or path.
    """
    failed = [rule for rule in decision.rules if not rule.passed]
    lines = [
        without_verdict(decision.sentence, decision.verdict),
        *(f"Failed: {rule.rule}: {rule.detail}" for rule in failed),
        *(f"{label}: {target}" for label, target in links.items()),
    ]
    return "\n".join(map(printable, lines))


def summary_lines(
    headline: str,
    *,
    metrics: Metrics,
    decision: Decision,
    optimum: BestPossible | None,
    links: Mapping[str, str],
) -> str:
    """Return the summary printed at the end of a run.

    Args:
        headline: the outcome as a sentence.
        optimum: None for a corpus of unknown origin.
        links: label -> URL or path.
    """
    scored = (
        f"{METRIC_NAMES[metrics.metric]} on {plural(metrics.n_sequences, 'test sequence')} "
        f"({plural(metrics.n_tokens, 'token')}, {plural(metrics.n_documents, 'document')}"
        f"{left_out(metrics.n_untagged)})"
    )
    rows = [_row("this model", metrics.challenger.score)]
    if metrics.champion:
        label = champion_label(decision.champion_version, is_anchored=decision.is_anchored)
        rows.append(_row(label, metrics.champion.score))
    if metrics.baseline:
        rows.append(_row(baseline_label(metrics.baseline_name), metrics.baseline.score))
    if optimum is not None and metrics.metric == "accuracy":
        rows.insert(0, ("best possible from the past alone", percent(optimum.past_only_realised), ""))
        rows.append(("best possible from the whole sequence", percent(optimum.optimum_realised), ""))
    width = max(len(label) for label, _, _ in rows)
    lines = [
        headline,
        "",
        scored,
        *(f"  {label:<{width}}  {value:>6}  {interval}".rstrip() for label, value, interval in rows),
        "",
        *(f"{label + ':':<{max(map(len, links)) + 1}} {target}" for label, target in links.items()),
    ]
    return "\n".join(printable(line) for line in lines).rstrip() + "\n"


def _row(label: str, score: Interval) -> tuple[str, str, str]:
    return label, percent(score.value), f"({percent_range(score)})"
