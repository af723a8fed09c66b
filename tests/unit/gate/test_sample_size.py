"""Sample size: the plan of a test split from a comparison."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from seqtag.config import GateConfig
from seqtag.gate import IMPROVEMENTS, Decision, Plan, plan_test_split


def plan(*, improvements: tuple[float, ...] = (), **found: Any) -> Plan | None:
    """Plan from a comparison of 1,000 documents with a standard error of 0.1 points."""
    decision = {
        "standard_error": 0.001,
        "noise": 0.0,
        "noise_source": "configured as gate.retraining_noise",
        "n_documents": 1000,
        "n_sequences": 4000,
    }
    compared = cast("Decision", SimpleNamespace(**{**decision, **found}))
    return plan_test_split(compared, GateConfig(), improvements=improvements)


def test_a_plan_matches_values_worked_out_by_hand() -> None:
    """A difference has to clear 3.6387 standard errors, the normal quantile of 1 - 1 / 7300.

    0.3 points are 3 errors: the power is that of -0.6387. 0.36387 points have a power of one half, and need
    ((3.6387 + 0.8416) / 3.6387) ** 2 * 1,000 documents for 80 %. 1 point needs (4.4804 / 10) ** 2 * 1,000.
    """
    found = plan(improvements=(0.01, 0.0036387))
    assert found is not None
    assert [finding.improvement for finding in found.findings] == [0.003, 0.0036387, 0.01]
    assert [finding.power for finding in found.findings] == pytest.approx([0.2615, 0.5, 1.0], abs=1e-4)
    assert [finding.documents for finding in found.findings] == [2231, 1517, 201]
    assert (found.level, found.standard_error) == (0.05 / 365, 0.001)
    assert (found.n_documents, found.n_sequences) == (1000, 4000)


def test_no_number_of_documents_finds_less_than_retraining_noise() -> None:
    """1.96 * sqrt(2) * 0.1 points are 0.277."""
    found = plan(noise=0.001, improvements=(0.0027, 0.0028))
    assert found is not None
    below, above, _ = found.findings
    assert below.documents is None
    assert above.documents is not None
    assert above.documents > 100_000


def test_default_improvements_range_from_a_tenth_of_a_point_to_five() -> None:
    found = plan(improvements=IMPROVEMENTS)
    assert found is not None
    assert [finding.improvement for finding in found.findings] == [
        *(0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05)
    ]
    powers = [finding.power for finding in found.findings]
    assert powers == sorted(powers)


@pytest.mark.parametrize("found", [{"standard_error": None, "noise": None}, {"standard_error": 0.0}])
def test_without_a_comparison_of_different_models_there_is_no_plan(found: dict[str, Any]) -> None:
    assert plan(**found) is None
