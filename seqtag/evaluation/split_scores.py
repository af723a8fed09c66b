"""Scores of several models on one test split, as in metrics.json."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

from seqtag.config import EvaluateConfig, Metric, SchemeName
from seqtag.errors import RunDirError
from seqtag.evaluation.metric import metric_counts, resolve_metric, score_differences
from seqtag.evaluation.predictions import Predictions, read_predictions, same_gold, seen_in_train
from seqtag.evaluation.prf import Interval, standard_interval
from seqtag.evaluation.scores import Scores, model_scores
from seqtag.records import Record

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cost:
    """The resources that a tagger takes."""

    size: int  # bytes of its files
    seconds: float  # CPU time of tagging 1,000 tokens, best of several repeats
    memory: int  # peak bytes of a process that loads it and tags


@dataclass(frozen=True)
class Costs:
    """The costs of both models, measured one after the other on the same machine."""

    challenger: Cost
    champion: Cost | None


@dataclass(frozen=True)
class Metrics(Record):
    """metrics.json.

    The baseline is another kind of tagger on the same test split; it does not affect the decision.
    `baseline_difference` is the challenger's metric minus the baseline's.
    """

    FORMAT: ClassVar[str] = "metrics/1"

    metric: Metric
    scheme: SchemeName
    n_sequences: int
    n_documents: int  # resampling units
    n_tokens: int  # with a gold tag
    n_untagged: int  # tokens without a gold tag, left out of every score
    resamples: int
    confidence: float
    challenger: Scores
    champion: Scores | None
    champion_version: str | None
    baseline: Scores | None
    baseline_name: str | None
    baseline_difference: Interval | None
    champion_error: str | None = None  # why the champion could not be loaded or scored
    costs: Costs | None = None


def evaluate_predictions(
    challenger: Path,
    champion: Path | None,
    *,
    train: Path,
    scheme: SchemeName,
    config: EvaluateConfig,
    metric: Metric,
    seed: int,
    champion_version: str | None = None,
    baseline: Path | None = None,
    baseline_name: str | None = None,
    written: Callable[[str], str] = str,
    grouped: Mapping[str, Callable[[pa.Array], pa.Array]] | None = None,
) -> Metrics:
    """Score the predictions of challenger, champion and baseline on the test split.

    Args:
        train: file of the train split, to tell seen from unseen spans.
        written: returns a tag of the splits as the corpus has it, for scores and confusions of tags.
        grouped: by column of tokens in `config.slices`, what returns the groups of its values; default: the
            values themselves.

    Raises:
        ConfigError: the metric is span F1, and the tags have no scheme.
        RunDirError: a file is damaged, or its sequences or gold tags differ from the challenger's.
    """
    metric = resolve_metric(metric, scheme)

    def read(path: Path) -> Predictions:
        found = read_predictions(path, scheme=scheme, columns=config.slices)
        groups = {
            name: pa.chunked_array([group(values.combine_chunks())])
            for name, group in (grouped or {}).items()
            for values in [found.token_columns[name]]
        }
        return replace(found, token_columns={**found.token_columns, **groups})

    own = read(challenger)
    seen = None if own.span_keys is None else seen_in_train(own.span_keys, train, scheme=scheme)

    def scores(of: Predictions) -> Scores:
        return model_scores(of, seen, scheme=scheme, metric=metric, config=config, seed=seed, written=written)

    def other(path: Path) -> Predictions:
        found = read(path)
        if not same_gold(own, found):
            raise RunDirError(f"{path}: sequences or gold tags differ from those of {challenger}")
        return found

    served = None if champion is None else other(champion)
    simple = None if baseline is None else other(baseline)
    metrics = Metrics(
        metric=metric,
        scheme=scheme,
        n_sequences=own.pairs.n_sequences,
        n_documents=len(np.unique(own.units)),
        n_tokens=own.pairs.n_tokens,
        n_untagged=own.pairs.n_untagged,
        resamples=config.resamples,
        confidence=config.confidence,
        challenger=scores(own),
        champion=None if served is None else scores(served),
        champion_version=champion_version,
        baseline=None if simple is None else scores(simple),
        baseline_name=baseline_name,
        baseline_difference=None
        if simple is None
        else _difference(own, simple, metric=metric, scheme=scheme, config=config, seed=seed),
    )
    log.info("scored %d test sequences with %d tokens", metrics.n_sequences, metrics.n_tokens)
    return metrics


def _difference(
    one: Predictions,
    other: Predictions,
    *,
    metric: Metric,
    scheme: SchemeName,
    config: EvaluateConfig,
    seed: int,
) -> Interval | None:
    """Return the metric of one minus that of the other, None if either is undefined."""
    counts = [metric_counts(each.pairs, metric=metric, scheme=scheme) for each in (one, other)]
    if not all(c[:, 1].any() for c in counts):
        return None
    differences = score_differences(*counts, units=one.units, resamples=config.resamples, seed=seed)
    return standard_interval(
        differences,
        support=len(one.rows),
        n_units=len(np.unique(one.units)),
        confidence=config.confidence,
    )
