"""Contender seqtag: training of its recipes, and tagging from Parquet to Parquet."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.parquet as pq

from peers.corpus import Prepared
from peers.measuring import PEAK, SECONDS, Watch, peak_mb, tagged_twice
from seqtag.config import TrainConfig
from seqtag.features import encode_corpus
from seqtag.neural import TagColumn, Tagger, train, write_predictions
from seqtag.neural.layers.bilstm import BiLSTM
from seqtag.neural.recipes import base_recipe
from seqtag.neural.training.dev_evaluation import DevScore, DevSplit

_FEW = 320  # sequences to train a bundle on: weights do not change the speed of tagging


class _Enough(Exception):  # noqa: N818 - not an error
    """Raised to stop training."""


def training(folder: str, *, batch_size: int, recurrent_dropout: bool = True) -> dict[str, float]:
    """Time the second epoch without scoring; the start-up is the time of the first minus the second."""
    prepared = Prepared.at(folder)
    config = prepared.config.train.model_copy(update={"batch_size": batch_size})
    watch, taken = Watch(), []

    def on_epoch(_record: Mapping[str, Any]) -> None:
        taken.append(watch.read())
        if len(taken) == 2:
            raise _Enough

    unscored = mock.patch.object(DevSplit, "score", return_value=DevScore(0.0, 0.0))
    undropped = mock.patch.object(base_recipe, "BiLSTM", _without_recurrent_dropout)
    with unscored, nullcontext() if recurrent_dropout else undropped:
        train_bundle(prepared, prepared.run.output("encode"), config, seed=1, on_epoch=on_epoch)
    first, second = taken
    return {
        "start_up": max(0.0, first[SECONDS] - second[SECONDS]),
        **second,
        "n_tokens": prepared.n_tokens("train"),
        PEAK: peak_mb(),
    }


def epochs(folder: str, *, seed: int, n_epochs: int, until: float | None = None) -> dict[str, Any]:
    """Train for a number of epochs, or up to a score on dev."""
    prepared = Prepared.at(folder)
    watch, spent, history = Watch(), 0.0, []

    def on_epoch(record: Mapping[str, Any]) -> None:
        nonlocal spent
        spent += watch.read()[SECONDS]
        score = record["dev_score"]
        history.append({SECONDS: spent, "score": score, "accuracy": record["dev_accuracy"]})
        if record["epoch"] == n_epochs or (until is not None and score >= until):
            raise _Enough

    train_bundle(prepared, prepared.run.output("encode"), prepared.config.train, seed=seed, on_epoch=on_epoch)
    return {"history": history}


def bundle(folder: str, *, out: str) -> dict[str, Any]:
    """Write a bundle with the whole vocabulary, trained on a few sequences."""
    prepared = Prepared.at(folder)
    with tempfile.TemporaryDirectory() as few:
        splits = {name: Path(few) / f"{name}.parquet" for name in ("train", "dev")}
        for name, path in splits.items():
            pq.write_table(pq.read_table(prepared.run.split(name)).slice(0, _FEW), path)
        known = (prepared.vocabulary, prepared.tags)
        encode_corpus(splits, *known, config=prepared.config.features, folder=Path(few) / "encoded")
        config = prepared.config.train.model_copy(update={"max_epochs": 1})
        train_bundle(prepared, Path(few) / "encoded", config, seed=1, out=Path(out))
    return {}


def tagging(folder: str, *, bundle: str) -> dict[str, float]:
    """Tag train from Parquet to Parquet with a loaded bundle; the first call traces the model."""
    prepared = Prepared.at(folder)

    with tempfile.TemporaryDirectory() as out:
        watch = Watch()
        tagger = Tagger.load(Path(bundle))
        load, predictions = watch.read()[SECONDS], Path(out) / "predictions.parquet"

        def tag() -> None:
            write_predictions(Path(bundle), prepared.run.split("train"), predictions, scheme=prepared.scheme)

        with mock.patch.object(Tagger, "load", return_value=tagger):
            return tagged_twice(tag, n_tokens=prepared.n_tokens("train"), load=load)


def train_bundle(
    prepared: Prepared,
    encoded: Path,
    config: TrainConfig,
    *,
    seed: int,
    on_epoch: Callable[[Mapping[str, Any]], None] | None = None,
    out: Path | None = None,
) -> None:
    """Train the recipe of a prepared corpus in this process.

    Args:
        prepared: the corpus.
        encoded: folder of its encoded splits.
        config: recipe, optimizer and stopping rule.
        seed: of the training.
        on_epoch: called with the fields of each `EpochRecord`.
        out: folder of the bundle; None to keep none.
    """
    with tempfile.TemporaryDirectory() as nowhere:
        folder = out or Path(nowhere)
        folder.mkdir(exist_ok=True)
        try:
            train(
                [TagColumn(encoded, prepared.run.output("index"), folder, prepared.metric)],
                config=config,
                model=prepared.config.model,
                features=prepared.config.features,
                seed=seed,
                on_epoch=on_epoch,
            )
        except _Enough:
            return


def _without_recurrent_dropout(units: int, *, recurrent_dropout: float, **options: Any) -> BiLSTM:  # noqa: ARG001
    return BiLSTM(units, **options)
