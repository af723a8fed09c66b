"""Predictions files of several models on one test split, scored as metrics.json holds them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TypedDict

import numpy as np

from seqtag.config import EvaluateConfig, Metric, SchemeName
from seqtag.errors import RunDirError
from seqtag.evaluation.metric import metric_counts, resolve_metric, score_differences
from seqtag.evaluation.predictions import Predictions, read_predictions, same_gold, seen_in_train
from seqtag.evaluation.prf import Interval, standard_interval
from seqtag.evaluation.scores import Scores, model_scores

log = logging.getLogger(__name__)


class Metrics(TypedDict):
    """metrics.json.

    The baseline is a tagger of another kind on the same test split, which decides nothing; its difference
    is the challenger's metric minus its own.
    """

    metric: Metric
    scheme: SchemeName
    n_sequences: int
    n_documents: int  # resampling units
    n_tokens: int  # with a gold tag
    n_untagged: int  # tokens of these sequences that have none, and are left out of every score
    resamples: int
    confidence: float
    challenger: Scores
    champion: Scores | None
    champion_version: str | None
    baseline: Scores | None
    baseline_name: str | None
    baseline_difference: Interval | None


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
) -> Metrics:
    """Score predictions on the test split: the challenger's, and the champion's and a baseline's if any.

    Args:
        train: the train split, which says what spans have been seen.

    Raises:
        ConfigError: the metric is span F1, and the tags have no scheme.
        RunDirError: a file is damaged, or two were not made for the same gold tags.
    """
    metric = resolve_metric(metric, scheme)
    ours = read_predictions(challenger, scheme=scheme, columns=config.slices)
    seen = None if ours.span_keys is None else seen_in_train(ours.span_keys, train, scheme=scheme)

    def scores(of: Predictions) -> Scores:
        return model_scores(of, seen, scheme=scheme, metric=metric, config=config, seed=seed)

    def other(path: Path) -> Predictions:
        theirs = read_predictions(path, scheme=scheme, columns=config.slices)
        if not same_gold(ours, theirs):
            raise RunDirError(
                f"{path}: the sequences and gold tags of {challenger} were required. Received: others"
            )
        return theirs

    served = None if champion is None else other(champion)
    simple = None if baseline is None else other(baseline)
    metrics = Metrics(
        metric=metric,
        scheme=scheme,
        n_sequences=ours.pairs.n_sequences,
        n_documents=len(np.unique(ours.units)),
        n_tokens=ours.pairs.n_tokens,
        n_untagged=ours.pairs.n_untagged,
        resamples=config.resamples,
        confidence=config.confidence,
        challenger=scores(ours),
        champion=None if served is None else scores(served),
        champion_version=champion_version,
        baseline=None if simple is None else scores(simple),
        baseline_name=baseline_name,
        baseline_difference=None
        if simple is None
        else _difference(ours, simple, metric=metric, scheme=scheme, config=config, seed=seed),
    )
    log.info("scored %d test sequences of %d tokens", metrics["n_sequences"], metrics["n_tokens"])
    return metrics


def _difference(
    ours: Predictions,
    theirs: Predictions,
    *,
    metric: Metric,
    scheme: SchemeName,
    config: EvaluateConfig,
    seed: int,
) -> Interval | None:
    """Return the metric of one minus the other's, None where one of them is undefined."""
    counts = [metric_counts(each.pairs, metric=metric, scheme=scheme) for each in (ours, theirs)]
    if not all(c[:, 1].any() for c in counts):
        return None
    differences = score_differences(*counts, units=ours.units, resamples=config.resamples, seed=seed)
    return standard_interval(
        differences,
        support=len(ours.rows),
        n_units=len(np.unique(ours.units)),
        confidence=config.confidence,
    )
