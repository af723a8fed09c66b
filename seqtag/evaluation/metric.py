"""The main metric of a task: used on dev during training, and on test at the gate."""

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
    """Return the metric of the task; "auto" is span F1 if tags have a scheme, else accuracy.

    Raises:
        ConfigError: the metric is span F1, and the tags have no scheme.
    """
    if metric == "auto":
        return "accuracy" if scheme == "none" else "span_f1"
    if metric == "span_f1" and scheme == "none":
        raise ConfigError(
            "gate.metric has no spans to score: 'span_f1' expects a scheme of spans, got tags without one; "
            "set gate.metric = 'accuracy' or a scheme"
        )
    return metric


def score_value(gold: pa.ListArray, predicted: pa.ListArray, *, metric: Metric, scheme: SchemeName) -> float:
    """Return the value of the metric, NaN for 0 / 0.

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

    Accuracy is correct tokens / tokens with a gold tag. Micro F1 of spans is 2 * correct / (gold +
    predicted).
    """
    if metric == "accuracy":
        right = np.append(0, np.cumsum(pairs.gold == pairs.predicted))[pairs.offsets]
        return np.stack([np.diff(right), np.diff(pairs.known_offsets)], axis=1).astype(np.float32)
    gold, predicted = pairs.spans(scheme, "conlleval")
    per_sequence = span_totals(gold, predicted, pairs.offsets)
    found = per_sequence[:, GOLD] + per_sequence[:, PREDICTED]
    return np.stack([2 * per_sequence[:, CORRECT], found], axis=1)


def score_differences(
    one: npt.NDArray[np.float32],
    other: npt.NDArray[np.float32],
    *,
    units: npt.NDArray[np.uint64],
    resamples: int,
    seed: int,
) -> Sums:
    """Return `<float64>[1 + resamples]`, the metric of one model minus the other's on the same resample.

    The difference is 0 in a resample in which either is undefined.

    Args:
        one, other: `<float32>[n_sequences, 2]`, `metric_counts` of two models on the same sequences.
        units: `<uint64>[n_sequences]`, equal for sequences that are drawn together.
    """
    totals = resampled_totals([Dense(one), Dense(other)], units=units, resamples=resamples, seed=seed)
    first, second = (ratio(*each.sums.T) for each in totals)
    return np.nan_to_num(first - second)
