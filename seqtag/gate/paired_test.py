"""Paired test: the difference between two models on the same sequences, and the verdict it supports."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from seqtag.config import GateConfig
from seqtag.evaluation.bootstrap import unit_totals
from seqtag.evaluation.metric import score_differences
from seqtag.evaluation.prf import Interval, difference_interval, t_reach
from seqtag.evaluation.randomization import randomization_p_value
from seqtag.gate.gate_rules import GateRule, chance_rule, enough_differ_rule, margin_rule, noise_rule
from seqtag.gate.retraining_noise import RetrainingNoise
from seqtag.gate.skewness import lower_reach, unit_skewness

GateVerdict = Literal["PROMOTE", "HOLD", "REJECT"]


@dataclass(frozen=True)
class PairedDifference:
    """Challenger minus champion, in fractions.

    interval        at the gate's confidence, with retraining noise
    standard_error  from the test split alone, without retraining noise
    bound           lower bound at the error level of this comparison, corrected for negative skewness,
                    without retraining noise
    p_better        share of resamples in which the challenger is better
    p_value         of approximate randomization, two-sided
    verdict         from the difference alone
    """

    interval: Interval
    standard_error: float
    bound: float
    p_better: float
    p_value: float
    verdict: GateVerdict
    rules: list[GateRule]


def paired_difference(
    challenger: npt.NDArray[np.float32],
    champion: npt.NDArray[np.float32],
    *,
    units: npt.NDArray[np.uint64],
    gate: GateConfig,
    level: float,
    noise: RetrainingNoise,
    seed: int,
) -> PairedDifference:
    """Compare by a paired bootstrap over units (Berg-Kirkpatrick et al. 2012) and by randomization.

    Args:
        challenger: <float32>[n_sequences, 2], from `metric_counts`.
        champion: the same, for the same sequences.
        units: <uint64>[n_sequences], equal for sequences that are drawn together.
        level: error level: the probability of a false promotion that this comparison may have.
    """
    differences = score_differences(challenger, champion, units=units, resamples=gate.resamples, seed=seed)
    totals = unit_totals(challenger, units), unit_totals(champion, units)
    n_units, value = len(totals[0]), float(differences[0])
    of_test = float(np.std(differences[1:], ddof=1))
    skewness = unit_skewness(*totals)
    is_same = np.array_equal(*totals)  # then there is no retraining noise either
    of_both = 0.0 if is_same else math.hypot(of_test, 2**0.5 * noise.value)
    reach = t_reach((1 + gate.confidence) / 2, n_units, deviation=of_both)
    bound = value - lower_reach(1 - level, n_units, deviation=of_test, skewness=skewness)
    p_value = randomization_p_value(*totals, level=2 * level, seed=seed)
    needed = gate.margin + max(value - bound, reach)
    rules = [
        enough_differ_rule(*totals, level),
        margin_rule(value, bound, level=level, margin=gate.margin, needed=needed),
        noise_rule(value, value - reach, noise=noise, gate=gate, needed=needed),
        chance_rule(p_value, level),
    ]
    enough, clears, exceeds_noise, _ = (rule.passed for rule in rules)
    verdict: GateVerdict = "HOLD"
    if enough:
        verdict = "PROMOTE" if clears and exceeds_noise else "REJECT" if value + reach < 0 else "HOLD"
    return PairedDifference(
        interval=difference_interval(value, reach, support=len(challenger), n_units=n_units),
        standard_error=of_test,
        bound=max(bound, -1.0),
        p_better=float((differences[1:] > 0).mean()),
        p_value=p_value,
        verdict=verdict,
        rules=rules,
    )
