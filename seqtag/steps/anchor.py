"""Anchor: a substitute for a champion that cannot be compared on this test split."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from seqtag.artifacts import (
    DryRun,
    Manifest,
    digest,
    file_digest,
    read_json,
    remove_folder,
    require_manifest,
    write_json,
)
from seqtag.config import TaggerConfig, config_digest
from seqtag.corpus.schema import TAGS, TOKENS
from seqtag.run_dir import RunDir
from seqtag.steps.context import read_config, train_scheme
from seqtag.steps.encode import encode
from seqtag.steps.index import index
from seqtag.steps.step import run_step
from seqtag.steps.train import train

logger = logging.getLogger(__name__)


def anchor(run: RunDir, *, dry_run: DryRun | None = None) -> Manifest:
    """Train the champion's recipe on this split, if the champion cannot be compared on it.

    It cannot if the corpus was split differently, so that the champion was trained on test sequences, or if
    the tag set was replaced. The challenger then has to beat this anchor. If the challenger has the recipe of
    the champion, it is the anchor itself, and nothing is trained.

    Reads the splits, the vocabulary and the champion's bundle; writes `anchor/`.
    """
    config, opponent = read_config(run), read_json(run.opponent)

    def write(folder: Path) -> None:
        barred = _obstacle(run, config) if opponent["version"] is not None and config.gate.reanchor else None
        before = None
        if barred is not None:
            logger.info("anchor: champion version %s cannot be compared: %s", opponent["version"], barred)
            before = _champions_configuration(config, opponent)
        same = before is not None and _recipe_digest(before) == _recipe_digest(config)
        if before is not None and not same:
            _train_anchor(run, before, folder / run.anchor_model.name)
        written = {"barred": barred, "same_configuration": same, "trained": before is not None and not same}
        write_json(folder / run.anchor.name, written)

    inputs = {
        "splits": require_manifest(run.output("split")).digest,
        "vocabulary": require_manifest(run.output("index")).digest,
        "opponent": file_digest(run.opponent),
        "recipe": _recipe_digest(config),
        "limits": digest(str(config.gate.max_seen), str(config.gate.reanchor), str(config.gate.renamed_tags)),
    }
    return run_step(anchor, run, inputs=inputs, write=write, dry_run=dry_run)


def _obstacle(run: RunDir, config: TaggerConfig) -> str | None:
    """Return the reason why too few test sequences can be compared, None if enough can."""
    from seqtag.features import SEEN, is_known_sequence
    from seqtag.gate import ExcludedSequences, tag_change

    opponent = read_json(run.opponent)
    bundle, of_challenger = Path(opponent["bundle"]), run.output("index") / SEEN
    of_champion = bundle / SEEN
    if not of_champion.exists():
        is_whole = (bundle / run.bundle.name).exists()  # else `evaluate` reports the damage
        return "it is not known which sequences it was trained on" if is_whole else None
    scheme, tags = train_scheme(run), read_json(run.tags)["tags"]
    change = tag_change(tags, opponent["tags"], scheme=scheme, renamed=config.gate.renamed_tags)
    left_out = ExcludedSequences()
    with pq.ParquetFile(run.split("test")) as test:
        for batch in test.iter_batches(columns=[TOKENS, TAGS]):
            tokens = batch.column(TOKENS)
            left_out += ExcludedSequences.of(
                batch.column(TAGS),
                change,
                challenger_seen=is_known_sequence(tokens, of_challenger),
                champion_seen=is_known_sequence(tokens, of_champion),
                scheme=scheme,
            )
    return left_out.obstacle(config.gate)


def _champions_configuration(config: TaggerConfig, opponent: Mapping[str, Any]) -> TaggerConfig | None:
    """Return this run's configuration with the champion's recipe, None if that cannot be read."""
    said = opponent["config"]
    if said is None:
        return None
    recipe: dict[str, Any] = {name: said.get(name, {}) for name in ("features", "model", "train", "seed")}
    try:
        return TaggerConfig.model_validate({**config.model_dump(mode="json"), **recipe})
    except ValueError as error:
        version = opponent["version"]
        logger.warning("anchor: the configuration of champion version %s cannot be read: %s", version, error)
        return None


def _recipe_digest(config: TaggerConfig) -> str:
    return config_digest(config.features, config.model, config.train)


def _train_anchor(run: RunDir, config: TaggerConfig, model: Path) -> None:
    """Index, encode and train in a run directory within this one, where an interrupted training resumes."""
    inner = RunDir(run.anchor_work)
    inner.path.mkdir(exist_ok=True)
    for folder in (inner.output("validate"), inner.output("split")):
        if not folder.exists():
            folder.symlink_to(Path("..", folder.name))
    write_json(inner.config, config.model_dump(mode="json"))
    write_json(inner.opponent, {"version": None, "tags": []})  # it is compared with no champion
    for make in (index, encode, train):
        make(inner)
    inner.output("train").rename(model)
    remove_folder(inner.path)
