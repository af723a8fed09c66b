"""By how much one model is better than another on the same sequences, and what that allows to conclude."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from seqtag.config import GateConfig
from seqtag.scoring.figures import Interval, interval
from seqtag.scoring.metric import score_differences
from seqtag.scoring.randomization import randomization_p_value
from seqtag.scoring.rules import Rule, chance_rule, enough_differ_rule, margin_rule

Verdict = Literal["PROMOTE", "HOLD", "REJECT"]


@dataclass(frozen=True)
class PairedDifference:
    """Challenger minus champion, in fractions."""

    interval: Interval  # widened by what another seed would have changed
    p_better: float  # share of resamples in which the challenger is better
    p_value: float  # of approximate randomization, two-sided
    verdict: Verdict  # of the difference alone
    rules: list[Rule]


def paired_difference(
    ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32], *, gate: GateConfig, seed: int
) -> PairedDifference:
    """Compare by a paired bootstrap over sequences (Berg-Kirkpatrick et al. 2012), and by randomization.

    Args:
        ours: <float32>[sequence, 2], the parts of the challenger's score; of `metric_counts`.
        theirs: the champion's, of the same sequences.
    """
    differences = score_differences(ours, theirs, resamples=gate.resamples, seed=seed)
    found = _with_noise(interval(differences, len(ours), confidence=gate.confidence), gate)
    value, low, high = (found[end] or 0.0 for end in ("value", "low", "high"))
    p_value = randomization_p_value(ours, theirs, rounds=gate.resamples, seed=seed)
    rules = [
        enough_differ_rule(ours, theirs, gate.confidence),
        margin_rule(value, low, gate.margin),
        chance_rule(p_value, gate.confidence),
    ]
    verdict: Verdict = "HOLD"
    if rules[0]["held"]:
        verdict = "PROMOTE" if rules[1]["held"] else "REJECT" if high < 0 else "HOLD"
    return PairedDifference(found, float((differences[1:] > 0).mean()), p_value, verdict, rules)


def _with_noise(difference: Interval, gate: GateConfig) -> Interval:
    """Widen an interval by what another seed would have changed: the variances add up."""
    if not gate.retraining_noise:
        return difference
    value = difference["value"] or 0.0
    noise = statistics.NormalDist().inv_cdf((1 + gate.confidence) / 2) * 2**0.5 * gate.retraining_noise
    low, high = (math.hypot(value - (difference[end] or 0.0), noise) for end in ("low", "high"))
    return {**difference, "low": value - low, "high": value + high}
