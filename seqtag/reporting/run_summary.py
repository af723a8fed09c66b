"""What a retraining came to, in plain lines for the terminal."""

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
    """Write what people are told of a retraining wherever they are: the numbers, what decided, where to look.

    Args:
        decision: `decision.json` with what it came to.
        links: label -> where to look.
    """
    broken = [rule for rule in decision["rules"] if not rule["held"]]
    lines = [
        without_verdict(decision),
        *(f"Not held: {rule['rule']}: {rule['detail']}" for rule in broken),
        *(f"{label}: {where}" for label, where in links.items()),
    ]
    return "\n".join(map(printable, lines))


def summary_lines(
    *,
    metrics: Mapping[str, Any],
    decision: Mapping[str, Any],
    optimum: Mapping[str, Any] | None,
    links: Mapping[str, str],
) -> str:
    """Write what a person at the terminal wants to know when the run is over.

    Args:
        metrics: `metrics.json`.
        decision: `decision.json`.
        optimum: what `seqtag.corpus.best_possible` found, or None for a corpus of unknown origin.
        links: label -> where to look.
    """
    scored = (
        f"{METRIC_NAMES[metrics['metric']]} on {plural(metrics['n_sequences'], 'test sequence')} "
        f"({plural(metrics['n_tokens'], 'token')}, {plural(metrics['n_documents'], 'document')}"
        f"{left_out(metrics)})"
    )
    score = metrics["challenger"]["score"]
    rows = [("this model", percent(score["value"]), f"({percent_range(score)})")]
    if metrics["champion"]:
        served = metrics["champion"]["score"]
        rows.append(
            (champion_label(decision), percent(served["value"]),
             f"({percent_range(served)})")
        )  # fmt: skip
    if metrics.get("baseline"):
        simple = metrics["baseline"]["score"]
        rows.append((baseline_label(metrics), percent(simple["value"]), f"({percent_range(simple)})"))
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
        *(f"{label + ':':<{max(map(len, links)) + 1}} {where}" for label, where in links.items()),
    ]
    return "\n".join(printable(line) for line in lines).rstrip() + "\n"
