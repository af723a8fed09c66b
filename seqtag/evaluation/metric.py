"""The one figure that a task is judged by, on dev while training and on test at the gate."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config import Metric, SchemeName
from seqtag.errors import ConfigError
from seqtag.evaluation.bootstrap import resampled_totals
from seqtag.evaluation.counts import CORRECT, GOLD, PREDICTED, Dense, TagPairs, pair_tags, span_totals
from seqtag.evaluation.prf import Sums, ratio


def resolve_metric(metric: Literal["auto"] | Metric, scheme: SchemeName) -> Metric:
    """Return what the task is judged by: span F1 where tags have a scheme, else accuracy.

    Raises:
        ConfigError: span F1 was asked for, and the tags have no scheme.
    """
    if metric == "auto":
        return "accuracy" if scheme == "none" else "span_f1"
    if metric == "span_f1" and scheme == "none":
        raise ConfigError(
            "gate.metric: 'accuracy' was required where tags have no scheme. Received: 'span_f1'"
        )
    return metric


def score_value(gold: pa.ListArray, predicted: pa.ListArray, *, metric: Metric, scheme: SchemeName) -> float:
    """Return the metric alone, NaN where it is 0 / 0.

    >>> tags = pa.array([["O", "B-X", "O", "B-X"]]), pa.array([["O", "B-X", "B-X", "O"]])
    >>> score_value(*tags, metric="accuracy", scheme="IOB2")
    0.5
    >>> score_value(*tags, metric="span_f1", scheme="IOB2")
    0.5
    """
    sums = metric_counts(pair_tags(gold, predicted), metric=metric, scheme=scheme).sum(0, dtype=np.float64)
    return float(ratio(sums[0], sums[1]))


def metric_counts(pairs: TagPairs, *, metric: Metric, scheme: SchemeName) -> npt.NDArray[np.float32]:
    """Return `<float32>[n_sequences, 2]`: numerator and denominator of the metric.

    Accuracy is correct tokens by tokens with a gold tag. Micro F1 of spans is twice the correct ones by the
    gold and the predicted ones together.
    """
    if metric == "accuracy":
        right = np.append(0, np.cumsum(pairs.gold == pairs.predicted))[pairs.offsets]
        return np.stack([np.diff(right), np.diff(pairs.known_offsets)], axis=1).astype(np.float32)
    gold, predicted = pairs.spans(scheme, "conlleval")
    per_sequence = span_totals(gold, predicted, pairs.offsets)
    found = per_sequence[:, GOLD] + per_sequence[:, PREDICTED]
    return np.stack([2 * per_sequence[:, CORRECT], found], axis=1)


def score_differences(
    ours: npt.NDArray[np.float32],
    theirs: npt.NDArray[np.float32],
    *,
    units: npt.NDArray[np.uint64],
    resamples: int,
    seed: int,
) -> Sums:
    """Return `<float64>[1 + resamples]`, one model's metric minus another's, both on the same resample.

    A resample in which one of them is undefined speaks for neither.

    Args:
        ours, theirs: `<float32>[n_sequences, 2]`, the `metric_counts` of the two on the same sequences.
        units: `<uint64>[n_sequences]`, equal for sequences that are drawn together.
    """
    one, other = resampled_totals([Dense(ours), Dense(theirs)], units=units, resamples=resamples, seed=seed)
    return np.nan_to_num(ratio(*one.sums.T) - ratio(*other.sums.T))
