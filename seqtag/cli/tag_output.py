"""Output of `seqtag tag`: tagged sequences as text, columns, CSV, JSON Lines and Parquet."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.cli.tag_options import OutputFormat
from seqtag.corpus.formats.tokenisation import Bounds
from seqtag.errors import ConfigError, CorpusFormatError
from seqtag.neural.inference.tagger import Tagged

_SUFFIXES = {
    ".conll": OutputFormat.conll,
    ".tsv": OutputFormat.conll,
    ".txt": OutputFormat.text,
    ".csv": OutputFormat.csv,
    ".jsonl": OutputFormat.jsonl,
    ".ndjson": OutputFormat.jsonl,
    ".parquet": OutputFormat.parquet,
    **dict.fromkeys((".fasta", ".fa", ".faa"), OutputFormat.fasta),
}
ADDED = ("predicted", "confidence", "predicted_spans")  # to objects and rows


@dataclass(frozen=True)
class TaggedBatch:
    """Tagged sequences with the objects or rows that they come from."""

    first: int  # number of the first sequence, from 0
    tokens: pa.ListArray  # list<string>
    tagged: Tagged
    spans: pa.ListArray | None  # of `predicted_spans`; None if the tags have no scheme
    objects: list[dict[str, Any]] | None = None  # of JSON Lines
    rows: pa.RecordBatch | None = None  # of Parquet
    bounds: Sequence[Bounds] | None = None  # of tokens in texts, in code points
    ids: Sequence[str] | None = None  # of formats whose sequences have names; None: they are numbered


Write = Callable[[TaggedBatch, OutputFormat], None]


def output_format(form: OutputFormat | None, output: Path | None) -> OutputFormat | None:
    """Return the format of the output; None if it depends on the input.

    Raises:
        ConfigError: the file's name does not say its format, or Parquet is to be written to standard output.
    """
    if form is None and output is not None:
        form = _SUFFIXES.get(output.suffix.lower())
        if form is None:
            raise ConfigError(
                f"{output}: format of the output is unknown: expected a name that ends with "
                f"{', '.join(_SUFFIXES)}, got {output.suffix!r}; set --to {'|'.join(OutputFormat)}"
            )
    if form is OutputFormat.parquet and output is None:
        raise ConfigError("parquet cannot be written to standard output: expected --output FILE.parquet")
    return form


@contextmanager
def opened_output(output: Path | None) -> Iterator[Write]:
    """Yield a function that writes batches to a file, or to standard output.

    The file appears when all is written, so that it may be one of the inputs.
    """
    if output is None:
        yield _text_writer(sys.stdout.buffer)
        return
    partial = output.with_name(f".{output.name}.partial")
    try:
        with partial.open("wb") as file:
            text, parquet = _text_writer(file), _ParquetOutput(file)

            def write(batch: TaggedBatch, form: OutputFormat) -> None:
                parquet.write(batch) if form is OutputFormat.parquet else text(batch, form)

            yield write
            parquet.close()
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


def _text_writer(file: IO[bytes]) -> Write:
    def write(batch: TaggedBatch, form: OutputFormat) -> None:
        file.write("".join(f"{line}\n" for line in _LINES[form](batch)).encode())
        file.flush()

    return write


class _ParquetOutput:
    """A Parquet file, opened with the schema of the first batch."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._writer: pq.ParquetWriter | None = None

    def write(self, batch: TaggedBatch) -> None:
        """Write the rows of the input, without columns of earlier predictions, and the predictions."""
        rows = pa.table({"tokens": batch.tokens}) if batch.rows is None else pa.table(batch.rows)
        rows = rows.drop_columns([name for name in ADDED if name in rows.column_names])
        for name, values in zip(
            ADDED, (batch.tagged.predicted, batch.tagged.confidence, batch.spans), strict=True
        ):
            rows = rows if values is None else rows.append_column(name, values)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, rows.schema, compression="zstd")
        if rows.schema != self._writer.schema:
            raise CorpusFormatError(
                "columns of the files differ: expected equal ones for one Parquet file, got "
                f"{rows.schema.names} after {self._writer.schema.names}; tag the files one by one"
            )
        self._writer.write_table(rows)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _conll(batch: TaggedBatch) -> Iterator[str]:
    for words, tags in zip(batch.tokens.to_pylist(), batch.tagged.predicted.to_pylist(), strict=True):
        yield from (f"{word}\t{tag}" for word, tag in zip(words, tags, strict=True))
        yield ""


def _text(batch: TaggedBatch) -> Iterator[str]:
    yield from map(" ".join, batch.tagged.predicted.to_pylist())


def _csv(batch: TaggedBatch) -> Iterator[str]:
    """Yield a row for each token; `span` is the type of the span around it, empty outside."""
    if batch.first == 0:
        yield "sequence,token,tag,confidence,span,span_confidence"
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="")
    for name, words, tags, sure, spans in _rows(batch):
        inside = [("", "")] * len(words)
        for span in spans:
            of_span = (span["type"], f"{span['confidence']:.6f}")
            inside[span["start"] : span["stop"]] = [of_span] * (span["stop"] - span["start"])
        for word, tag, confidence, of_token in zip(words, tags, sure, inside, strict=True):
            line.seek(0)
            line.truncate()
            writer.writerow((name, word, tag, f"{confidence:.6f}", *of_token))
            yield line.getvalue()


def _jsonl(batch: TaggedBatch) -> Iterator[str]:
    """Yield the objects of the input with the predictions; spans of a text have offsets of characters."""
    objects = batch.objects or (batch.rows.to_pylist() if batch.rows is not None else None)
    for place, (name, words, tags, sure, spans) in enumerate(_rows(batch)):
        added = {"predicted": tags, "confidence": [round(p, 6) for p in sure]}
        if batch.spans is not None:
            rounded = [{**span, "confidence": round(span["confidence"], 6)} for span in spans]
            bounds = None if batch.bounds is None else batch.bounds[place]
            added["predicted_spans"] = rounded if bounds is None else _of_characters(rounded, bounds)
        each = {"tokens": words} if objects is None else objects[place]
        if batch.bounds is not None:
            each = {"tokens": words, **each}
        if batch.ids is not None:
            each = {"id": name, **each}
        yield json.dumps({**each, **added}, ensure_ascii=False, default=str)


def _of_characters(spans: Sequence[dict[str, Any]], bounds: Bounds) -> list[dict[str, Any]]:
    """Return spans of tokens with offsets of characters, in the keys of spaCy and Prodigy."""
    return [
        {
            "start": bounds[span["start"]][0],
            "end": bounds[span["stop"] - 1][1],
            "label": span["type"],
            "confidence": span["confidence"],
        }
        for span in spans
    ]


def _fasta(batch: TaggedBatch) -> Iterator[str]:
    for name, words, tags, _, _ in _rows(batch):
        longer = next((text for text in (*words, *tags) if len(text) != 1), None)
        if longer is not None:
            raise CorpusFormatError(
                f"sequence {name} cannot be written as FASTA: expected tokens and tags of one character, got "
                f"{longer!r:.80}; set --to conll"
            )
        yield from (f">{name}", "".join(words), "".join(tags))


def _rows(
    batch: TaggedBatch,
) -> Iterator[tuple[int | str, list[str], list[str], list[float], list[dict[str, Any]]]]:
    """Yield id or number, tokens, tags, confidences and spans of each sequence."""
    columns = (batch.tokens, batch.tagged.predicted, batch.tagged.confidence)
    spans = [[]] * len(batch.tokens) if batch.spans is None else batch.spans.to_pylist()
    names = batch.ids or range(batch.first, batch.first + len(batch.tokens))
    yield from zip(names, *(column.to_pylist() for column in columns), spans, strict=True)


_LINES: Mapping[OutputFormat, Callable[[TaggedBatch], Iterator[str]]] = {
    OutputFormat.conll: _conll,
    OutputFormat.text: _text,
    OutputFormat.csv: _csv,
    OutputFormat.jsonl: _jsonl,
    OutputFormat.fasta: _fasta,
}
