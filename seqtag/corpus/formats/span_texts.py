"""Reader of texts with labelled spans of characters, in JSON Lines or a JSON array."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_config import SpanSource
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.annotations import annotations_in, given_bounds, iob2, results_in
from seqtag.corpus.formats.json_objects import is_text, repeated_keys
from seqtag.corpus.formats.json_stream import Entry, json_blocks
from seqtag.corpus.formats.tokenisation import Bounds, token_bounds
from seqtag.corpus.record_batches import corpus_batch, labelled
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import BLOCK_BYTES
from seqtag.errors import CorpusFormatError

_REFUSED = ("reject", "ignore")  # answers of annotators in Prodigy


@dataclass
class _Columns:
    """Columns of a batch, one value for each sequence."""

    fields: Mapping[str, list[str | None]]
    tokens: list[list[str]] = field(default_factory=list)
    tags: list[list[str] | None] = field(default_factory=list)
    defects: list[str | None] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


def read_spans(
    source: SpanSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a file, one for each object.

    The tags are IOB2; an object without spans, or of a source without tags, is untagged. A span that fits no
    tokens, or overlaps another, is a defect. Objects that an annotator rejected or ignored are skipped and
    counted.

    Raises:
        CorpusFormatError: the first object has no text, no object has a field that the source names, or the
            file is no JSON of objects, or not in its encoding.
    """
    report.assume("tokens", source.tokenise)
    of_tags = ("spans_column",) if source.has_tags else ()
    keys = (*of_tags, "id_column", "document_column", "split_column")
    unseen = {key: name for key in keys if (name := getattr(source, key)) is not None}
    n_objects = n_sequences = 0
    for entries in json_blocks(file, source.encoding, block_bytes, report=report):
        if entries and n_objects == 0:
            _check_first(source, entries[0], file.name)
            report.offer(field_names(entries[0].row))
        n_objects += len(entries)
        unseen = {k: name for k, name in unseen.items() if not any(_has(e.row, name) for e in entries)}
        batch = _batch(source, file.name, columns, report, entries, n_sequences)
        n_sequences += batch.num_rows
        yield batch
    if n_objects and unseen:
        key, name = next(iter(unseen.items()))
        raise CorpusFormatError(
            f"{file.name}: no object has a value in '{name}': expected one in some, got none in "
            f"{n_objects:,}; correct {key}"
        )


def text_and_bounds(source: SpanSource, row: Mapping[str, object]) -> tuple[str, Bounds] | str:
    """Return the text of an object, and where its tokens start and stop, or its defect."""
    text = value_at(row, source.text_column)
    if not isinstance(text, str) or not is_text(text):
        return f"'{source.text_column}' is not text: expected Unicode, got {text!r:.80}; correct it"
    if source.tokenise != "given":
        return text, token_bounds(text, source.tokenise)
    bounds = given_bounds(value_at(row, source.tokens_column), text)
    return bounds if isinstance(bounds, str) else (text, bounds)


def value_at(row: Mapping[str, object], name: str) -> object:
    """Return the value of a field, None without it; dots in its name lead into objects.

    >>> value_at({"data": {"text": "Ada"}}, "data.text")
    'Ada'
    """
    if name in row:
        return row[name]
    first, dot, rest = name.partition(".")
    inner = row.get(first)
    return value_at(inner, rest) if dot and isinstance(inner, dict) else None


def field_names(row: Mapping[str, object]) -> list[str]:
    """Return the names of the fields of an object, and of those of objects in it.

    >>> field_names({"data": {"text": "Ada"}, "id": 1})
    ['data.text', 'id']
    """
    inner = {name: list(value) if isinstance(value, dict) else [] for name, value in row.items()}
    return [f"{name}.{key}" if key else name for name, keys in inner.items() for key in keys or [""]]


def _has(row: Mapping[str, object], name: str) -> bool:
    return value_at(row, name) not in (None, "")


def _check_first(source: SpanSource, first: Entry, name: str) -> None:
    found = first.defect
    if not found and not isinstance(value_at(first.row, source.text_column), str):
        found = (
            f"object has no text in '{source.text_column}': got the fields "
            f"{field_names(first.row)!r:.120}; correct text_column"
        )
    if found:
        raise CorpusFormatError(f"{name}:{first.line}: {found}")


def _batch(
    source: SpanSource,
    name: str,
    columns: Sequence[str],
    report: SourceReport,
    entries: Sequence[Entry],
    sequences_before: int,
) -> pa.RecordBatch:
    named = (source.id_column, source.document_column, source.split_column, *columns)
    read = _Columns({key: [] for key in named if key is not None})
    for entry in entries:
        if entry.row.get("answer") in _REFUSED:
            report.change("objects with the answer reject or ignore skipped", 1)
        else:
            _append(read, source, entry, report, place=f"{name}:{entry.line}")
    places = labelled(name, np.array(read.lines, np.int64), mark=":")

    def column(wanted: str | None) -> pa.StringArray | None:
        return None if wanted is None else pa.array(read.fields[wanted], pa.string())

    return corpus_batch(
        columns,
        report,
        ids=column(source.id_column),
        numbered=labelled(name, sequences_before + 1 + np.arange(len(read.lines)), mark="#"),
        documents=column(source.document_column),
        splits=column(source.split_column),
        tokens=pa.array(read.tokens, pa.list_(pa.string())),
        tags=pa.array(read.tags, pa.list_(pa.string())),
        places=places,
        defects=pc.binary_join_element_wise(places, pa.array(read.defects, pa.string()), ": "),
        further={key: column(key) for key in columns},
        spaced_tokens=True,
    )


def _append(read: _Columns, source: SpanSource, entry: Entry, report: SourceReport, *, place: str) -> None:
    tokens: list[str] = []
    tags: list[str] | str | None = entry.defect or _repeated(source, entry.row)
    if not tags:
        tokens, tags = _tagged(source, entry.row, report, place)
    texts = {key: _text(value_at(entry.row, key)) for key in read.fields}
    wrong = [key for key, text in texts.items() if text is not None and not is_text(text)]
    if wrong:
        tags = f"'{wrong[0]}' is not text: expected Unicode, got half a surrogate pair; correct the line"
    for key, values in read.fields.items():
        values.append(None if wrong else texts[key])
    read.lines.append(entry.line)
    read.tokens.append(tokens)
    read.tags.append(None if isinstance(tags, str) else tags)
    read.defects.append(tags if isinstance(tags, str) else None)


def _tagged(
    source: SpanSource, row: Mapping[str, object], report: SourceReport, place: str
) -> tuple[list[str], list[str] | str | None]:
    """Return the tokens of an object, and its tags or its defect."""
    cut = text_and_bounds(source, row)
    if isinstance(cut, str):
        return [], cut
    text, bounds = cut
    given = value_at(row, source.tokens_column)
    if source.tokenise == "given":
        n_given = len(given) if isinstance(given, list) else 0
        report.change("tokens of whitespace left out", n_given - len(bounds))
    elif not isinstance(given_bounds(given, text), str):
        report.warn(
            "given_tokens",
            f"'{source.tokens_column}' has tokens, which were not used; set tokenise = \"given\" if the "
            "spans were drawn on them",
            place=place,
        )
    if not source.has_tags:
        return [text[start:stop] for start, stop in bounds], None
    value = value_at(row, source.spans_column)
    results = results_in(value) or []
    if len(results) > 1:
        report.warn(
            "several_annotations",
            f"'{source.spans_column}' has {len(results)} annotations of one text, of which the first was "
            "read; keep the right one in the source",
            place=place,
        )
    spans = annotations_in(value)
    if not isinstance(spans, list):
        return [text[start:stop] for start, stop in bounds], spans
    return [text[start:stop] for start, stop in bounds], iob2(text, bounds, spans)


def _repeated(source: SpanSource, row: Mapping[str, object]) -> str:
    twice = [key for key in repeated_keys(row) if key in (source.text_column, source.spans_column)]
    return f"key {twice[0]!r} is repeated: expected it once; remove all but one" if twice else ""


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
