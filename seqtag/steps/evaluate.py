"""Evaluate: tag the test split with challenger and champion, and score both."""

from __future__ import annotations

import logging
from dataclasses import asdict, astuple, replace
from pathlib import Path

import pyarrow.parquet as pq

from seqtag.artifacts import Manifest, digest, require_manifest
from seqtag.config import SchemeName, config_inputs
from seqtag.corpus import Profile, best_possible
from seqtag.errors import BundleError
from seqtag.evaluation import Cost, Costs, evaluate_predictions
from seqtag.features import ColumnIndex
from seqtag.neural import write_predictions
from seqtag.run_dir import RunDir
from seqtag.steps.context import metric, read_config, spelling_of, train_scheme, written_tag
from seqtag.steps.planned_run import DryRun
from seqtag.steps.retrain_champion import ChampionSubstitute
from seqtag.steps.run_inputs import PinnedOpponent, pinned_champion
from seqtag.steps.step import run_step
from seqtag.subprocess_runner import run_in_subprocess

logger = logging.getLogger(__name__)


def evaluate(run: RunDir, *, dry_run: DryRun | None = None) -> Manifest:
    """Score challenger, champion and baseline on the same test sequences.

    Writes `evaluate/`. If the bundle of the champion cannot be used, the reason is written too, and that
    champion is never replaced.

    Raises:
        BundleError: the challenger's bundle cannot be used.
        MemoryExhaustedError: memory was not enough for tagging.
        SubprocessKilledError: a subprocess that tags was killed.
        OSError, RunDirError: a file could not be read or written.
    """
    config = read_config(run)
    asked = config.evaluate.baseline != "none"
    return run_step(
        evaluate,
        run,
        inputs={
            "splits": require_manifest(run.output("split")).digest,
            "model": require_manifest(run.output("train")).digest,
            "champion": pinned_champion(run),
            "retrain_champion": require_manifest(run.output("retrain_champion")).digest,
            "baseline": require_manifest(run.output("baseline")).digest if asked else "",
            **config_inputs(config, "evaluate"),
            "metric": metric(run),
            "scheme": Profile.load(run.profile).scheme.used,
            "spelling": digest(*astuple(spelling_of(run))),
        },
        write=lambda folder: _score_both(run, folder),
        dry_run=dry_run,
    )


def tag_split(bundle: str, split: str, predictions: str, scheme: SchemeName) -> dict[str, float]:
    """Tag a split with a bundle; return the fields of its `Cost`."""
    return asdict(write_predictions(Path(bundle), Path(split), Path(predictions), scheme=scheme))


def _score_both(run: RunDir, folder: Path) -> None:
    config, opponent = read_config(run), PinnedOpponent.load(run.opponent).champion
    challenger = folder / run.predictions("challenger").name
    champion = folder / run.predictions("champion").name
    cost, champion_cost = _tag_test(run, run.output("train"), challenger), None
    failure = None
    if opponent is not None:
        try:
            trained = ChampionSubstitute.load(run.substitute).trained
            bundle = run.retrained_champion if trained else run.resolved(opponent.bundle)
            champion_cost = _tag_test(run, bundle, champion)
        except BundleError as error:  # permanent, so `decide` keeps the champion
            failure = str(error)
            champion.unlink(missing_ok=True)
            logger.warning("evaluate: champion version %s: %s", opponent.version, failure)
        except Exception:  # may be transient: nothing is written, and a retry tags again
            logger.warning("evaluate: champion version %s was not tagged", opponent.version)
            raise
    asked = config.evaluate.baseline != "none"
    metrics = evaluate_predictions(
        challenger,
        champion if champion.exists() else None,
        train=run.split("train"),
        scheme=train_scheme(run),
        config=config.evaluate,
        metric=metric(run),
        seed=config.seed,
        champion_version=None if opponent is None else opponent.version,
        baseline=run.baseline_predictions if asked else None,
        baseline_name=config.evaluate.baseline if asked else None,
        written=lambda tag: written_tag(run, tag),
        grouped={
            learned.column.name: learned.bucket_names
            for learned in ColumnIndex.load(run.output("index")).columns
            if learned.edges and learned.column.name in config.evaluate.slices
        },
    )
    metrics = replace(metrics, champion_error=failure, costs=Costs(cost, champion_cost))
    metrics.save(folder / run.metrics.name)
    if all(source.format == "sample" for source in config.corpus.sources):
        _write_optimum(run.split("test"), folder / run.optimum.name)


def _tag_test(run: RunDir, bundle: Path, predictions: Path) -> Cost:
    """Tag the test split in a subprocess, so that its time and memory can be measured; return these."""
    cost = run_in_subprocess(
        tag_split,
        bundle=str(bundle),
        split=str(run.split("test")),
        predictions=str(predictions),
        scheme=train_scheme(run),
    )
    return Cost(**cost)


def _write_optimum(test: Path, path: Path) -> None:
    truth = pq.read_table(test, columns=["tokens", "tags"]).combine_chunks()
    best_possible(truth["tokens"].chunk(0), truth["tags"].chunk(0)).save(path)
