"""Sample size: the improvements a test split can detect, and the documents needed for smaller ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqtag.config import GateConfig
from seqtag.gate.decision import Decision
from seqtag.gate.error_budget import documents_needed, fewest_test_documents, power

IMPROVEMENTS = (0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05)


@dataclass(frozen=True)
class DetectableImprovement:
    """An improvement (a fraction), the power of one comparison, and the documents for a power of 80 %.

    documents   None: no number is enough, because retraining noise exceeds the improvement
    """

    improvement: float
    power: float
    documents: int | None


@dataclass(frozen=True)
class Plan:
    """The detection power of a test split by improvement; scores and probabilities are fractions.

    level           error level of one comparison: its probability of a false promotion
    standard_error  of the difference between two models on the test split
    noise           standard deviation of the score between equally good retrainings
    """

    level: float
    standard_error: float
    noise: float
    noise_source: str
    n_documents: int
    n_sequences: int
    findings: tuple[DetectableImprovement, ...]


def plan_test_split(
    decision: Decision, gate: GateConfig, *, improvements: Sequence[float] = IMPROVEMENTS
) -> Plan | None:
    """Return the detection power of the test split of a comparison, None if nothing was compared."""
    error, noise, n_documents = decision.standard_error, decision.noise, decision.n_documents
    if not error or noise is None:
        return None
    level = gate.false_promotions / gate.horizon
    of_one = error * n_documents**0.5

    def finding(improvement: float) -> DetectableImprovement:
        found = power(improvement, standard_error=error, level=level, noise=noise, gate=gate)
        return DetectableImprovement(
            improvement,
            found if n_documents >= fewest_test_documents(gate) else 0.0,
            documents_needed(improvement, of_one=of_one, level=level, noise=noise, gate=gate),
        )

    return Plan(
        level=level,
        standard_error=error,
        noise=noise,
        noise_source=decision.noise_source,
        n_documents=n_documents,
        n_sequences=decision.n_sequences,
        findings=tuple(map(finding, sorted({*improvements, gate.improvement}))),
    )
