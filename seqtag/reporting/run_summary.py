"""Outcome of a retraining as plain text, for the terminal and for notifications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seqtag.corpus import BestPossible
from seqtag.evaluation import Metrics
from seqtag.formatting import METRIC_NAMES, percent, plural, printable, without_verdict
from seqtag.gate import Decision
from seqtag.reporting.score_tables import evidence_rows
from seqtag.reporting.sentences import compared_sequences, left_out


def verdict_lines(
    decision: Decision, *, metrics: Metrics, warnings: Sequence[str], links: Mapping[str, str]
) -> str:
    """Return the text of a notification: the verdict, warnings, the evidence, failed rules, and links.

    Args:
        decision: the decision with the outcome.
        links: label -> URL or path.
    """
    failed = [rule for rule in decision.rules if not rule.passed]
    compared = compared_sequences(metrics, decision)
    lines = [
        without_verdict(decision.sentence, decision.verdict),
        *(f"Warning: {warning}" for warning in warnings),
        *(f"{label}: {value} ({interval})" for label, value, interval, _ in evidence_rows(metrics, decision)),
        *([compared] if compared else []),
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
    warnings: Sequence[str] = (),
) -> str:
    """Return the summary printed at the end of a run.

    Args:
        headline: the outcome as a sentence.
        optimum: None for a corpus of unknown origin.
        links: label -> URL or path.
        warnings: sentences that a reader needs to judge the verdict.
    """
    scored = (
        f"{METRIC_NAMES[metrics.metric]} on {plural(metrics.n_sequences, 'test sequence')} "
        f"({plural(metrics.n_tokens, 'token')}, {plural(metrics.n_documents, 'document')}"
        f"{left_out(metrics.n_untagged)})"
    )
    rows = [(label, value, f"({interval})") for label, value, interval, _ in evidence_rows(metrics, decision)]
    if optimum is not None and metrics.metric == "accuracy":
        rows.insert(0, ("best possible from the past alone", percent(optimum.past_only_realised), ""))
        rows.append(("best possible from the whole sequence", percent(optimum.optimum_realised), ""))
    width, digits = (max(len(row[column]) for row in rows) for column in (0, 1))
    compared = compared_sequences(metrics, decision)
    lines = [
        headline,
        *(f"Warning: {warning}" for warning in warnings),
        "",
        scored,
        *(f"  {label:<{width}}  {value:>{digits}}  {interval}".rstrip() for label, value, interval in rows),
        *([compared] if compared else []),
        "",
        *(f"{label + ':':<{max(map(len, links)) + 1}} {target}" for label, target in links.items()),
    ]
    return "\n".join(printable(line) for line in lines).rstrip() + "\n"
