"""Statistical power of the test split in words: detectable improvements and documents needed."""

from __future__ import annotations

from seqtag.formatting import count, plural
from seqtag.gate import Plan
from seqtag.gate.error_budget import Gauge


def gauge_sentence(gauge: Gauge | None) -> str:
    """Describe the power of the test split and the error budget left; "" if nothing was compared."""
    if gauge is None:
        return ""
    improvement = _points(gauge.improvement)
    sentences = [
        f"Error budget: comparison {gauge.comparisons + 1:,} of {gauge.horizon:,} in the horizon; "
        f"each has an error level of {gauge.level:.4%}.",
        f"With {plural(gauge.n_documents, 'test document')}, a comparison detects an improvement of "
        f"{_points(gauge.detectable)} points in 4 of 5 cases.",
    ]
    if gauge.good_for >= 1:
        sentences.append(
            f"At the same power for {improvement} points, the test split is good for "
            f"{plural(gauge.good_for, 'more comparison')}"
            + (f"; {plural(gauge.to_double, 'more document')} would double that." if gauge.to_double else ".")
        )
    elif gauge.documents is not None and gauge.documents <= gauge.n_documents:
        sentences.append(
            f"The test split is large enough to detect {improvement} points at the same power, but the error "
            "budget is used up until older comparisons leave the horizon."
        )
    elif gauge.documents is not None:
        sentences.append(
            f"The test split is too small to detect {improvement} points at the same power; "
            f"{count(gauge.documents)} documents are needed."
        )
    else:
        sentences.append(
            f"{improvement} points cannot be detected with any test split: retrainings of the same "
            "configuration differ by more."
        )
    return " ".join(sentences)


def plan_text(plan: Plan, *, run_id: str) -> str:
    """Format a plan for a terminal.

    Args:
        run_id: the run that it is based on.
    """
    per_document = plan.n_sequences / plan.n_documents if plan.n_documents else 0.0
    lines = [
        f"Test split: {plural(plan.n_sequences, 'comparable sequence')} in "
        f"{plural(plan.n_documents, 'document')} (run {run_id}).",
        f"Standard error of a difference: {100 * plan.standard_error:.2f} points.",
        f"Retraining noise: {100 * plan.noise:.2f} points ({plan.noise_source}).",
        f"Error level of a comparison: {plan.level:.4%}.",
        "",
        f"{'improvement':>12}  {'detected by one comparison':>27}  "
        f"{'documents to detect it in 4 of 5 cases':>39}",
    ]
    for finding in plan.findings:
        needed = "impossible: retrainings differ by more"
        if finding.documents is not None:
            needed = f"{finding.documents:,} (about {finding.documents * per_document:,.0f} sequences)"
        lines.append(f"{_points(finding.improvement):>12}  {finding.power:>27.0%}  {needed:>39}")
    return "\n".join(lines)


def _points(fraction: float) -> str:
    return f"+{100 * fraction:.3g}"
