"""Scores of one model, each with support and a confidence interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config import EvaluateConfig, Metric, SchemeName
from seqtag.evaluation.bootstrap import Resampled, resampled_totals
from seqtag.evaluation.calibration import Calibration, calibration
from seqtag.evaluation.counts import (
    GOLD,
    PREDICTED,
    ClassCounts,
    Counts,
    Dense,
    TagPairs,
    pair_tags,
    span_counts,
    span_totals,
    tag_counts,
)
from seqtag.evaluation.metric import metric_counts, resolve_metric
from seqtag.evaluation.predictions import Predictions
from seqtag.evaluation.prf import Interval, Prf, macro_prf, prf_per_class, ratio, share
from seqtag.evaluation.slices import (
    Slices,
    SliceScores,
    by_column,
    by_length,
    by_repetition,
    by_seen_span,
    by_token_column,
    by_unknown_token,
    sequence_counts,
    token_counts,
)
from seqtag.tagging.spans import SPAN_MODES, SpanMode


@dataclass(frozen=True)
class SpanScores:
    """Span scores of one mode; macro is the mean over types with gold support."""

    micro: Prf
    macro: Prf
    types: dict[str, Prf]


@dataclass(frozen=True)
class ConfusionMatrix:
    """Counts of tokens by gold tag (row) and predicted tag (column)."""

    tags: list[str]
    counts: list[list[int]]


@dataclass(frozen=True)
class Scores:
    """All scores of one model; `score` is the main metric of the task."""

    score: Interval
    accuracy: Interval
    span_f1: Interval | None
    spans: dict[SpanMode, SpanScores] | None
    tags: dict[str, Prf]
    confusion: ConfusionMatrix
    slices: list[SliceScores]
    calibration: Calibration | None


def evaluate(
    gold: pa.ListArray,
    predicted: pa.ListArray,
    *,
    scheme: SchemeName,
    metric: Metric,
    config: EvaluateConfig,
    seed: int,
    units: npt.NDArray[np.uint64] | None = None,
    columns: Mapping[str, pa.Array] | None = None,
    unknown: npt.NDArray[np.bool_] | None = None,
    seen: npt.NDArray[np.bool_] | None = None,
    confidence: npt.NDArray[np.float32] | None = None,
    span_confidence: npt.NDArray[np.float32] | None = None,
) -> Scores:
    """Score predicted tags.

    Args:
        units: `<uint64>[n_sequences]`, equal for sequences that are drawn together; None: one unit each.
        columns: for each name in `config.slices`, one string per sequence.
        unknown: `<bool>[n_sequences]`, contains a token outside the vocabulary; None: no such slice.
        seen: `<bool>[n_gold_spans]`, occurs in train; None: no such slice.
        confidence: `<float32>[n_tokens]`, probability of the predicted tag; None: no calibration.
        span_confidence: the same for the predicted span around the token; None: no calibration of spans.

    Raises:
        ConfigError: gold and predicted tags differ in length, or span F1 is the metric of tags without a
            scheme.
    """
    metric = resolve_metric(metric, scheme)
    predictions = Predictions(
        rows=np.arange(len(gold)),
        units=np.arange(len(gold), dtype=np.uint64) if units is None else units,
        pairs=pair_tags(gold, predicted),
        unknown=unknown,
        confidence=confidence,
        span_confidence=span_confidence,
        columns=dict(columns or {}),
    )
    return model_scores(predictions, seen, scheme=scheme, metric=metric, config=config, seed=seed)


def model_scores(
    predictions: Predictions,
    seen: npt.NDArray[np.bool_] | None,
    *,
    scheme: SchemeName,
    metric: Metric,
    config: EvaluateConfig,
    seed: int,
    written: Callable[[str], str] = str,
) -> Scores:
    """Score predictions; `seen` is as in `evaluate`, and `metric` is already resolved.

    Args:
        written: returns a tag as scores and confusions of tags name it.
    """
    pairs = predictions.pairs
    named = pairs.with_names([written(tag) for tag in pairs.tags])
    slices = _slices(predictions, seen, scheme=scheme, config=config)
    modes = SPAN_MODES if scheme != "none" else ()
    in_modes = [pairs.spans(scheme, mode) for mode in modes]
    by_type = [span_counts(*both, pairs.offsets) for both in in_modes]
    in_sum = [Dense(span_totals(*both, pairs.offsets)[..., None]) for both in in_modes]
    right = Dense(metric_counts(pairs, metric="accuracy", scheme=scheme))
    tables: list[Counts] = [right, tag_counts(named), *by_type, *in_sum, *slices]
    of_right, of_tags, *rest = resampled_totals(
        tables, units=predictions.units, resamples=config.resamples, seed=seed
    )
    confidence = config.confidence
    spans = {
        mode: _span_scores(rest[i], rest[len(modes) + i], by_type[i], confidence=confidence)
        for i, mode in enumerate(modes)
    }
    accuracy = share(
        ratio(*of_right.sums.T),
        trials=pairs.n_tokens,
        n_units=int(of_right.n_units[1]),
        confidence=confidence,
    )
    span_f1 = spans["conlleval"].micro.f1 if spans else None
    return Scores(
        score=accuracy if metric == "accuracy" or span_f1 is None else span_f1,
        accuracy=accuracy,
        span_f1=span_f1,
        spans=spans or None,
        tags=dict(zip(named.tags, prf_per_class(of_tags, confidence=confidence), strict=True)),
        confusion=_confusion(named),
        slices=[
            score
            for part, counts in zip(slices, rest[2 * len(modes) :], strict=True)
            for score in part.scores(counts, scheme=scheme, confidence=confidence)
        ],
        calibration=_calibration(predictions, scheme=scheme, config=config, seed=seed),
    )


def _slices(
    predictions: Predictions,
    seen: npt.NDArray[np.bool_] | None,
    *,
    scheme: SchemeName,
    config: EvaluateConfig,
) -> list[Slices]:
    pairs, columns = predictions.pairs, predictions.columns
    counts = sequence_counts(pairs, scheme)
    slices = [by_length(counts, pairs.offsets, config.length_buckets)]
    if predictions.seen is not None and predictions.seen.any():
        slices.append(by_repetition(counts, predictions.seen))
    if predictions.unknown is not None:
        slices.append(by_unknown_token(counts, predictions.unknown))
    if seen is not None:
        slices.extend(by_seen_span(pairs, seen, scheme))
    of_tokens = predictions.token_columns
    slices.extend(by_column(counts, name, columns[name]) for name in config.slices if name not in of_tokens)
    if of_tokens:
        counts = token_counts(pairs, scheme)
        slices.extend(
            by_token_column(counts, name, values, offsets=pairs.offsets) for name, values in of_tokens.items()
        )
    return slices


def _span_scores(
    of_types: Resampled, of_all: Resampled, types: ClassCounts, *, confidence: float
) -> SpanScores:
    """Return the scores from `[1 + resamples, 3, type]` and `[1 + resamples, 3, 1]`."""
    occurs = of_types.sums[0, GOLD] + of_types.sums[0, PREDICTED] > 0
    per_type = prf_per_class(of_types, confidence=confidence)
    n_units = int(of_all.n_units[[GOLD, PREDICTED]].max())
    return SpanScores(
        micro=prf_per_class(of_all, confidence=confidence)[0],
        macro=macro_prf(of_types, n_units=n_units, confidence=confidence),
        types={t: prf for t, prf, kept in zip(types.names, per_type, occurs, strict=True) if kept},
    )


def _confusion(pairs: TagPairs) -> ConfusionMatrix:
    n = len(pairs.tags)
    gold, predicted = pairs.judged()
    counts = np.bincount(gold.astype(np.int64) * n + predicted, minlength=n * n)
    return ConfusionMatrix(tags=list(pairs.tags), counts=counts.reshape(n, n).tolist())


def _calibration(
    predictions: Predictions, *, scheme: SchemeName, config: EvaluateConfig, seed: int
) -> Calibration | None:
    if predictions.confidence is None:
        return None
    return calibration(
        predictions.pairs,
        predictions.confidence,
        units=predictions.units,
        span_confidences=predictions.span_confidence,
        scheme=scheme,
        config=config,
        seed=seed,
    )
