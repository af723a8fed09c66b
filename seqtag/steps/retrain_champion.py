"""Retrained champion: a substitute for a champion that cannot be compared on this test split."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow.parquet as pq

from seqtag.artifacts import (
    Manifest,
    remove_folder,
    require_manifest,
    write_json,
)
from seqtag.config import TaggerConfig, config_digest, config_inputs
from seqtag.corpus.schema import TAGS, TOKENS
from seqtag.features import SEEN, SequenceHashes, TagIndex
from seqtag.gate import ExcludedSequences, tag_change
from seqtag.io.hashing import string_list_columns
from seqtag.records import Record
from seqtag.run_dir import RunDir
from seqtag.steps.context import read_config, train_scheme
from seqtag.steps.encode import encode
from seqtag.steps.index import index
from seqtag.steps.planned_run import DryRun
from seqtag.steps.run_inputs import PinnedChampion, PinnedOpponent, pinned_champion
from seqtag.steps.step import run_step
from seqtag.steps.train import train

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChampionSubstitute(Record):
    """substitute.json: why the champion cannot be compared, None if it can, and the model in its place."""

    FORMAT: ClassVar[str] = "substitute/1"

    obstacle: str | None
    same_configuration: bool  # the challenger has the champion's recipe, so nothing was trained
    trained: bool  # a model of the champion's recipe was trained


def retrain_champion(run: RunDir, *, scheduler: str | None = None, dry_run: DryRun | None = None) -> Manifest:
    """Train the champion's recipe on this split, if the champion cannot be compared on it.

    It cannot if the corpus was split differently, so that the champion was trained on test sequences, or if
    the tag set was replaced. The challenger then has to beat the retrained champion. If the challenger has
    the champion's recipe itself, nothing is trained.

    Reads the splits, the vocabulary and the champion's bundle; writes `retrain_champion/`.

    Args:
        scheduler: as for `train`.
    """
    config, champion = read_config(run), PinnedOpponent.load(run.opponent).champion

    def write(folder: Path) -> None:
        obstacle, before = None, None
        if champion is not None and config.gate.retrain_champion:
            obstacle = _obstacle(run, config, champion)
        if champion is not None and obstacle is not None:
            logger.info("champion version %s cannot be compared: %s", champion.version, obstacle)
            before = _champions_configuration(config, champion)
        same = before is not None and _recipe_digest(before) == _recipe_digest(config)
        if before is not None and not same:
            _train_champions_recipe(run, before, folder / run.retrained_champion.name, scheduler)
        trained = before is not None and not same
        written = ChampionSubstitute(obstacle, same_configuration=same, trained=trained)
        written.save(folder / run.substitute.name)

    inputs = {
        "splits": require_manifest(run.output("split")).digest,
        "vocabulary": require_manifest(run.output("index")).digest,
        "champion": pinned_champion(run),
        **config_inputs(config, "features", "model", "train"),
        **config_inputs(config, "gate.max_seen", "gate.retrain_champion", "gate.renamed_tags"),
    }
    return run_step(retrain_champion, run, inputs=inputs, write=write, dry_run=dry_run)


def _obstacle(run: RunDir, config: TaggerConfig, champion: PinnedChampion) -> str | None:
    """Return the reason why too few test sequences can be compared, None if enough can."""
    bundle = run.resolved(champion.bundle)
    if not (bundle / SEEN).exists():
        is_whole = (bundle / run.bundle.name).exists()  # else `evaluate` reports the damage
        return "it is not known which sequences it was trained on" if is_whole else None
    scheme, tags = train_scheme(run), TagIndex.load(run.output("index")).tags
    change = tag_change(tags, champion.tags, scheme=scheme, renamed=config.gate.renamed_tags)
    of_challenger, of_champion = (SequenceHashes.read(of / SEEN) for of in (run.output("index"), bundle))
    left_out = ExcludedSequences()
    with pq.ParquetFile(run.split("test"), pre_buffer=False) as test:
        token_columns = string_list_columns(test.schema_arrow, without=(TOKENS, TAGS))
        for batch in test.iter_batches(columns=[TOKENS, TAGS, *token_columns]):
            left_out += ExcludedSequences.of(
                batch.column(TAGS),
                change,
                challenger_seen=of_challenger.hold(batch),
                champion_seen=of_champion.hold(batch),
                scheme=scheme,
            )
    return left_out.obstacle(config.gate)


def _champions_configuration(config: TaggerConfig, champion: PinnedChampion) -> TaggerConfig | None:
    """Return this run's configuration with the champion's recipe, None if that cannot be read."""
    if champion.config is None:
        return None
    recipe = {name: champion.config.get(name, {}) for name in ("features", "model", "train", "seed")}
    recipe["train"] = {**recipe["train"], "workers": config.train.workers}  # where to train is no part of it
    try:
        return TaggerConfig.model_validate({**config.model_dump(mode="json"), **recipe})
    except ValueError as error:
        logger.warning(
            "the configuration of champion version %s cannot be read: %s",
            champion.version,
            error,
        )
        return None


def _recipe_digest(config: TaggerConfig) -> str:
    train = config.train.model_copy(update={"workers": 1})  # where to train is no part of a recipe
    return config_digest(config.features, config.model, train)


def _train_champions_recipe(run: RunDir, config: TaggerConfig, model: Path, scheduler: str | None) -> None:
    """Index, encode and train in a run directory within this one, where an interrupted training resumes."""
    inner = RunDir(run.champion_retraining)
    inner.path.mkdir(exist_ok=True)
    for step in ("validate", "split"):
        if not inner.output(step).exists():
            inner.output(step).symlink_to(Path("..", run.output(step).name))
    write_json(inner.config, config.model_dump(mode="json"))
    PinnedOpponent(None).save(inner.opponent)  # it is compared with no champion
    for make in (index, encode):
        make(inner)
    train(inner, scheduler=scheduler)
    inner.output("train").rename(model)
    remove_folder(inner.path)
