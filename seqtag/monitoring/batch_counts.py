"""Count one batch, vectorized: pairs of a sequence and the column that it counts in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.corpus.schema import TAGS, TOKENS
from seqtag.evaluation.predictions import gold_span_keys
from seqtag.features.column_index import token_values
from seqtag.io.hashing import hash_strings
from seqtag.monitoring.count_columns import (
    N_CONFIDENCE,
    TOKENS_COLUMN,
    UNKNOWN_COLUMN,
    CountColumns,
    length_bin,
)
from seqtag.monitoring.training_reference import TrainingReference
from seqtag.monitoring.validity import CONFIDENCE, ValidSequences
from seqtag.tagging.partial_tags import certain_spans
from seqtag.tagging.ragged import UNTAGGED, distinct_or_none, flatten, sequence_numbers

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BatchCounts:
    """Counts of one batch.

    sequence, column: <int64>[n_events]   one pair per counted event
    types, unknown_types: <uint64>[n]     hashes of the word types, and of the unknown ones
    """

    sequence: Ints
    column: Ints
    types: npt.NDArray[np.uint64]
    unknown_types: npt.NDArray[np.uint64]


def count_batch(
    found: ValidSequences, *, layout: CountColumns, known: TrainingReference, own: Ints | None = None
) -> BatchCounts:
    """Count the sequences of a batch, numbered as in `found.batch`.

    Args:
        own: `<int64>[n_sequences]`, document of each train sequence, -1 for others; see `TrainingReference`.
    """
    tokens, offsets = flatten(found.batch.column(TOKENS))
    owners = sequence_numbers(offsets)
    unknown = known.is_unknown(tokens, own=None if own is None else own[owners])
    hashes = hash_strings(tokens)
    events = [
        _events(owners, TOKENS_COLUMN),
        _events(owners[unknown], UNKNOWN_COLUMN),
        (np.arange(found.batch.num_rows), layout.lengths.start + length_bin(np.diff(offsets))),
        *_of_tags(found, layout, known, own),
        *_of_confidence(found.batch, layout),
        *_of_columns(found.batch, layout, offsets),
    ]
    return BatchCounts(
        sequence=np.concatenate([sequence for sequence, _ in events]),
        column=np.concatenate([column for _, column in events]),
        types=np.unique(hashes),
        unknown_types=np.unique(hashes[unknown]),
    )


def _of_tags(
    found: ValidSequences, layout: CountColumns, known: TrainingReference, own: Ints | None
) -> list[tuple[Ints, Ints]]:
    labelled = np.flatnonzero(found.is_labelled)
    batch = found.labelled
    values, offsets = flatten(batch.column(TAGS))
    if not len(values):
        return []
    tag_ids, seen = distinct_or_none(values)
    owners = labelled[sequence_numbers(offsets)]
    number = {tag: i for i, tag in enumerate(layout.tags)}
    numbers = [number.get(tag, layout.n_tags - 1) for tag in seen]
    here = np.array([*numbers, UNTAGGED], np.int64)[tag_ids]
    edge = layout.n_marks - 1
    before = np.append(edge, here[:-1])
    before[offsets[:-1]] = edge
    last = here[offsets[1:] - 1]
    tagged, both = here >= 0, (here >= 0) & (before >= 0)
    pairs = layout.bigrams.start + before * layout.n_marks + here
    out_of = layout.bigrams.start + last * layout.n_marks + edge
    events = [
        (owners[tagged], layout.tag_counts.start + here[tagged]),
        (owners[both], pairs[both]),
        (labelled[last >= 0], out_of[last >= 0]),
    ]
    if layout.scheme == "none":
        return events
    spans, _ = certain_spans(tag_ids, seen, offsets, scheme=layout.scheme, mode="conlleval")
    types = {name: i for i, name in enumerate(layout.types)}
    type_ids = np.array([types.get(t, layout.n_types - 1) for t in spans.types], np.int64)[spans.type_id]
    keys = gold_span_keys(batch.column(TOKENS), batch.column(TAGS), scheme=layout.scheme)
    of = labelled[spans.sequence]
    unseen = known.is_unseen(keys, own=None if own is None else own[of])
    return [
        *events,
        (of, layout.spans.start + type_ids),
        (of[unseen], layout.unseen.start + type_ids[unseen]),
    ]


def _of_confidence(batch: pa.RecordBatch, layout: CountColumns) -> list[tuple[Ints, Ints]]:
    if CONFIDENCE not in batch.schema.names:
        return []
    values, offsets = flatten(batch.column(CONFIDENCE))
    shares = values.to_numpy(zero_copy_only=False).astype(np.float64)
    bins = np.nan_to_num(np.floor(shares * N_CONFIDENCE), nan=0).clip(0, N_CONFIDENCE - 1)
    return [(sequence_numbers(offsets), layout.confidence.start + bins.astype(np.int64))]


def _of_columns(batch: pa.RecordBatch, layout: CountColumns, offsets: Ints) -> list[tuple[Ints, Ints]]:
    """Count the columns of tokens that the batch has."""
    owners = sequence_numbers(offsets)
    texts = {
        name: token_values(batch.column(name), offsets)
        for name in layout.has_value
        if name in batch.schema.names
    }
    events = [
        (owners, layout.has_value[name].start + values.is_null().to_numpy(zero_copy_only=False))
        for name, values in texts.items()
    ]
    for bins in layout.bins:
        if bins.column.name in texts:
            token, place = bins.bins(texts[bins.column.name], offsets)
            events.append((owners[token], layout.quantities[bins.name].start + place))
    return events


def _events(owners: Ints, column: int) -> tuple[Ints, Ints]:
    return owners, np.full(len(owners), column, np.int64)
