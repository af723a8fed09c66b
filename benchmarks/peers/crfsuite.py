"""Contender CRFsuite: averaged perceptron over the attributes of seqtag's baseline."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pycrfsuite

from peers.corpus import Prepared
from peers.measuring import CPU, PEAK, SECONDS, Watch, peak_mb, tagged_twice
from seqtag.baseline.attributes import AttributesByToken, sequence_attributes

_ITERATIONS = 5


def training(folder: str) -> dict[str, float]:
    """Time a pass over train, as a median; making attributes and their ids counts as start-up."""
    prepared = Prepared.at(folder)
    watch = Watch()
    trainer = _trainer(prepared)
    start_up = watch.read()
    with tempfile.TemporaryDirectory() as out:
        trainer.train(str(Path(out) / "model"))
    timed = watch.read()
    passes = [float(iteration["time"]) for iteration in trainer.logparser.iterations]
    a_pass = statistics.median(passes)
    return {
        "start_up": start_up[SECONDS] + timed[SECONDS] - sum(passes),
        SECONDS: a_pass,
        CPU: a_pass * timed[CPU] / timed[SECONDS],
        "n_tokens": prepared.n_tokens("train"),
        PEAK: peak_mb(),
    }


def tagging(folder: str) -> dict[str, float]:
    """Tag train from Parquet to Parquet, including attributes, without confidences."""
    prepared = Prepared.at(folder)
    with tempfile.TemporaryDirectory() as out:
        model, predictions = Path(out) / "model", Path(out) / "predictions.parquet"
        _trainer(prepared).train(str(model))
        watch = Watch()
        tagger = pycrfsuite.Tagger()
        tagger.open(str(model))
        load = watch.read()[SECONDS]
        return tagged_twice(
            lambda: _tag(tagger, prepared.run.split("train"), predictions),
            n_tokens=prepared.n_tokens("train"),
            load=load,
        )


def _trainer(prepared: Prepared) -> Any:
    trainer = pycrfsuite.Trainer("ap", {"max_iterations": _ITERATIONS}, verbose=False)
    table = pq.read_table(prepared.run.split("train"), columns=["tokens", "tags"])
    tags = table["tags"].to_pylist()
    for attributes, gold in zip(_attributes(table["tokens"].to_pylist()), tags, strict=True):
        if gold:
            trainer.append(attributes, gold)
    return trainer


def _tag(tagger: Any, split: Path, predictions: Path) -> None:
    table = pq.read_table(split)
    predicted = [tagger.tag(attributes) for attributes in _attributes(table["tokens"].to_pylist())]
    column = pa.array(predicted, pa.list_(pa.string()))
    pq.write_table(table.append_column("predicted", column), predictions, compression="zstd")


def _attributes(sequences: list[list[str]]) -> Iterator[list[list[bytes]]]:
    by_token = AttributesByToken()
    for tokens in sequences:
        yield sequence_attributes([by_token[token] for token in tokens])
