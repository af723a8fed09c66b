"""Outcome of a retraining as plain text, for the terminal and for notifications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtag.reporting.formatting import (
    METRIC_NAMES,
    baseline_label,
    champion_label,
    left_out,
    percent,
    percent_range,
    plural,
    without_verdict,
)
from seqtag.reporting.markdown import printable


def verdict_lines(decision: Mapping[str, Any], *, links: Mapping[str, str]) -> str:
    """Return the text of a notification: the numbers, the rules that failed, and links.

    Args:
        decision: `decision.json` with the outcome.
        links: label -> URL or path.
    """
    failed = [rule for rule in decision["rules"] if not rule["held"]]
    lines = [
        without_verdict(decision),
        *(f"Failed: {rule['rule']}: {rule['detail']}" for rule in failed),
        *(f"{label}: {target}" for label, target in links.items()),
    ]
    return "\n".join(map(printable, lines))


def summary_lines(
    *,
    metrics: Mapping[str, Any],
    decision: Mapping[str, Any],
    optimum: Mapping[str, Any] | None,
    links: Mapping[str, str],
) -> str:
    """Return the summary printed at the end of a run.

    Args:
        metrics: `metrics.json`.
        decision: `decision.json`.
        optimum: result of `seqtag.corpus.best_possible`, or None for a corpus of unknown origin.
        links: label -> URL or path.
    """
    scored = (
        f"{METRIC_NAMES[metrics['metric']]} on {plural(metrics['n_sequences'], 'test sequence')} "
        f"({plural(metrics['n_tokens'], 'token')}, {plural(metrics['n_documents'], 'document')}"
        f"{left_out(metrics)})"
    )
    score = metrics["challenger"]["score"]
    rows = [("this model", percent(score["value"]), f"({percent_range(score)})")]
    if metrics["champion"]:
        champion = metrics["champion"]["score"]
        rows.append(
            (champion_label(decision), percent(champion["value"]),
             f"({percent_range(champion)})")
        )  # fmt: skip
    if metrics.get("baseline"):
        baseline = metrics["baseline"]["score"]
        rows.append((baseline_label(metrics), percent(baseline["value"]), f"({percent_range(baseline)})"))
    if optimum is not None and metrics["metric"] == "accuracy":
        rows.insert(0, ("best possible from the past alone", percent(optimum["past_only_realised"]), ""))
        rows.append(("best possible from the whole sequence", percent(optimum["optimum_realised"]), ""))
    width = max(len(label) for label, _, _ in rows)
    lines = [
        f"{decision['verdict']}: {without_verdict(decision)}",
        "",
        scored,
        *(f"  {label:<{width}}  {value:>6}  {interval}".rstrip() for label, value, interval in rows),
        "",
        *(f"{label + ':':<{max(map(len, links)) + 1}} {target}" for label, target in links.items()),
    ]
    return "\n".join(printable(line) for line in lines).rstrip() + "\n"
