"""Recognise how a file is to be read: the keys of its source, and the reasons for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from seqtag.config.source_config import SqlSource
from seqtag.corpus.class_names import is_number, names_in_metadata
from seqtag.corpus.files import InputFile, contents
from seqtag.corpus.formats.sql import quoted_name
from seqtag.corpus.recognition.roles import (
    Chosen,
    Columns,
    document_column,
    has_untagged,
    order_column,
    require_columns,
    sequence_roles,
    split_column,
    token_and_tag,
)
from seqtag.corpus.recognition.samples import (
    columns_of_rows,
    encoding_of,
    head_of,
    is_parquet,
    json_objects,
    layout_and_columns,
    parquet_rows,
    sql_columns,
    table_columns,
)
from seqtag.corpus.text_blocks import fields_of_line
from seqtag.corpus.text_shape import shape_of
from seqtag.errors import CorpusFormatError

_UNIVERSAL = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
_PLUS = "# global.columns ="


@dataclass(frozen=True)
class Recognised:
    """How a file is to be read.

    Attributes:
        keys: keys of its source, without `path` and `split`; only those that differ from the defaults.
        summary: the format, the columns and their roles in one line.
        reasons: a sentence for each choice among several candidates.
        is_partial: whether some tokens have no tag.
    """

    keys: Mapping[str, object]
    summary: str
    reasons: Sequence[str] = ()
    is_partial: bool = False


def recognise(file: InputFile, chosen: Chosen, *, form: str | None = None) -> Recognised:
    """Recognise a file by its content, or the first file of an archive.

    Args:
        form: the format, if it is known.

    Raises:
        ConfigError: a chosen column does not exist, or there is no column of tags.
        CorpusFormatError: the file is empty, damaged or in no known format.
    """
    members = contents(file)  # a member of an archive is there until the next one is requested
    first = next(members)
    if form in ("parquet", "parquet-long") or (form is None and is_parquet(first)):
        return _parquet(first, chosen)
    encoding = encoding_of(first)
    head = head_of(first, encoding)
    found = _text(head, chosen, form, name=file.name)
    if encoding == "utf-8":
        return found
    why = f"encoding {encoding}: the text is not UTF-8; set encoding if letters look wrong"
    return replace(found, keys={**found.keys, "encoding": encoding}, reasons=(*found.reasons, why))


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
    found = _long(columns, chosen, {"format": "sql", "url": url}, name=table)
    if found is None:
        raise _no_sequences(columns, name=table)
    keys = dict(found.keys)
    used = [str(value) for key, value in keys.items() if key.endswith("_column")]
    order = keys.pop("order_column", None) or order_column(columns, exclude=used)
    reasons = [reason for reason in found.reasons if "gathered" not in reason]
    if order is None:
        reasons.append("no column orders the tokens of a sequence; add one to `order by` in query")
    keys.pop("rows", None)  # the query sorts them
    sort = ", ".join(
        quoted_name(str(each), source) for each in (keys["sequence_column"], order) if each is not None
    )
    selected = ", ".join(quoted_name(column, source) for column in dict.fromkeys(used))
    keys["query"] = f"select {selected} from {quoted} order by {sort}"  # noqa: S608 - quoted names
    return replace(found, keys=keys, reasons=tuple(reasons))


def recognise_parallel(one: InputFile, other: InputFile) -> tuple[InputFile, InputFile] | None:
    """Return the files of tokens and of tags of a parallel text, None if two files are none.

    Lines have equally many tokens and tags; tags have fewer distinct values.
    """
    lines = []
    for file in (one, other):
        members = contents(file)
        first = next(members)
        text = "" if is_parquet(first) else head_of(first, encoding_of(first)).decode()
        shape = shape_of(text)
        if shape.json_line is not None or shape.has_blank or not text.strip():
            return None
        lines.append([fields_of_line(line) for line in text.split("\n")])
    n_lines = min(map(len, lines))  # the longer file may have more lines beyond the first megabyte
    pairs = list(zip(lines[0][: n_lines - 1], lines[1], strict=False))
    if any(len(a) != len(b) for a, b in pairs) or all(len(a) < 2 for a, _ in pairs):
        return None
    n_distinct = [len({field for fields in each for field in fields}) for each in lines]
    return (one, other) if n_distinct[0] >= n_distinct[1] else (other, one)


def _no_sequences(columns: Columns, *, name: str) -> CorpusFormatError:
    return CorpusFormatError(
        f"{name}: no column says which rows form a sequence: expected one, got the columns "
        f"{', '.join(map(repr, columns))}; set --sequence"
    )


def _summary(
    form: object, columns: Iterable[str], tokens: str, tags: str, sequence: str | None = None
) -> str:
    by = "" if sequence is None else f", sequences in {sequence}"
    return f"{form}, columns {', '.join(columns)}: tokens in {tokens}, tags in {tags}{by}"


def _text(head: bytes, chosen: Chosen, form: str | None, *, name: str) -> Recognised:
    text = head.decode()
    if not text.strip():
        raise CorpusFormatError(f"{name}: file is empty: expected tokens with tags")
    shape = shape_of(text)
    if form == "jsonl" or (form is None and shape.json_line == 1):
        return _jsonl(head, chosen, name=name)
    if form == "conllu" or (form is None and (shape.is_numbered or _PLUS in text)):
        return _conllu(text, chosen, name=name)
    table = table_columns(text) if form in (None, "table") else None
    if table is not None and not (form is None and shape.has_blank):
        found = _long(table[1], chosen, {"format": "table"}, name=name)
        if found is not None:
            delimiter: dict[str, object] = {} if table[0] == "," else {"delimiter": table[0]}
            return replace(found, keys={**found.keys, **delimiter})
    if form == "conll" or (form is None and shape.is_adjacent and (shape.has_blank or shape.n_tabs)):
        return _conll(head, chosen, name=name)
    if table is not None:
        raise _no_sequences(table[1], name=name)
    raise CorpusFormatError(
        f"{name}: no tags are found: expected one token a line with its tag, a table with a header and a "
        "sequence id, lists of tokens and tags in JSON Lines or Parquet, or a file of tokens and one of "
        "tags; name both files, or set --format if it is known"
    )


def _conll(head: bytes, chosen: Chosen, *, name: str) -> Recognised:
    layout, columns = layout_and_columns(head, name=name)
    names = list(columns)
    require_columns(columns, (chosen.tokens, chosen.tags), place=name)
    numbered = layout.numbers is not None and chosen.tokens is None  # the first column counts the tokens
    candidates = {key: columns[key] for key in names[1:]} if numbered else columns
    if chosen.tokens is None and layout.header is None:  # by convention the first column
        chosen = Chosen(next(iter(candidates)), chosen.tags, chosen.sequence)
    roles = token_and_tag(candidates, chosen, place=name)
    keys: dict[str, object] = {"format": "conll"}
    if layout.header is not None:
        keys["header"] = True
    if (token := names.index(roles.tokens)) != 0:
        keys["token_column"] = token
    if (tag := names.index(roles.tags)) != len(names) - 1:
        keys["tag_column"] = tag
    numbers = (
        ("the first column numbers the tokens, so the second is read as the tokens",) if numbered else ()
    )
    summary = _summary("conll", columns, roles.tokens, roles.tags)
    return Recognised(keys, summary, (*numbers, *roles.reasons), has_untagged(columns[roles.tags]))


def _conllu(text: str, chosen: Chosen, *, name: str) -> Recognised:
    lines = text.split("\n")
    plus = next((line.removeprefix(_PLUS).split() for line in lines if line.startswith(_PLUS)), None)
    names = list(plus or _UNIVERSAL)
    rows = [line.split("\t") for line in lines if line[:1].isdigit()]
    words = [row for row in rows if len(row) == len(names) and row[names.index("ID")].isdigit()]
    columns = {key: [row[number] for row in words] for number, key in enumerate(names)}
    require_columns(columns, (chosen.tokens, chosen.tags), place=name)
    token = chosen.tokens or "FORM"
    keys: dict[str, object] = {"format": "conllu"}
    if token != "FORM":
        keys["token_column"] = token
    last = names[-1] if plus else "MISC"
    tags = chosen.tags or next(
        (key for key in ("UPOS", "XPOS", last) if set(columns.get(key, ())) - {"_"}), "UPOS"
    )
    reasons = []
    if tags != "UPOS":
        keys["tag_column"] = tags
        why = "UPOS has no tags, so " if chosen.tags is None and not plus else ""
        reasons.append(f"{why}column {tags} is read as the tags; --tags names another")
    feature = _span_feature(columns[tags]) if tags in ("MISC", "FEATS") else None
    if feature is not None:
        keys |= {"tag_feature": feature, "tag_default": "O"}
        reasons.append(f"feature {feature} of {tags} is read as the tags, and a word without it as O")
    is_partial = feature is None and "_" in columns[tags]
    shown = f"feature {feature} of {tags}" if feature is not None else tags
    return Recognised(keys, _summary("conllu", names, token, shown), tuple(reasons), is_partial)


def _span_feature(cells: Sequence[str]) -> str | None:
    """Return the feature of cells such as `name=B-PER|...` whose values are spans; None without one."""
    pairs = [pair.partition("=") for cell in cells for pair in cell.split("|")]
    return next((key for key, _, value in pairs if value[:2] in ("B-", "S-", "U-")), None)


def _jsonl(head: bytes, chosen: Chosen, *, name: str) -> Recognised:
    return _lists(json_objects(head), chosen, "jsonl", name=name)


def _parquet(file: InputFile, chosen: Chosen) -> Recognised:
    schema, rows = parquet_rows(file)
    if any(pa.types.is_list(each.type) or pa.types.is_large_list(each.type) for each in schema):
        return _lists(rows, chosen, "parquet", name=file.name, schema=schema)
    columns = columns_of_rows(rows, schema.names)
    found = _long(columns, chosen, {"format": "parquet-long"}, name=file.name)
    if found is None:
        raise _no_sequences(columns, name=file.name)
    return found


def _lists(
    rows: Sequence[dict[str, Any]], chosen: Chosen, form: str, *, name: str, schema: pa.Schema | None = None
) -> Recognised:
    """Recognise data with one sequence per row, in two lists."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    lists = [key for key in names if any(isinstance(row.get(key), list) for row in rows)]
    flat = [
        key
        for key in lists
        if not any(isinstance(v, dict | list) for row in rows for v in row.get(key) or ())
    ]
    equal = [key for key in flat if any(_are_alike(rows, key, other) for other in flat if other != key)]
    if len(equal) < 2 and None in (chosen.tokens, chosen.tags):
        if form == "jsonl":  # the reader knows how to convert it, and says so
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
    if numbers and (schema is None or _lacks_names(schema, roles.tags)):
        keys["tag_names"] = [f"class-{number}" for number in range(max(numbers) + 1)]
        reasons.append(f"tags in {roles.tags!r} are numbers without names; correct tag_names in the file")
    others = columns_of_rows(rows, [key for key in names if key not in lists])
    keys |= _labels(others)
    summary = _summary(form, names, roles.tokens, roles.tags)
    return Recognised(keys, summary, tuple(reasons), has_untagged(cells[roles.tags]))


def _are_alike(rows: Sequence[dict[str, Any]], one: str, other: str) -> bool:
    """Return whether two columns of lists have equal lengths in nearly every row."""
    alike = sum(1 for row in rows if len(row.get(one) or ()) == len(row.get(other) or ()))
    return alike >= 0.9 * len(rows)


def _lacks_names(schema: pa.Schema, column: str) -> bool:
    return is_number(schema.field(column).type) and names_in_metadata(schema, column) is None


def _long(columns: Columns, chosen: Chosen, keys: dict[str, object], *, name: str) -> Recognised | None:
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
        **({"order_column": found.order} if found.order else {}),
        **({"rows": "interleaved"} if found.interleaved else {}),
        **{key: column for key, column in labels.items() if column != found.sequence},
    }
    summary = _summary(keys["format"], columns, roles.tokens, roles.tags, sequence=found.sequence)
    is_partial = has_untagged(columns[roles.tags])
    return Recognised(keys, summary, (*roles.reasons, *found.reasons), is_partial)


def _labels(columns: Columns) -> dict[str, object]:
    """Return the keys for the columns of splits and documents."""
    found = {"split_column": split_column(columns), "document_column": document_column(columns)}
    return {key: column for key, column in found.items() if column is not None}
