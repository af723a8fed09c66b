"""Put record batches of the corpus schema together from what the formats read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.corpus.schema import corpus_schema
from seqtag.hashing import hash_sequences, hex_hashes


def corpus_batch(
    columns: Sequence[str],
    *,
    ids: pa.StringArray,
    tokens: pa.ListArray,
    tags: pa.ListArray,
    places: pa.StringArray,
    documents: pa.StringArray | None = None,
    splits: pa.StringArray | None = None,
    defects: pa.StringArray | None = None,
    further: Mapping[str, pa.StringArray] | None = None,
) -> pa.RecordBatch:
    """Return a batch of sequences; what is not given is null.

    A sequence without a document gets the hash of its tokens as one; "" as document or split is none.
    `places` ("train.conll:17") say where the sequences begin: a sequence without tokens is broken.
    """
    n = len(ids)
    nothing = pa.nulls(n, pa.string())
    further = further or {}
    tokens = _without_null_lists(tokens)
    documents = content_ids(tokens) if documents is None else _filled(_not_empty(documents), tokens)
    return pa.RecordBatch.from_arrays(
        [
            ids,
            documents,
            nothing if splits is None else _not_empty(splits),
            tokens,
            tags,
            _with_empty_sequences(nothing if defects is None else defects, tokens, places),
            *(further.get(name, nothing) for name in columns),
        ],
        schema=corpus_schema(columns),
    )


def content_ids(tokens: pa.ListArray) -> pa.StringArray:
    """Return a document id for each sequence that follows from its tokens alone."""
    return hex_hashes(hash_sequences(tokens))


def labelled(name: str, numbers: npt.NDArray[np.int64], *, mark: str) -> pa.StringArray:
    """Return a label for each of `numbers`: of 3 it is "a.csv#3" with the name "a.csv" and the mark "#"."""
    return pc.binary_join_element_wise(name, pa.array(numbers).cast(pa.string()), mark)


def lists(offsets: npt.NDArray[np.int64], values: pa.StringArray) -> pa.ListArray:
    """Return the lists `values[offsets[i]:offsets[i + 1]]`."""
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def picked(
    values: pa.Array, rows: npt.NDArray[np.int64], n: int, positions: npt.NDArray[np.int64]
) -> pa.Array:
    """Return n values: `values[rows]` at `positions` (of equal ones the last wins), null elsewhere."""
    chosen = np.full(n, -1, np.int64)
    chosen[positions] = rows
    return values.take(pa.array(chosen, mask=chosen < 0))


def first_defects(
    offsets: npt.NDArray[np.int64],
    broken: Sequence[tuple[npt.NDArray[np.int64], pa.StringArray | str]],
    places: Callable[[npt.NDArray[np.int64]], pa.StringArray],
) -> pa.StringArray | None:
    """Return for each sequence where it first breaks and why; null if it is sound, None if all are.

    `broken` pairs positions in the flat tokens with what is wrong there, `places` names a position.
    """
    broken = [(where, what) for where, what in broken if len(where)]
    if not broken:
        return None
    position = np.concatenate([where for where, _ in broken])
    texts = [pc.binary_join_element_wise(places(where), what, ": ") for where, what in broken]
    backwards = np.argsort(position, kind="stable")[::-1]  # of equal sequences the last written stays
    owners = np.searchsorted(offsets, position[backwards], side="right") - 1
    return picked(pa.concat_arrays(texts), backwards, len(offsets) - 1, owners)


def _filled(documents: pa.StringArray, tokens: pa.ListArray) -> pa.StringArray:
    missing = documents.is_null()
    if documents.null_count == 0:
        return documents
    return pc.replace_with_mask(documents, missing, content_ids(tokens.filter(missing)))


def _not_empty(texts: pa.StringArray) -> pa.StringArray:
    return pc.if_else(pc.equal(texts, ""), None, texts)


def _without_null_lists(lists_: pa.ListArray) -> pa.ListArray:
    if lists_.null_count == 0:
        return lists_
    lengths = pc.fill_null(pc.list_value_length(lists_), 0).to_numpy()
    return lists(np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]), lists_.flatten())


def _with_empty_sequences(
    defects: pa.StringArray, tokens: pa.ListArray, places: pa.StringArray
) -> pa.StringArray:
    empty = pc.equal(pc.list_value_length(tokens), 0)
    if not pc.any(empty).as_py():
        return defects
    text = pc.binary_join_element_wise(places, "0 tokens where at least 1 was required", ": ")
    return pc.if_else(pc.and_(empty, defects.is_null()), text, defects)
