"""Reader of JSON Lines: one object per line, with an array of tokens and an array of tags."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeGuard

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from seqtag.config.source_config import JsonlSource
from seqtag.corpus.class_names import are_numbers, unnamed_numbers
from seqtag.corpus.column_texts import object_lists
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.json_objects import (
    field_advice,
    holds_objects,
    is_text,
    line_advice,
    parsed,
    repeated_keys,
)
from seqtag.corpus.record_batches import corpus_batch, labelled
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import BLOCK_BYTES, Lines, Positions, line_blocks, lines_of
from seqtag.errors import CorpusFormatError

_OPEN, _CLOSE = b"{}"
_DEFECT = ""  # name of the column of defects, which no key has
_HALF = "remove half a surrogate pair"
_LARGE = 1e15  # integers from here on have another text as floats, or lose digits


def read_jsonl(
    source: JsonlSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a file; blank lines are skipped.

    Ids, documents, splits and additional fields are text; other values are written as JSON. Arrow parses
    whole blocks; only blocks that it refuses are parsed line by line. A file of blank lines yields nothing.

    Raises:
        CorpusFormatError: the first line is not an object with tokens, tags and all other fields that the
            source names, one of these fields never has a value, or the encoding is wrong. A later line that
            is no such object is a defective sequence.
    """
    report.assume("objects", "one a line")
    schema = _schema(source, columns)
    unseen = set(_named(source))
    line = 1
    n_sequences = 0
    for block in line_blocks(file, source.encoding, block_bytes, report=report):
        lines = lines_of(block)
        filled = np.flatnonzero(~lines.blank())
        if len(filled):
            if n_sequences == 0:
                first = _first_row(source, lines.text(filled[0]), place=f"{file.name}:{line + filled[0]}")
                shown = _as_shown(source, schema, first)
                report.offer(first)
            rows = _parsed(source, block, lines, filled, schema, shown)
            unseen -= {name for name in unseen if _has_value(rows[name])}
            yield _batch(source, file.name, columns, report, rows, line + filled, n_sequences)
            n_sequences += len(filled)
        line += len(lines)
    if n_sequences and unseen:
        raise CorpusFormatError(
            f"{file.name}: no object has a value in {_quoted(unseen)}: expected text in some, got none in "
            f"{n_sequences:,}; correct {_keys_of(source, unseen)}, or leave it out"
        )


def _named(source: JsonlSource) -> list[str]:
    """Return the fields that the source names, apart from tokens and tags."""
    names = (source.id_column, source.document_column, source.split_column)
    return [name for name in names if name is not None]


def _keys_of(source: JsonlSource, names: Iterable[str]) -> str:
    """Return the keys of the source that name the fields."""
    keys = ("id_column", "document_column", "split_column")
    return " and ".join(key for key in keys if getattr(source, key) in names)


def _has_value(column: pa.ChunkedArray) -> bool:
    if pa.types.is_list(column.type):  # tokens or tags
        return True
    return bool(pc.any(pc.not_equal(column, "")).as_py())


def _quoted(names: Iterable[str]) -> str:
    return " and ".join(f"'{name}'" for name in sorted(names))


def _schema(source: JsonlSource, columns: Sequence[str]) -> pa.Schema:
    lists = list(dict.fromkeys([source.tokens_column, source.tags_column, *source.token_columns.values()]))
    names = dict.fromkeys(name for name in [*_named(source), *columns] if name not in lists)
    return pa.schema(
        [*((name, pa.list_(pa.string())) for name in lists), *((name, pa.string()) for name in names)]
    )


def _as_shown(source: JsonlSource, schema: pa.Schema, first: dict[str, object]) -> pa.Schema:
    """Return the schema with which Arrow parses the types of the first line."""
    types = {bool: pa.bool_(), int: pa.int64()}
    shown = {f.name: types.get(type(first.get(f.name))) for f in schema if not pa.types.is_list(f.type)}
    for column in (source.tags_column, *source.token_columns.values()):
        shown[column] = _list_type(first[column])
    return pa.schema([(field.name, shown.get(field.name) or field.type) for field in schema])


def _list_type(values: object) -> pa.DataType | None:
    """Return the type of a list of numbers or truth values, None for another list."""
    kinds = {type(v) for v in values if v is not None} if isinstance(values, list) else set()
    types = {frozenset({int}): pa.int64(), frozenset({float}): pa.float64(), frozenset({bool}): pa.bool_()}
    element = types.get(frozenset(kinds))
    return None if element is None else pa.list_(element)


def _first_row(source: JsonlSource, text: str, *, place: str) -> dict[str, object]:
    expected = f"expected an object with '{source.tokens_column}' and '{source.tags_column}'"
    try:
        row = parsed(text)
    except (ValueError, RecursionError) as error:
        raise CorpusFormatError(
            f"{place}: line is not JSON: {expected}, got {text[:80]!r} ({error}); {line_advice(text)}"
        ) from error
    if not isinstance(row, dict):
        raise CorpusFormatError(
            f"{place}: line is not an object: {expected}, got {text[:80]!r}; {line_advice(text)}"
        )
    lists = (source.tokens_column, source.tags_column)
    lacking = [name for name in lists if name not in row]
    if lacking:
        raise CorpusFormatError(
            f"{place}: object lacks {_quoted(lacking)}: {expected}, got the keys {list(row)!r:.80}; "
            f"{field_advice(source, row)}"
        )
    lacking = [name for name in source.token_columns.values() if name not in row]
    if lacking:
        raise CorpusFormatError(
            f"{place}: object lacks {_quoted(lacking)}: expected the arrays that token_columns names, got "
            f"the keys {list(row)!r:.80}; correct token_columns"
        )
    nested = [name for name in lists if holds_objects(row[name])]
    if nested:
        raise CorpusFormatError(
            f"{place}: array '{nested[0]}' holds objects: expected strings, got {row[nested[0]]!r:.80}; "
            f"{field_advice(source, row)}"
        )
    lacking = [name for name in _named(source) if name not in row]
    if lacking:
        raise CorpusFormatError(
            f"{place}: object lacks {_quoted(lacking)}: expected it in each, got the keys {list(row)!r:.80}; "
            f"correct {_keys_of(source, lacking)}, or leave it out"
        )
    tags = row[source.tags_column]
    if source.tag_names is None and isinstance(tags, list) and are_numbers(tags):
        raise unnamed_numbers(source.tags_column, f"{tags!r:.80}", place=place)
    return row


def _parsed(
    source: JsonlSource, block: bytes, lines: Lines, filled: Positions, schema: pa.Schema, shown: pa.Schema
) -> pa.Table:
    """Return one row per non-blank line, with its defect in the column `_DEFECT`.

    Args:
        schema: the types to return.
        shown: the types that Arrow parses.
    """
    # If no object spans several lines or shares one, Arrow's rows are the lines.
    one_each = bool(
        (lines.data[lines.starts[filled]] == _OPEN).all()
        and (lines.data[lines.stops[filled] - 1] == _CLOSE).all()
    )
    if one_each:
        try:
            rows = pyarrow.json.read_json(
                io.BytesIO(block),
                pyarrow.json.ReadOptions(use_threads=False, block_size=len(block) + 1),
                pyarrow.json.ParseOptions(explicit_schema=shown, unexpected_field_behavior="ignore"),
            )
        except pa.ArrowInvalid:
            rows = None
        if rows is not None and rows.num_rows == len(filled) and _floats_are_exact(rows):
            return rows.cast(schema).append_column(_DEFECT, pa.nulls(len(filled), pa.string()))
    found = [_row(source, lines.text(line), schema) for line in filled]
    with_defect = schema.append(pa.field(_DEFECT, pa.string()))
    return pa.Table.from_arrays([_column(source, field, found) for field in with_defect], schema=with_defect)


def _column(source: JsonlSource, field: pa.Field, rows: Sequence[dict[str, Any]]) -> pa.Array:
    values = [row.get(field.name) for row in rows]
    return object_lists(values) if field.name in _of_tokens(source) else pa.array(values, field.type)


def _of_tokens(source: JsonlSource) -> set[str]:
    """Return the keys of further columns of tokens."""
    return set(source.token_columns.values()) - {source.tokens_column}


def _floats_are_exact(rows: pa.Table) -> bool:
    """Return whether integers in lists of floats keep their text, and none of the floats is NaN."""
    lists = [rows[field.name] for field in rows.schema if field.type == pa.list_(pa.float64())]
    return all(pc.all(pc.less(pc.abs(pc.list_flatten(each)), _LARGE)).as_py() is not False for each in lists)


def _row(source: JsonlSource, text: str, schema: pa.Schema) -> dict[str, object]:
    try:
        row = parsed(text)
    except (ValueError, RecursionError) as error:
        return {
            _DEFECT: f"line is not JSON: expected one object, got {text[:80]!r} ({error}); correct the line"
        }
    if not isinstance(row, dict):
        return {_DEFECT: f"line is not an object: expected one a line, got {text[:80]!r}; correct the line"}
    twice = [name for name in repeated_keys(row) if name in schema.names]
    if twice:
        return {
            _DEFECT: f"key {twice[0]!r} is repeated: expected it once, got {text[:80]!r}; remove all but one"
        }
    values: dict[str, object] = {}
    for field in schema:
        value = row.get(field.name)
        if not pa.types.is_list(field.type):
            if value is not None and not isinstance(value, str):
                value = json.dumps(value, ensure_ascii=False)
            if _is_string(value):
                values[field.name] = value
            else:
                values[_DEFECT] = f"'{field.name}' is not text: expected Unicode, got {value!r:.80}; {_HALF}"
        elif (
            value is None
            or (isinstance(value, list) and all(_is_string(v) for v in value))
            or (field.name in _of_tokens(source) and _are_scalars(value))
        ):
            values[field.name] = value
        elif source.has_tags and field.name == source.tags_column and _are_class_numbers(value):
            if source.tag_names is None:
                values[_DEFECT] = f"tags are numbers without names, got {value!r:.80}; set tag_names"
            else:
                values[field.name] = [v if _is_string(v) else json.dumps(v) for v in value]
        else:
            values[_DEFECT] = _no_strings(field.name, value)
    return values


def _are_class_numbers(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list) and are_numbers(value)


def _are_scalars(value: object) -> TypeGuard[list[object]]:
    """Return whether a value is an array of text, numbers, truth values and nulls."""
    return isinstance(value, list) and all(_is_string(v) or isinstance(v, int | float) for v in value)


def _no_strings(name: str, value: object) -> str:
    """Return the defect of a value that is not an array of strings, with a fix."""
    if isinstance(value, str):
        fix = "cut it into an array of tokens or tags"
    elif isinstance(value, list) and all(v is None or isinstance(v, str) for v in value):
        fix = _HALF
    elif isinstance(value, list):
        fix = "write all its values as strings"
    else:
        fix = "correct the line"
    return f"'{name}' is not an array of strings: expected one or null, got {value!r:.80}; {fix}"


def _is_string(value: object) -> bool:
    return value is None or (isinstance(value, str) and is_text(value))


def _batch(
    source: JsonlSource,
    name: str,
    columns: Sequence[str],
    report: SourceReport,
    rows: pa.Table,
    line_numbers: Positions,
    sequences_before: int,
) -> pa.RecordBatch:
    def column(wanted: str | None) -> pa.Array:
        return None if wanted is None else pa.concat_arrays(rows[wanted].chunks)

    tokens = column(source.tokens_column)
    places = labelled(name, line_numbers, mark=":")
    numbered = labelled(name, sequences_before + 1 + np.arange(rows.num_rows), mark="#")
    lacking = f"'{source.tokens_column}' has no value: expected an array of strings, got nothing"
    defects = pc.coalesce(column(_DEFECT), pc.if_else(tokens.is_null(), lacking, None))
    return corpus_batch(
        columns,
        report,
        ids=column(source.id_column),
        numbered=numbered,
        documents=column(source.document_column),
        splits=column(source.split_column),
        tokens=tokens,
        tags=column(source.tags_column),
        places=places,
        defects=pc.binary_join_element_wise(places, defects, ": "),
        further={key: column(key) for key in columns},
        token_columns={name: column(wanted) for name, wanted in source.token_columns.items()},
        spaced_tokens=True,
    )
