"""Recognise rows: one token each, in tables, Parquet and databases, or one sequence each, as two lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import pyarrow as pa

from seqtag.config.source_config import SqlSource, XesSource
from seqtag.corpus.class_names import is_number, names_in_metadata
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.dataset_folders import class_names, info_file, stream_rows
from seqtag.corpus.formats.docbin import docbin_documents
from seqtag.corpus.formats.sql import quoted_name
from seqtag.corpus.formats.xes import TRACE_PREFIX
from seqtag.corpus.recognition.order_roles import Columns, disagreement, order_of
from seqtag.corpus.recognition.recognised import Recognised, summary_of
from seqtag.corpus.recognition.roles import (
    Chosen,
    document_column,
    has_untagged,
    sequence_roles,
    split_column,
    token_and_tag,
)
from seqtag.corpus.recognition.samples import columns_of_rows, parquet_rows, sql_columns, xes_columns
from seqtag.corpus.recognition.span_fields import recognise_spans
from seqtag.errors import CorpusFormatError
from seqtag.tagging.ragged import is_list

_DOCUMENTS = 1000  # of spaCy, that are looked at


def recognise_table(url: str, table: str, chosen: Chosen) -> Recognised:
    """Recognise a table of a database, with one token per row.

    Raises:
        ConfigError: the database or the table cannot be read, or no columns have the roles.
        ConnectionError: the database cannot be reached.
    """
    named = {"sequence_column": "sequence", "token_column": "token", "tag_column": "tag"}  # not known yet
    source = SqlSource.model_validate({"format": "sql", "url": url, "query": "select 1", **named})
    quoted = quoted_name(table, source)
    columns = sql_columns(source.model_copy(update={"query": f"select * from {quoted}"}))  # noqa: S608 - a quoted name
    found = recognise_long(columns, chosen, {"format": "sql", "url": url}, name=table)
    if found is None:
        raise no_sequences(columns, name=table)
    keys = dict(found.keys)
    used = [str(value) for key, value in keys.items() if key.endswith("_column")]
    order = order_of(columns, str(keys["sequence_column"]), exclude=used)
    keys = {key: value for key, value in keys.items() if key not in ("order_column", "order_format")}
    reasons = [reason for reason in found.reasons if "rows are" not in reason]
    if order is None:
        reasons.append("no column orders the tokens of a sequence; add one to `order by` in query")
    keys.pop("rows", None)  # the query sorts them
    by = [str(keys["sequence_column"])]
    if order is not None and order.order_format is None:
        by.append(order.column)
    elif order is not None:  # the database would sort its text by letters
        keys |= order.keys
        used.append(order.column)
    sort = ", ".join(quoted_name(each, source) for each in by)
    selected = ", ".join(quoted_name(column, source) for column in dict.fromkeys(used))
    keys["query"] = f"select {selected} from {quoted} order by {sort}"  # noqa: S608 - quoted names
    return replace(found, keys=keys, reasons=tuple(reasons), further=())  # the query has no others


def recognise_parquet(file: InputFile, chosen: Chosen) -> Recognised:
    """Recognise Parquet with lists, or with one token per row. Raises as `recognise`."""
    schema, rows = parquet_rows(file)
    if any(is_list(each.type) for each in schema):
        return recognise_lists(rows, chosen, "parquet", name=file.name, schema=schema)
    columns = columns_of_rows(rows, schema.names)
    found = recognise_long(columns, chosen, {"format": "parquet-long"}, name=file.name)
    if found is None:
        raise no_sequences(columns, name=file.name)
    return found


def recognise_xes(file: InputFile, chosen: Chosen) -> Recognised:
    """Recognise an event log in XES. Raises as `recognise`."""
    columns = xes_columns(file)
    defaults = XesSource.model_fields
    sequence, token = (str(defaults[key].default) for key in ("sequence_column", "token_column"))
    candidates = {key: cells for key, cells in columns.items() if not key.startswith((TRACE_PREFIX, "time:"))}
    tokens = chosen.tokens or (token if token in candidates else None)
    roles = token_and_tag(candidates, replace(chosen, tokens=tokens), place=file.name)
    used = chosen.sequence or sequence
    keys: dict[str, object] = {"format": "xes"}
    keys |= {} if used == sequence else {"sequence_column": used}
    keys |= {} if roles.tokens == token else {"token_column": roles.tokens}
    keys["tag_column"] = roles.tags
    reasons = list(roles.reasons)
    order = order_of(columns, used, exclude=()) if used in columns else None
    if order is not None and (why := disagreement(columns, used, order)):
        keys |= order.keys
        reasons.append(f"{why}, so they are sorted by it; remove order_column to keep the order of the file")
    summary = summary_of("xes", columns, roles.tokens, roles.tags, sequence=used)
    return Recognised(keys, summary, tuple(reasons), has_untagged(columns[roles.tags]))


def recognise_dataset(file: InputFile, chosen: Chosen) -> Recognised:
    """Recognise the columns of an Arrow stream of Hugging Face's `datasets`. Raises as `recognise`."""
    batches = stream_rows(file)
    schema = next(batches).schema
    rows = next(batches, pa.RecordBatch.from_pylist([], schema)).to_pylist()
    noted = [name for name in schema.names if class_names(info_file(file), name) is not None]
    return recognise_lists(rows, chosen, "datasets", name=file.name, schema=schema, noted=noted)


def recognise_docbin(file: InputFile) -> Recognised:
    """Recognise which annotation of spaCy's documents is read as tags. Raises as `read_docbin`."""
    tokens = [token for document in islice(docbin_documents(file), _DOCUMENTS) for token in document]
    found = {each: [getattr(token, each) for token in tokens] for each in ("ents", "tag", "pos")}
    annotated = [each for each, tags in found.items() if any(tags)]
    if not annotated:
        raise CorpusFormatError(
            f"{file.name}: documents have no annotations: expected entities or parts of speech"
        )
    attribute, *others = annotated
    keys: dict[str, object] = {"format": "spacy"}
    keys |= {} if attribute == "ents" else {"tag_attribute": attribute}
    reasons = (
        (f"{attribute} are read as the tags; set tag_attribute to {' or '.join(others)} for these",)
        if others
        else ()
    )
    return Recognised(keys, f"spacy: tags in {attribute}", reasons, None in found[attribute])


def recognise_lists(
    rows: Sequence[dict[str, Any]],
    chosen: Chosen,
    form: str,
    *,
    name: str,
    schema: pa.Schema | None = None,
    noted: Sequence[str] = (),
) -> Recognised:
    """Recognise data with one sequence per row, in two lists.

    Args:
        schema: of the file, if it has types.
        noted: columns whose class numbers have names next to the file.
    """
    names = list(dict.fromkeys(key for row in rows for key in row))
    lists = [key for key in names if any(isinstance(row.get(key), list) for row in rows)]
    flat = [
        key
        for key in lists
        if not any(isinstance(v, dict | list) for row in rows for v in row.get(key) or ())
    ]
    equal = [key for key in flat if any(_are_alike(rows, key, other) for other in flat if other != key)]
    if len(equal) < 2 and None in (chosen.tokens, chosen.tags):
        if form == "jsonl":
            spans = recognise_spans(rows, chosen)
            if spans is not None:
                return spans
            # the reader knows how to convert it, and says so
            return Recognised({"format": form}, f"{form} with the keys {', '.join(names)}")
        raise CorpusFormatError(
            f"{name}: no lists of tokens and tags: expected two columns with lists of equal lengths, got "
            f"{', '.join(map(repr, names))}; set --tokens and --tags"
        )
    cells = {
        key: ["" if v is None else str(v) for row in rows for v in row.get(key) or ()]
        for key in dict.fromkeys([*equal, *filter(None, (chosen.tokens, chosen.tags))])
        if key in names
    }
    roles = token_and_tag(cells, chosen, place=name)
    keys: dict[str, object] = {"format": form}
    keys |= {} if roles.tokens == "tokens" else {"tokens_column": roles.tokens}
    keys |= {} if roles.tags == "tags" else {"tags_column": roles.tags}
    reasons = list(roles.reasons)
    numbers = {v for row in rows for v in row.get(roles.tags) or () if isinstance(v, int)}
    if numbers and roles.tags not in noted and (schema is None or _lacks_names(schema, roles.tags)):
        keys["tag_names"] = [f"class-{number}" for number in range(max(numbers) + 1)]
        reasons.append(f"tags in {roles.tags!r} are numbers without names; correct tag_names in the file")
    others = columns_of_rows(rows, [key for key in names if key not in lists])
    keys |= _labels(others)
    summary = summary_of(form, names, roles.tokens, roles.tags)
    further = [key for key in equal if key not in (roles.tokens, roles.tags)]
    return Recognised(keys, summary, tuple(reasons), has_untagged(cells[roles.tags]), further)


def recognise_long(
    columns: Columns, chosen: Chosen, keys: dict[str, object], *, name: str
) -> Recognised | None:
    """Recognise data with one token per row; None if no column says which rows form a sequence."""
    labels = _labels(columns)
    used = {*labels.values(), chosen.sequence} - {chosen.tokens, chosen.tags}
    candidates = {key: cells for key, cells in columns.items() if key not in used}
    roles = token_and_tag(candidates, chosen, place=name)
    found = sequence_roles(columns, roles, chosen, place=name)
    if found is None:
        return None
    keys = {
        **keys,
        "sequence_column": found.sequence,
        "token_column": roles.tokens,
        "tag_column": roles.tags,
        **({"sequence_ids": "first_row"} if found.first_row else {}),
        **(found.order.keys if found.order else {}),
        **({"rows": "interleaved"} if found.interleaved else {}),
        **{key: column for key, column in labels.items() if column != found.sequence},
    }
    summary = summary_of(keys["format"], columns, roles.tokens, roles.tags, sequence=found.sequence)
    is_partial = has_untagged(columns[roles.tags])
    order = found.order.column if found.order else None
    further = [name for name in columns if name not in keys.values() or name == order]
    return Recognised(keys, summary, (*roles.reasons, *found.reasons), is_partial, further)


def no_sequences(columns: Columns, *, name: str) -> CorpusFormatError:
    """Return the error for rows that nothing joins to sequences."""
    return CorpusFormatError(
        f"{name}: no column says which rows form a sequence: expected one, got the columns "
        f"{', '.join(map(repr, columns))}; set --sequence"
    )


def _labels(columns: Columns) -> dict[str, object]:
    """Return the keys for the columns of splits and documents."""
    found = {"split_column": split_column(columns), "document_column": document_column(columns)}
    return {key: column for key, column in found.items() if column is not None}


def _are_alike(rows: Sequence[dict[str, Any]], one: str, other: str) -> bool:
    """Return whether two columns of lists have equal lengths in nearly every row."""
    alike = sum(1 for row in rows if len(row.get(one) or ()) == len(row.get(other) or ()))
    return alike >= 0.9 * len(rows)


def _lacks_names(schema: pa.Schema, column: str) -> bool:
    return is_number(schema.field(column).type) and names_in_metadata(schema, column) is None
