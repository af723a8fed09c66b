"""JSON Lines: one object a line, with an array of tokens and one of tags."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from seqtag.config.sources import JsonlSource
from seqtag.corpus.batches import corpus_batch, labelled
from seqtag.corpus.class_names import are_numbers, unnamed_numbers
from seqtag.corpus.files import InputFile
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text import BLOCK_BYTES, Lines, Positions, line_blocks, lines_of
from seqtag.errors import CorpusFormatError

_OPEN, _CLOSE = b"{}"
_DEFECT = ""  # a key that no column has


def read_jsonl(
    source: JsonlSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a file; blank lines are skipped.

    Ids, documents, splits and further fields are text; what is none is written as JSON. Arrow parses whole
    blocks; only a block that it refuses is parsed line by line.

    Raises:
        CorpusFormatError: the first line is no object with tokens, tags and what else the source names, one
            of these never has a value, or the encoding is wrong. A later line that is no such object is a
            broken sequence. A file of blank lines yields nothing.
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
            rows = _parsed(source, block, lines, filled, schema, shown)
            unseen -= {name for name in unseen if _has_value(rows[name])}
            yield _batch(source, file.name, columns, report, rows, line + filled, n_sequences)
            n_sequences += len(filled)
        line += len(lines)
    if n_sequences and unseen:
        raise CorpusFormatError(f"{file.name}: a value was required in {_quoted(unseen)}. Received: none")


def _named(source: JsonlSource) -> list[str]:
    """Return the fields, besides tokens and tags, that the source names."""
    names = (source.id_column, source.document_column, source.split_column)
    return [name for name in names if name is not None]


def _has_value(column: pa.ChunkedArray) -> bool:
    if pa.types.is_list(column.type):  # tokens or tags
        return True
    return bool(pc.any(pc.not_equal(column, "")).as_py())


def _quoted(names: Iterable[str]) -> str:
    return " and ".join(f"'{name}'" for name in sorted(names))


def _schema(source: JsonlSource, columns: Sequence[str]) -> pa.Schema:
    lists = [source.tokens_column, source.tags_column]
    names = dict.fromkeys(name for name in [*_named(source), *columns] if name not in lists)
    return pa.schema(
        [*((name, pa.list_(pa.string())) for name in lists), *((name, pa.string()) for name in names)]
    )


def _as_shown(source: JsonlSource, schema: pa.Schema, first: dict[str, object]) -> pa.Schema:
    """Return the types that let Arrow parse the fields as the first line shows them."""
    types = {bool: pa.bool_(), int: pa.int64()}
    shown = {f.name: types.get(type(first.get(f.name))) for f in schema if not pa.types.is_list(f.type)}
    shown[source.tags_column] = _list_type(first[source.tags_column])
    return pa.schema([(field.name, shown.get(field.name) or field.type) for field in schema])


def _list_type(values: object) -> pa.DataType | None:
    """Return a list of whole numbers where the values are such, None otherwise."""
    whole = isinstance(values, list) and {type(v) for v in values if v is not None} == {int}
    return pa.list_(pa.int64()) if whole else None


def _first_row(source: JsonlSource, text: str, *, place: str) -> dict[str, object]:
    required = f"{place}: an object with '{source.tokens_column}' and '{source.tags_column}' was required."
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorpusFormatError(f"{required} Received: {text[:80]!r} ({error}){_one_a_line(text)}") from error
    if not isinstance(row, dict):
        raise CorpusFormatError(f"{required} Received: {text[:80]!r}{_one_a_line(text)}")
    if source.tokens_column not in row or source.tags_column not in row:
        raise CorpusFormatError(f"{required} Received: the keys {list(row)!r:.80}{_meant(source, row)}")
    lacking = [name for name in _named(source) if name not in row]
    if lacking:
        raise CorpusFormatError(
            f"{place}: an object with {_quoted(lacking)} was required. Received: the keys {list(row)!r:.80}"
        )
    tags = row[source.tags_column]
    if source.tag_names is None and isinstance(tags, list) and are_numbers(tags):
        raise unnamed_numbers(source.tags_column, f"{tags!r:.80}", place=place)
    return row


def _one_a_line(text: str) -> str:
    """Say how an array, or an object over several lines, becomes an object a line."""
    if text.lstrip().startswith("["):
        return "; write one object a line: jq -c '.[]' x.json > x.jsonl"
    return "; write one object a line: jq -c . x.json > x.jsonl" if text.strip() == "{" else ""


def _meant(source: JsonlSource, row: dict[str, object]) -> str:
    """Say which keys of an object hold arrays that look like the tokens and tags that it lacks."""
    arrays = {key: value for key, value in row.items() if isinstance(value, list) and _is_flat(value)}
    words = [key for key, value in arrays.items() if all(isinstance(v, str) for v in value)]
    words = [source.tokens_column] if source.tokens_column in row else words
    tokens = next((key for key in words if key != source.tags_column), None)
    others = [key for key, value in arrays.items() if len(value) == len(arrays.get(tokens or "", ()))]
    others = [source.tags_column] if source.tags_column in row else others
    tags = min((key for key in others if key != tokens), key=_unlike_tags, default=None)
    found = {"tokens_column": tokens, "tags_column": tags}
    keys = [f'{key} = "{name}"' for key, name in found.items() if name and name != getattr(source, key)]
    return f"; set {' and '.join(keys)} if these are meant" if keys else ""


def _is_flat(values: list[object]) -> bool:
    return bool(values) and not any(isinstance(value, list | dict) for value in values)


def _unlike_tags(key: str) -> int:
    """Return 0 for a name that tags often have, and 1 for others."""
    return 0 if re.search("tag|label|ner|pos", key, re.IGNORECASE) else 1


def _parsed(
    source: JsonlSource, block: bytes, lines: Lines, filled: Positions, schema: pa.Schema, shown: pa.Schema
) -> pa.Table:
    """Return one row per filled line, with its defect in the column `_DEFECT`.

    `shown` are the types that Arrow is to find, `schema` those to return.
    """
    # An object may neither span lines nor share one: then Arrow's rows are the lines.
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
        if rows is not None and rows.num_rows == len(filled):
            return rows.cast(schema).append_column(_DEFECT, pa.nulls(len(filled), pa.string()))
    with_defect = schema.append(pa.field(_DEFECT, pa.string()))
    return pa.Table.from_pylist([_row(source, lines.text(line), schema) for line in filled], with_defect)


def _row(source: JsonlSource, text: str, schema: pa.Schema) -> dict[str, object]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        return {_DEFECT: f"JSON was required. Received: {text[:80]!r} ({error})"}
    if not isinstance(row, dict):
        return {_DEFECT: f"a JSON object was required. Received: {text[:80]!r}"}
    values: dict[str, object] = {}
    for field in schema:
        value = row.get(field.name)
        if not pa.types.is_list(field.type):
            if value is not None and not isinstance(value, str):
                value = json.dumps(value, ensure_ascii=False)
            if _is_string(value):
                values[field.name] = value
            else:
                values[_DEFECT] = f"text was required in '{field.name}'. Received: {value!r:.80}"
        elif value is None or (isinstance(value, list) and all(_is_string(v) for v in value)):
            values[field.name] = value
        elif field.name == source.tags_column and isinstance(value, list) and are_numbers(value):
            if source.tag_names is None:
                values[_DEFECT] = f"tags are numbers without names, got {value!r:.80}; set tag_names"
            else:
                values[field.name] = [v if _is_string(v) else json.dumps(v) for v in value]
        else:
            values[_DEFECT] = f"an array of strings was required in '{field.name}'. Received: {value!r:.80}"
    return values


def _is_string(value: object) -> bool:
    return value is None or (isinstance(value, str) and _is_text(value))


def _is_text(value: str) -> bool:
    """Return whether it can be written as UTF-8: JSON may escape half a surrogate pair."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


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
    lacking = f"an array of strings was required in '{source.tokens_column}'. Received: nothing"
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
        spaced_tokens=True,
    )
