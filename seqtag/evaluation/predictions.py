"""Predictions of one model on the test split: the Parquet file and its columns, without the texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.config import SchemeName
from seqtag.errors import ConfigError, RunDirError, TagSchemeError
from seqtag.evaluation.counts import TagPairs, pair_tags, renumbered
from seqtag.evaluation.resampling_units import resampling_units
from seqtag.io.arrays import mask_of
from seqtag.io.hashing import hash_contents, hash_sequences, hash_strings, string_list_columns
from seqtag.tagging.partial_tags import certain_spans
from seqtag.tagging.ragged import distinct_or_none, flatten, is_list
from seqtag.tagging.spans import Spans, token_positions

ROW = "row"  # int64: the sequence's row in the snapshot
DOCUMENT_ID = "document_id"  # string
TOKENS = "tokens"  # list<string>
GOLD_TAGS = "tags"  # list<string>; null: unlabelled sequence; null element: unknown tag
PREDICTED = "predicted"  # list<string>
CONFIDENCE = "confidence"  # list<float32>: probability of the predicted tag; optional
SPAN_CONFIDENCE = (
    "span_confidence"  # list<float32>: probability of the predicted span around the token; optional
)
UNKNOWN = "unknown"  # list<bool>: the token is not in the model's vocabulary
SEEN = "seen"  # bool: in the model's train or dev split; null: not known; optional
TESTED = "tested"  # bool: in the model's own test split; null: not known; optional

_BATCH = 16_384  # sequences read at once
_ROUNDING = 0.01  # tolerance outside [0, 1], from float32 sums over long sequences
_FOREIGN = -2  # id of a tag that the other file lacks
_UNIT = "\x1f"  # between the words of a span's key


@dataclass(frozen=True, eq=False)
class Predictions:
    """The labelled sequences of a predictions file.

    rows: <int64>[n_sequences]       row in the snapshot
    units: <uint64>[n_sequences]     equal for sequences that are drawn together
    unknown: <bool>[n_sequences]     contains a token outside the model's vocabulary; None: not known
    seen: <bool>[n_sequences]        in the model's train or dev split; None: not known
    tested: <bool>[n_sequences]      in the model's own test split; None: not known
    confidence: <float32>[n_tokens]  probability of the predicted tag; None if the file has none
    span_confidence: the same        of the predicted span around the token; also None without a scheme
    columns                          further columns as strings, one value per sequence
    token_columns                    likewise, one value per token
    span_keys                        type and words of each gold span with known ends, in order; None without
                                     a scheme
    """

    rows: npt.NDArray[np.int64]
    units: npt.NDArray[np.uint64]
    pairs: TagPairs
    unknown: npt.NDArray[np.bool_] | None
    seen: npt.NDArray[np.bool_] | None = None
    tested: npt.NDArray[np.bool_] | None = None
    confidence: npt.NDArray[np.float32] | None = None
    span_confidence: npt.NDArray[np.float32] | None = None
    columns: dict[str, pa.ChunkedArray] = field(default_factory=dict)
    token_columns: dict[str, pa.ChunkedArray] = field(default_factory=dict)
    span_keys: pa.ChunkedArray | None = None


def predictions_schema(split: pa.Schema, *, without: str, span_confidence: bool = True) -> pa.Schema:
    """Return the schema of a predictions file: the columns of the split, with predictions after the tags.

    Args:
        without: a constant column to leave out.
        span_confidence: False for a tagger that reports no confidence of spans.
    """
    predicted = {PREDICTED: pa.string(), CONFIDENCE: pa.float32()}
    predicted |= {SPAN_CONFIDENCE: pa.float32()} if span_confidence else {}
    predicted[UNKNOWN] = pa.bool_()
    columns = [column for column in split.remove_metadata() if column.name != without]
    after = 1 + [column.name for column in columns].index(GOLD_TAGS)
    columns[after:after] = [
        pa.field(name, pa.list_(type_), nullable=False) for name, type_ in predicted.items()
    ]
    return pa.schema(columns)


def read_predictions(path: Path, *, scheme: SchemeName, columns: Sequence[str] = ()) -> Predictions:
    """Read a predictions file, a few thousand sequences at a time; only the texts of gold spans are kept.

    Sequences without gold tags cannot be scored and are left out.

    Raises:
        RunDirError: the file is missing or damaged, a column is missing, or the lists of a sequence differ in
            length.
    """
    needed = [ROW, DOCUMENT_ID, TOKENS, GOLD_TAGS, PREDICTED, UNKNOWN, *columns]
    sure = [CONFIDENCE] if scheme == "none" else [CONFIDENCE, SPAN_CONFIDENCE]
    rows, unknown, keys, parts = [], [], [], []
    known: dict[str, list[pa.Array]] = {SEEN: [], TESTED: []}
    documents, contents = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint64)]
    found: dict[str, list[npt.NDArray[np.float32]]] = {}
    kept: dict[str, list[pa.Array]] = {name: [] for name in columns}
    of_tokens: dict[str, list[pa.Array]] = {}
    try:
        token_columns = string_list_columns(pq.read_schema(path), without=(TOKENS, GOLD_TAGS, PREDICTED))
        for batch in _batches(path, list(dict.fromkeys([*needed, *token_columns])), optional=[*sure, *known]):
            gold = batch.column(GOLD_TAGS)
            rows.append(batch.column(ROW).to_numpy())
            documents.append(hash_strings(batch.column(DOCUMENT_ID)))
            of_columns = {name: batch.column(name) for name in token_columns}
            contents.append(hash_contents(hash_sequences(batch.column(TOKENS)), of_columns))
            parts.append(pair_tags(gold, batch.column(PREDICTED)))
            unknown.append(_any_true(batch.column(UNKNOWN)))
            for name in set(known) & set(batch.schema.names):
                known[name].append(batch.column(name))
            for name in set(sure) & set(batch.schema.names):
                read = _probabilities(batch.column(name), parts[-1].offsets, name=name)
                found.setdefault(name, []).append(read)
            for name in columns:
                values = batch.column(name)
                if is_list(values.type):
                    of_tokens.setdefault(name, []).append(_of_tokens(values, parts[-1].offsets, name=name))
                else:
                    kept[name].append(pc.cast(values, pa.string()))
            if scheme != "none":
                keys.append(gold_span_keys(batch.column(TOKENS), gold, scheme=scheme))
    except (
        OSError,
        ValueError,
        pa.ArrowException,
        ConfigError,
        TagSchemeError,
    ) as error:  # ValueError: not UTF-8
        raise RunDirError(
            f"{path}: predictions cannot be read: expected columns {needed}; {error}"
        ) from error
    return Predictions(
        rows=np.concatenate([np.zeros(0, np.int64), *rows]),
        units=resampling_units(np.concatenate(documents), np.concatenate(contents)),
        pairs=_concatenate(parts),
        unknown=np.concatenate([np.zeros(0, np.bool_), *unknown]),
        seen=_known(known[SEEN]),
        tested=_known(known[TESTED]),
        confidence=np.concatenate(found[CONFIDENCE]) if CONFIDENCE in found else None,
        span_confidence=np.concatenate(found[SPAN_CONFIDENCE]) if SPAN_CONFIDENCE in found else None,
        columns={
            name: pa.chunked_array(values, pa.string())
            for name, values in kept.items()
            if name not in of_tokens
        },
        token_columns={name: pa.chunked_array(values, pa.string()) for name, values in of_tokens.items()},
        span_keys=pa.chunked_array(keys, pa.string()) if scheme != "none" else None,
    )


def same_gold(one: Predictions, other: Predictions) -> bool:
    """Return True if both have the same sequences with the same gold tags in the same order."""
    if not (np.array_equal(one.rows, other.rows) and np.array_equal(one.pairs.offsets, other.pairs.offsets)):
        return False
    number = {tag: i for i, tag in enumerate(other.pairs.tags)}
    translated = renumbered([number.get(tag, _FOREIGN) for tag in one.pairs.tags])
    return bool(np.array_equal(translated[one.pairs.gold], other.pairs.gold))


def gold_span_keys(tokens: pa.ListArray, tags: pa.ListArray, *, scheme: SchemeName) -> pa.StringArray:
    """Return one string per span with known ends, equal for spans of the same type and words.

    Raises:
        ConfigError: tokens and tags differ in length.
    """
    words, offsets = flatten(tokens)
    values, tag_offsets = flatten(tags)
    if not np.array_equal(offsets, tag_offsets):
        raise ConfigError("tokens and tags differ in length: expected one tag per token")
    tag_ids, seen = distinct_or_none(values)
    spans, _ = certain_spans(tag_ids, seen, offsets, scheme=scheme, mode="conlleval")
    return _span_keys(words, spans, offsets)


def seen_in_train(keys: pa.ChunkedArray, train: Path, *, scheme: SchemeName) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_spans]`, True if a span of the same type and words is in the train split.

    Raises:
        RunDirError: the file of the split is missing or damaged.
    """
    if not len(keys):
        return np.zeros(0, np.bool_)
    numbered = pc.dictionary_encode(keys).combine_chunks()
    seen = np.zeros(len(numbered.dictionary), np.bool_)
    try:
        for batch in _batches(train, [TOKENS, GOLD_TAGS]):
            train_keys = gold_span_keys(batch.column(TOKENS), batch.column(GOLD_TAGS), scheme=scheme)
            seen |= mask_of(pc.is_in(numbered.dictionary, value_set=pc.unique(train_keys)))
    except (OSError, pa.ArrowException, ConfigError) as error:
        raise RunDirError(
            f"{train}: train split cannot be read: expected tokens and tags; {error}"
        ) from error
    return seen[numbered.indices.to_numpy()]


def _batches(path: Path, columns: Sequence[str], *, optional: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
    """Yield the labelled rows."""
    with pq.ParquetFile(path, pre_buffer=False) as file:
        present = set(file.schema_arrow.names)
        missing = sorted(set(columns) - present)
        if missing:
            raise RunDirError(f"{path}: columns {missing} are missing: expected {list(columns)}")
        for batch in file.iter_batches(_BATCH, columns=[*columns, *(set(optional) & present)]):
            yield batch.filter(pc.is_valid(batch.column(GOLD_TAGS)))


def _probabilities(
    lists: pa.ListArray, offsets: npt.NDArray[np.int64], *, name: str
) -> npt.NDArray[np.float32]:
    """Return `<float32>[n_tokens]` in [0, 1].

    Raises:
        ConfigError: their number differs from that of the tokens, or one is outside by more than rounding.
    """
    values, own_offsets = flatten(lists)
    if values.null_count or not np.array_equal(offsets, own_offsets):
        raise ConfigError(
            f"{name}: probabilities do not match tokens: expected one each, got nulls or other lengths"
        )
    read = values.cast(pa.float32()).to_numpy()
    outside = ~((read >= -_ROUNDING) & (read <= 1 + _ROUNDING))  # NaN is outside
    if outside.any():
        raise ConfigError(f"{name}: probability is out of range: expected [0, 1], got {read[outside][0]}")
    return read.clip(0, 1)


def _of_tokens(lists: pa.ListArray, offsets: npt.NDArray[np.int64], *, name: str) -> pa.StringArray:
    """Return the value of each token; null for the tokens of a sequence without a list.

    Raises:
        ConfigError: a list differs in length from the tokens.
    """
    n_tokens = pa.array(np.diff(offsets))
    if not pc.all(pc.equal(pc.list_value_length(lists), n_tokens)).as_py():  # ignores null
        raise ConfigError(f"{name}: values do not match tokens: expected one each, got other lengths")
    has_list = np.repeat(mask_of(lists.is_valid()), np.diff(offsets))
    position = np.cumsum(has_list) - 1
    return lists.flatten().cast(pa.string()).take(pa.array(position, mask=~has_list))


def _known(parts: Sequence[pa.Array]) -> npt.NDArray[np.bool_] | None:
    values = pa.chunked_array(parts, pa.bool_()).combine_chunks() if parts else pa.nulls(1, pa.bool_())
    return None if values.null_count else values.to_numpy(zero_copy_only=False)


def _any_true(lists: pa.ListArray) -> npt.NDArray[np.bool_]:
    values, offsets = flatten(lists)
    n_true = np.append(0, np.cumsum(mask_of(values)))
    return np.diff(n_true[offsets]) > 0


def _span_keys(words: pa.Array, spans: Spans, offsets: npt.NDArray[np.int64]) -> pa.StringArray:
    lengths = spans.stop - spans.start
    list_offsets = pa.array(np.append(0, np.cumsum(lengths)), pa.int32())
    in_spans = words.take(pa.array(token_positions(spans, offsets)))
    texts = pc.binary_join(pa.ListArray.from_arrays(list_offsets, in_spans), _UNIT)
    types = pa.array(spans.types, pa.string()).take(pa.array(spans.type_id))
    return pc.binary_join_element_wise(types, texts, _UNIT)


def _concatenate(parts: Sequence[TagPairs]) -> TagPairs:
    tags = tuple(sorted({tag for part in parts for tag in part.tags}))
    number = {tag: i for i, tag in enumerate(tags)}
    translations = [renumbered([number[tag] for tag in part.tags]) for part in parts]
    lengths = [np.diff(part.offsets) for part in parts]
    empty = np.zeros(0, np.int32)
    return TagPairs(
        tags=tags,
        gold=np.concatenate([empty, *(t[p.gold] for t, p in zip(translations, parts, strict=True))]),
        predicted=np.concatenate(
            [empty, *(t[p.predicted] for t, p in zip(translations, parts, strict=True))]
        ),
        offsets=np.append(0, np.cumsum(np.concatenate([empty, *lengths]), dtype=np.int64)),
    )
