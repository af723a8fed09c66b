"""The difference between two models on the same sequences, and the conclusion that it allows."""

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

GateVerdict = Literal["PROMOTE", "HOLD", "REJECT"]


@dataclass(frozen=True)
class PairedDifference:
    """Challenger minus champion, in fractions.

    interval        at the gate's confidence, retraining noise included
    standard_error  of the test split alone
    bound           lower bound at the error level of this comparison, on other test splits
    p_better        share of resamples in which the challenger is better
    p_value         of approximate randomization, two-sided
    verdict         of the difference alone
    """

    interval: Interval
    standard_error: float
    bound: float
    p_better: float
    p_value: float
    verdict: GateVerdict
    rules: list[GateRule]


def paired_difference(
    ours: npt.NDArray[np.float32],
    theirs: npt.NDArray[np.float32],
    *,
    units: npt.NDArray[np.uint64],
    gate: GateConfig,
    level: float,
    noise: RetrainingNoise,
    seed: int,
) -> PairedDifference:
    """Compare by a paired bootstrap over units (Berg-Kirkpatrick et al. 2012), and by randomization.

    Args:
        ours: <float32>[n_sequences, 2], the parts of the challenger's score; of `metric_counts`.
        theirs: the champion's, of the same sequences.
        units: <uint64>[n_sequences], equal for sequences that are drawn together.
        level: the chance of a false promotion that this comparison may take.
    """
    differences = score_differences(ours, theirs, units=units, resamples=gate.resamples, seed=seed)
    totals = unit_totals(ours, units), unit_totals(theirs, units)
    n_units, value = len(totals[0]), float(differences[0])
    of_test = float(np.std(differences[1:], ddof=1))
    is_same = np.array_equal(*totals)  # then another training would have changed nothing either
    of_both = 0.0 if is_same else math.hypot(of_test, 2**0.5 * noise.value)
    reach = t_reach((1 + gate.confidence) / 2, n_units, deviation=of_both)
    bound = value - t_reach(1 - level, n_units, deviation=of_test)
    p_value = randomization_p_value(*totals, level=2 * level, seed=seed)
    rules = [
        enough_differ_rule(*totals, level),
        margin_rule(value, bound, level=level, margin=gate.margin),
        noise_rule(value, value - reach, noise=noise, gate=gate),
        chance_rule(p_value, level),
    ]
    enough, clears, exceeds_noise, _ = (rule["held"] for rule in rules)
    verdict: GateVerdict = "HOLD"
    if enough:
        verdict = "PROMOTE" if clears and exceeds_noise else "REJECT" if value + reach < 0 else "HOLD"
    return PairedDifference(
        interval=difference_interval(value, reach, support=len(ours), n_units=n_units),
        standard_error=of_test,
        bound=max(bound, -1.0),
        p_better=float((differences[1:] > 0).mean()),
        p_value=p_value,
        verdict=verdict,
        rules=rules,
    )
