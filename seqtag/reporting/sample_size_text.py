"""The use of a test split in words: what it is good for, and what it would take to tell more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtag.gate import Plan
from seqtag.reporting.formatting import count, plural


def gauge_sentence(decision: Mapping[str, Any]) -> str:
    """Say what the error budget and the test split are good for; "" where nothing was compared.

    Args:
        decision: `decision.json`.
    """
    gauge = decision["gauge"]
    if gauge is None:
        return ""
    improvement = _points(gauge["improvement"])
    sentences = [
        f"Error budget: comparison {gauge['comparisons'] + 1:,} of the {gauge['horizon']:,} of a horizon; "
        f"each takes {gauge['level']:.4%}.",
        f"On {plural(gauge['n_documents'], 'document')} a comparison finds an improvement of "
        f"{_points(gauge['detectable'])} points in 4 cases of 5.",
    ]
    if gauge["good_for"] >= 1:
        sentences.append(
            f"To find {improvement} points as surely, the test split is good for "
            f"{plural(gauge['good_for'], 'more comparison')}"
            + (f"; {plural(gauge['to_double'], 'more document')} double that." if gauge["to_double"] else ".")
        )
    elif gauge["documents"] is not None and gauge["documents"] <= gauge["n_documents"]:
        sentences.append(
            f"The test split is large enough to find {improvement} points as surely, but the error budget is "
            "used up until older comparisons leave the horizon."
        )
    elif gauge["documents"] is not None:
        sentences.append(
            f"To find {improvement} points as surely, the test split is too small; "
            f"{count(gauge['documents'])} documents are needed."
        )
    else:
        sentences.append(
            f"{improvement} points cannot be found with any test split: retrainings of one configuration "
            "differ by more."
        )
    return " ".join(sentences)


def plan_text(plan: Plan, *, run_id: str) -> str:
    """Write a plan for a terminal.

    Args:
        run_id: the run that it is from.
    """
    per_document = plan.n_sequences / plan.n_documents if plan.n_documents else 0.0
    lines = [
        f"Test split: {plural(plan.n_documents, 'document')} of {plural(plan.n_sequences, 'sequence')} that "
        f"could be compared (run {run_id}).",
        f"Standard error of a difference: {100 * plan.standard_error:.2f} points.",
        f"Retraining noise: {100 * plan.noise:.2f} points ({plan.noise_source}).",
        f"Error level of a comparison: {plan.level:.4%}.",
        "",
        f"{'improvement':>12}  {'found by one comparison':>24}  {'documents to find it in 4 cases of 5':>37}",
    ]
    for finding in plan.findings:
        needed = "no number: retrainings differ by more"
        if finding.documents is not None:
            needed = f"{finding.documents:,} (about {finding.documents * per_document:,.0f} sequences)"
        lines.append(f"{_points(finding.improvement):>12}  {finding.power:>24.0%}  {needed:>37}")
    return "\n".join(lines)


def _points(fraction: float) -> str:
    return f"+{100 * fraction:.3g}"
