"""A linear-chain CRF with hand-crafted attributes (CRFsuite, Okazaki 2007)."""

from __future__ import annotations

import ctypes
import logging
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.baseline.attributes import AttributesByToken, sequence_attributes
from seqtag.baseline.column_attributes import column_attributes
from seqtag.corpus.schema import SPLIT
from seqtag.errors import ConfigError, TrainingError
from seqtag.evaluation.predictions import (
    CONFIDENCE,
    GOLD_TAGS,
    PREDICTED,
    TOKENS,
    UNKNOWN,
    predictions_schema,
)
from seqtag.features import NO_COLUMNS, ColumnIndex
from seqtag.io.row_groups import read_row_groups
from seqtag.records import Record
from seqtag.tagging.ragged import flatten

Algorithm = Literal["crfsuite-ap", "crfsuite-lbfgs"]

# Tuned on the dev splits of UD English-EWT and WNUT-17.
_TRAINERS: Final[Mapping[Algorithm, tuple[str, Mapping[str, float]]]] = {
    "crfsuite-ap": ("ap", {"max_iterations": 20}),
    "crfsuite-lbfgs": (
        "lbfgs",
        {"max_iterations": 100, "c1": 0.1, "c2": 0.01, "feature.possible_transitions": 1},
    ),
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BaselineFacts(Record):
    """Facts about a baseline: algorithm, version, size and time."""

    FORMAT: ClassVar[str] = "baseline/1"

    algorithm: Algorithm
    version: str  # of python-crfsuite
    n_features: int  # (attribute, tag) and (tag, tag) pairs
    seconds: float  # from reading train to tagging the last token of test


def write_baseline(
    train: Path,
    test: Path,
    predictions: Path,
    *,
    algorithm: Algorithm,
    seed: int,
    columns: ColumnIndex = NO_COLUMNS,
) -> BaselineFacts:
    """Train a CRF on one split file and tag another one, one row group at a time.

    Writes the same columns as a tagger's predictions except `span_confidence`, `seen` and `tested`.
    `confidence` is the marginal probability of the predicted tag, which an averaged perceptron
    ("crfsuite-ap") puts near 1 even if it is wrong. `unknown` is True for tokens that do not occur in train.
    Equal files and seeds give equal predictions.

    CRFsuite keeps all of train in memory, about 1 kB per token. Unlike the neural CRF, it cannot marginalise
    over unknown tags: sequences are split at tokens without a gold tag.

    Args:
        train: split file for training.
        test: split file to tag.
        predictions: Parquet file to write.
        algorithm: training algorithm.
        seed: seed of the order in which the perceptron sees the sequences; sets the C library's `rand`, which
            the whole process shares.
        columns: further columns of tokens that it reads.

    Raises:
        ConfigError: python-crfsuite is not installed.
        TrainingError: train has no tagged sequence, or CRFsuite failed.
    """
    pycrfsuite = _pycrfsuite()
    started = time.perf_counter()
    attributes = AttributesByToken()
    with tempfile.TemporaryDirectory(dir=predictions.parent, prefix=".crfsuite-") as folder:
        model = Path(folder, "model")
        n_features = _train(pycrfsuite, train, model, attributes, columns, algorithm=algorithm, seed=seed)
        tagger = pycrfsuite.Tagger()
        with tagger.open(str(model)):
            _tag(tagger, test, predictions, attributes, columns)
    _log.info("baseline: %s with %s features", algorithm, f"{n_features:,}")
    return BaselineFacts(
        algorithm=algorithm,
        version=version("python-crfsuite"),
        n_features=n_features,
        seconds=round(time.perf_counter() - started, 1),
    )


def confidence_of(marginals: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return CRFsuite's marginals as probabilities, with 1 for overflows.

    CRFsuite 0.12 sums exponentials of unscaled scores. They overflow above 700, which the weights of a
    perceptron can reach, and infinity / infinity is NaN.
    """
    return np.clip(np.nan_to_num(marginals, nan=1.0), 0.0, 1.0).astype(np.float32)


def _pycrfsuite() -> Any:
    try:
        import pycrfsuite
    except ImportError as error:
        raise ConfigError(
            f"python-crfsuite, which evaluate.baseline needs, cannot be imported: {error}; "
            "pip install 'seqtag[baseline]'"
        ) from error
    return pycrfsuite


def _train(
    pycrfsuite: Any,
    train: Path,
    model: Path,
    attributes: AttributesByToken,
    columns: ColumnIndex,
    *,
    algorithm: Algorithm,
    seed: int,
) -> int:
    """Train a CRF, write it to `model`, and return its number of features."""
    name, parameters = _TRAINERS[algorithm]
    trainer = pycrfsuite.Trainer(name, parameters, verbose=False)
    n_sequences = 0
    for batch in _batches(train, [TOKENS, GOLD_TAGS, *columns.names]):
        tags = batch.column(GOLD_TAGS).to_pylist()
        for attributes_of, gold in zip(_sequences(batch, attributes, columns), tags, strict=True):
            for start, stop in _tagged_segments(gold or ()):
                trainer.append(attributes_of[start:stop], gold[start:stop])
                n_sequences += 1
    if not n_sequences:
        raise TrainingError(f"{train}: no tagged sequence to train on")
    ctypes.CDLL(None).srand(seed)  # otherwise the order depends on earlier calls of rand()
    try:
        trainer.train(str(model))
    except pycrfsuite.CRFSuiteError as error:
        raise TrainingError(f"{train}: CRFsuite failed: {error}") from error
    return int(trainer.logparser.featgen_num_features)


def _tagged_segments(tags: Sequence[str | None]) -> Iterator[tuple[int, int]]:
    """Yield the non-empty segments `[start, stop)` of known tags.

    CRFsuite 0.12 cannot marginalise over unknown tags, so each segment is a separate training sequence; its
    attributes still include those of the neighbouring tokens. On an empty sequence CRFsuite reads out of
    bounds.

    >>> list(_tagged_segments(["O", "B-X", None, None, "O"]))
    [(0, 2), (4, 5)]
    """
    start = 0
    for is_known, segment in groupby(tags, lambda tag: tag is not None):
        stop = start + len(list(segment))
        if is_known:
            yield start, stop
        start = stop


def _tag(
    tagger: Any, test: Path, predictions: Path, attributes: AttributesByToken, columns: ColumnIndex
) -> None:
    known = pa.array(list(attributes), pa.string())  # before tokens of test are added
    with pq.ParquetFile(test) as source:
        names = [name for name in source.schema_arrow.names if name != SPLIT]
        schema = predictions_schema(source.schema_arrow, without=SPLIT, span_confidence=False)
    with pq.ParquetWriter(predictions, schema, compression="zstd") as writer:
        for batch in _batches(test, names):
            writer.write_batch(_tagged(tagger, batch, schema, attributes, columns, known))


def _tagged(
    tagger: Any,
    batch: pa.RecordBatch,
    schema: pa.Schema,
    attributes: AttributesByToken,
    columns: ColumnIndex,
    known: pa.Array,
) -> pa.RecordBatch:
    flat, offsets = flatten(batch.column(TOKENS))
    predicted: list[str] = []
    marginals: list[float] = []
    for attributes_of in _sequences(batch, attributes, columns):
        if attributes_of:
            tags = tagger.tag(attributes_of)
            predicted += tags
            marginals += [tagger.marginal(tag, position) for position, tag in enumerate(tags)]
    starts = pa.array(offsets, pa.int32())
    new = {
        PREDICTED: pa.array(predicted, pa.string()),
        CONFIDENCE: pa.array(confidence_of(np.array(marginals, np.float64))),
        UNKNOWN: pc.invert(pc.is_in(pc.fill_null(flat, ""), value_set=known)),
    }
    arrays = [
        pa.ListArray.from_arrays(starts, new[name]) if name in new else batch.column(name)
        for name in schema.names
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _batches(split: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    return (batch for _, batch in read_row_groups([split], columns))


def _sequences(
    batch: pa.RecordBatch, attributes: AttributesByToken, columns: ColumnIndex
) -> Iterator[list[list[bytes]]]:
    """Yield the attributes of the tokens of each sequence; a null token counts as an empty one."""
    flat, offsets = flatten(batch.column(TOKENS))
    encoded = pc.dictionary_encode(pc.fill_null(flat, ""))
    distinct = [attributes[token] for token in encoded.dictionary.to_pylist()]
    by_position = [distinct[number] for number in encoded.indices.to_numpy().tolist()]
    lists = {name: batch.column(name) for name in columns.names}
    of_columns = column_attributes(columns, batch.column(TOKENS), lists) if columns.widths else []
    for start, stop in pairwise(offsets.tolist()):
        yield sequence_attributes(by_position[start:stop], of_columns[start:stop])
