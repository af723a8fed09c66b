"""Build record batches of the corpus schema from the columns that a format has read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.corpus.column_texts import column_texts, wrong_lengths
from seqtag.corpus.schema import DOCUMENT_ID, PLACE, SEQUENCE_ID, TAGS, TOKENS, reader_schema
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.whitespace import around, replaced, stripped
from seqtag.io.arrays import mask_of, with_column
from seqtag.io.hashing import hash_contents, hash_sequences, hex_hashes, string_list_columns
from seqtag.tagging.ragged import flatten, relist, sequence_numbers


def corpus_batch(
    columns: Sequence[str],
    report: SourceReport,
    *,
    numbered: pa.StringArray,
    tokens: pa.ListArray,
    tags: pa.ListArray,
    places: pa.StringArray,
    ids: pa.StringArray | None = None,
    documents: pa.StringArray | None = None,
    splits: pa.StringArray | None = None,
    defects: pa.StringArray | None = None,
    further: Mapping[str, pa.StringArray] | None = None,
    token_columns: Mapping[str, pa.ListArray] | None = None,
    spaced_tokens: bool = False,
) -> pa.RecordBatch:
    """Return a batch of sequences; columns that are not given are null.

    A sequence without an id gets its name in `numbered`, one without a document the hash of its tokens and
    their columns; an empty id, document or split counts as missing. Values of `token_columns` become
    `column_texts`. `places` ("train.conll:17") are where the sequences begin, and become the last column. A
    sequence without tokens, or with another number of values than tokens, is marked as broken.

    Whitespace around cells is stripped, and `report` counts the changed cells. A token that is only
    whitespace becomes empty, for which validation has a rule, and `report` names the first.

    Args:
        spaced_tokens: keep whitespace at the ends of tokens: in the lists of strings of JSON and Parquet it
            is deliberate. A token that is only whitespace becomes empty all the same.
    """
    n = len(numbered)
    nothing = pa.nulls(n, pa.string())
    further = further or {}
    token_columns = {
        name: _token_values(lists, tokens, report) for name, lists in (token_columns or {}).items()
    }
    tokens = _stripped_tokens(
        tokens if tokens.null_count == 0 else relist(*flatten(tokens)), places, report, spaced_tokens
    )
    if ids is not None:
        numbered = pc.coalesce(_not_empty(stripped(ids, "sequence ids", report)), numbered)
    if documents is None:
        documents = content_ids(tokens, token_columns)
    else:
        documents = _not_empty(stripped(documents, "document ids", report))
        if documents.null_count:
            documents = pc.coalesce(documents, content_ids(tokens, token_columns))
    return pa.RecordBatch.from_arrays(
        [
            numbered,
            documents,
            nothing if splits is None else _not_empty(stripped(splits, "splits", report)),
            tokens,
            _stripped_tags(tags, report),
            _with_unequal_lengths(
                _with_empty_sequences(nothing if defects is None else defects, tokens, places),
                tokens,
                token_columns,
                places,
            ),
            *(stripped(further.get(name, nothing), "further cells", report) for name in columns),
            *token_columns.values(),
            places,
        ],
        schema=reader_schema(columns, token_columns),
    )


def with_token_columns(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    """Return a batch with all these columns of tokens, in this order; the place stays last."""
    if not names:
        return batch
    nothing = pa.nulls(batch.num_rows, pa.list_(pa.string()))
    arrays = {name: batch[name] for name in batch.schema.names if name not in (*names, PLACE)}
    arrays |= {name: batch[name] if name in batch.schema.names else nothing for name in names}
    fields = [batch.schema.field(name) for name in arrays if name not in names]
    fields += [pa.field(name, nothing.type) for name in names]
    if PLACE in batch.schema.names:
        arrays[PLACE] = batch[PLACE]
        fields.append(batch.schema.field(PLACE))
    return pa.RecordBatch.from_arrays(list(arrays.values()), schema=pa.schema(fields))


def content_ids(tokens: pa.ListArray, token_columns: Mapping[str, pa.ListArray]) -> pa.StringArray:
    """Return the document id of each sequence without a document: a hash of its tokens and their columns."""
    return hex_hashes(hash_contents(hash_sequences(tokens), token_columns))


def has_content_id(batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_sequences]`: is the document id the one of `content_ids`, as no document was given?

    Args:
        batch: document id, tokens, tags if known, and all columns of tokens.
    """
    names = string_list_columns(batch.schema, without=(TOKENS, TAGS))
    ids = content_ids(batch[TOKENS], {name: batch[name] for name in names})
    return mask_of(pc.equal(batch[DOCUMENT_ID], ids))


def with_file_in_ids(batch: pa.RecordBatch, name: str) -> pa.RecordBatch:
    """Return a batch with each sequence id prefixed with the name of its file."""
    ids = batch.column(SEQUENCE_ID)
    prefixed = pc.binary_join_element_wise(name, ids, "/")
    ids = pc.if_else(pc.starts_with(ids, f"{name}#"), ids, prefixed)  # numbered ones have the prefix already
    return with_column(batch, SEQUENCE_ID, ids)


def labelled(name: str, numbers: npt.NDArray[np.int64], *, mark: str) -> pa.StringArray:
    """Return a label for each number: "a.csv#3" for 3 with the name "a.csv" and the mark "#"."""
    return pc.binary_join_element_wise(name, pa.array(numbers).cast(pa.string()), mark)


def without_first_place(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch without the place of its first row, which continues the sequence before it."""
    is_first = pa.array(np.arange(batch.num_rows) == 0)
    return with_column(batch, PLACE, pc.if_else(is_first, None, batch[PLACE]))


def picked(
    values: pa.Array, rows: npt.NDArray[np.int64], n: int, positions: npt.NDArray[np.int64]
) -> pa.Array:
    """Return n values: `values[rows]` at `positions`, null elsewhere; the last of equal positions wins."""
    chosen = np.full(n, -1, np.int64)
    chosen[positions] = rows
    return values.take(pa.array(chosen, mask=chosen < 0))


def first_defects(
    offsets: npt.NDArray[np.int64],
    broken: Sequence[tuple[npt.NDArray[np.int64], pa.StringArray | str]],
    places: Callable[[npt.NDArray[np.int64]], pa.StringArray],
) -> pa.StringArray | None:
    """Return the place and reason of the first defect of each sequence; null if sound, None if all are.

    `broken` pairs positions in the flat tokens with reasons, and `places` returns the places of positions.
    """
    broken = [(where, what) for where, what in broken if len(where)]
    if not broken:
        return None
    position = np.concatenate([where for where, _ in broken])
    texts = [pc.binary_join_element_wise(places(where), what, ": ") for where, what in broken]
    backwards = np.argsort(position, kind="stable")[::-1]  # so that the first of a sequence is written last
    owners = np.searchsorted(offsets, position[backwards], side="right") - 1
    return picked(pa.concat_arrays(texts), backwards, len(offsets) - 1, owners)


def _stripped_tokens(
    tokens: pa.ListArray, places: pa.StringArray, report: SourceReport, spaced_tokens: bool
) -> pa.ListArray:
    values = tokens.flatten()
    where, texts = around(values)
    if len(where) == 0:
        return tokens
    blank = mask_of(pc.equal(texts, ""))
    if blank.any():
        _warn_of_blank_tokens(where[blank], tokens, places, report)
    if spaced_tokens:
        where, texts = where[blank], texts.filter(pa.array(blank))
    else:
        report.change("tokens stripped", len(where))
    return relist(replaced(values, where, texts), flatten(tokens)[1], like=tokens)


def _warn_of_blank_tokens(
    where: npt.NDArray[np.int64], tokens: pa.ListArray, places: pa.StringArray, report: SourceReport
) -> None:
    starts = tokens.offsets.to_numpy() - tokens.offsets[0].as_py()
    sequence = int(np.searchsorted(starts, where[0], side="right")) - 1
    text = tokens.flatten()[int(where[0])].as_py()
    report.warn(
        "blank_tokens",
        f"token {where[0] - starts[sequence] + 1} of the sequence that begins here is only whitespace "
        f"({text!r:.80}) and was read as an empty token; remove it from the source",
        place=places[sequence].as_py(),
        count=len(where),
    )


def _stripped_tags(tags: pa.ListArray, report: SourceReport) -> pa.ListArray:
    values = tags.flatten()
    texts = stripped(values, "tags", report)
    return tags if texts is values else relist(texts, flatten(tags)[1], like=tags)


def _token_values(lists: pa.ListArray, tokens: pa.ListArray, report: SourceReport) -> pa.ListArray:
    """Return the values as text; a null list becomes a list of nulls."""
    values, starts = flatten(lists)
    values = column_texts(values, report)
    if not lists.null_count:
        return relist(values, starts)
    is_null = mask_of(lists.is_null())
    lengths = np.where(is_null, np.diff(flatten(tokens)[1]), np.diff(starts))
    offsets = np.append(0, np.cumsum(lengths))
    owner = sequence_numbers(offsets)
    positions = np.arange(offsets[-1]) - offsets[owner] + starts[owner]
    return relist(values.take(pa.array(positions, mask=is_null[owner])), offsets)


def _with_unequal_lengths(
    defects: pa.StringArray,
    tokens: pa.ListArray,
    token_columns: Mapping[str, pa.ListArray],
    places: pa.StringArray,
) -> pa.StringArray:
    found = wrong_lengths(tokens, token_columns)
    if found.null_count == len(found):
        return defects
    return pc.coalesce(defects, pc.binary_join_element_wise(places, found, ": "))


def _not_empty(texts: pa.StringArray) -> pa.StringArray:
    return pc.if_else(pc.equal(texts, ""), None, texts)


def _with_empty_sequences(
    defects: pa.StringArray, tokens: pa.ListArray, places: pa.StringArray
) -> pa.StringArray:
    empty = pc.equal(pc.list_value_length(tokens), 0)
    if not pc.any(empty).as_py():
        return defects
    text = pc.binary_join_element_wise(places, "sequence has no token: expected at least 1, got 0", ": ")
    return pc.if_else(pc.and_(empty, defects.is_null()), text, defects)
