"""Input of `seqtag tag`, split into tokens in the same way as by the corpus readers."""

from __future__ import annotations

import json
import logging
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from seqtag.config import without_tags
from seqtag.config.source_config import (
    ConllSource,
    ConlluSource,
    FastaSource,
    SpanSource,
    TableSource,
    XesSource,
)
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.json_objects import is_text, repeated_keys
from seqtag.corpus.formats.json_stream import Entry, json_blocks
from seqtag.corpus.formats.parallel import blank_separated
from seqtag.corpus.formats.span_texts import text_and_bounds
from seqtag.corpus.formats.tokenisation import Bounds
from seqtag.corpus.readers import read_file, token_rows
from seqtag.corpus.schema import DEFECT
from seqtag.corpus.source_report import SourceReport, warning_sentences
from seqtag.corpus.text_blocks import BLOCK_BYTES, line_blocks, plain_line_blocks
from seqtag.corpus.whitespace import WHITE_SPACE
from seqtag.errors import CorpusFormatError, EncodingError
from seqtag.tagging.ragged import flatten, is_list, relist, without_views

AT_A_TIME = 2048  # sequences

logger = logging.getLogger(__name__)

Objects = list[dict[str, Any]]
_STANDARD_INPUT = "standard input"
_TOKENS = pa.list_(pa.string())


def read_text(file: InputFile, *, block_bytes: int = BLOCK_BYTES) -> Iterator[pa.ListArray]:
    """Yield the tokens of a file with one sequence per line, in the same way as `read_parallel`.

    White space around a token is removed; a token of white space alone is kept.

    Raises:
        CorpusFormatError: the file cannot be read, is not UTF-8, or has a carriage return within a line.
    """
    with readable(file):
        for block in plain_line_blocks(file, "utf-8", block_bytes):
            tokens = blank_separated(block)
            for start in range(0, len(tokens), AT_A_TIME):
                yield _stripped(tokens.slice(start, AT_A_TIME))


def read_sequences(
    source: ConllSource | ConlluSource | TableSource | FastaSource | XesSource, file: InputFile
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a file with one token per line, row, event or character.

    They have ids, tokens and columns of tokens; tags are ignored.

    Raises:
        CorpusFormatError: the file cannot be read, is not UTF-8, or has a defective sequence.
    """
    report = SourceReport(file.name)
    with readable(file):
        if isinstance(source, FastaSource):
            source = without_tags(source)
        is_long = isinstance(source, TableSource | XesSource)
        rows = token_rows(source, file, (), report) if is_long else None
        for batch in read_file(source, file, (), report, rows=rows):
            defects = batch[DEFECT].drop_null()
            if len(defects):
                raise CorpusFormatError(f"{defects[0]}; correct it, or set --format")
            for start in range(0, batch.num_rows, AT_A_TIME):
                yield batch.slice(start, AT_A_TIME)
    for sentence in warning_sentences(report.record()):
        logger.warning("%s", sentence)


def read_objects(
    file: InputFile, *, key: str = "tokens", encoding: str = "utf-8", block_bytes: int = BLOCK_BYTES
) -> Iterator[tuple[Objects, pa.ListArray]]:
    """Yield the objects of a JSON Lines file and their tokens; empty lines are skipped.

    An array of strings counts as an object with these tokens and nothing else.

    Args:
        key: key of the tokens in an object; `tokens` is understood too.

    Raises:
        CorpusFormatError: the file cannot be read, is in another encoding, or a line has no tokens.
    """
    objects: Objects = []
    number = 0
    with readable(file):
        for block in line_blocks(file, encoding, block_bytes):
            for line in block.decode().split("\n")[:-1]:
                number += 1
                if line.strip(" \t"):
                    objects.append(_parsed(line, key, f"{file.name}:{number}"))
                if len(objects) == AT_A_TIME:
                    yield objects, _tokens(objects, key)
                    objects = []
    if objects:
        yield objects, _tokens(objects, key)


def read_texts(source: SpanSource, file: InputFile) -> Iterator[tuple[Objects, list[Bounds], pa.ListArray]]:
    """Yield the objects of JSON Lines or a JSON array, and their tokens with their places in the text.

    Raises:
        CorpusFormatError: the file cannot be read, is in another encoding, or an object has no text.
    """
    with readable(file):
        for entries in json_blocks(file, source.encoding, BLOCK_BYTES, report=SourceReport(file.name)):
            for start in range(0, len(entries), AT_A_TIME):
                part = entries[start : start + AT_A_TIME]
                cut = [_cut(source, entry, f"{file.name}:{entry.line}") for entry in part]
                tokens = [[text[start:stop] for start, stop in bounds] for text, bounds in cut]
                yield [each.row for each in part], [bounds for _, bounds in cut], pa.array(tokens, _TOKENS)


def read_parquet_rows(
    file: InputFile, *, column: str = "tokens"
) -> Iterator[tuple[pa.RecordBatch, pa.ListArray]]:
    """Yield the rows of a Parquet file and their tokens.

    Args:
        column: column with the lists of tokens.

    Raises:
        CorpusFormatError: the file is not Parquet, or the column is missing or holds no lists of strings.
    """
    with readable(file):
        try:
            parquet = pq.ParquetFile(file.path, pre_buffer=False)
            held = parquet.schema_arrow.field(column).type
            if not is_list(held):
                raise KeyError(f"{column}: {held}")
        except (pa.ArrowInvalid, KeyError) as error:
            raise CorpusFormatError(
                f"{file.name}: column of tokens is missing: expected Parquet with lists of strings in "
                f"{column!r}, got {error}"
            ) from None
        with parquet:
            for rows in parquet.iter_batches(AT_A_TIME, use_threads=False):
                yield rows, without_views(rows[column]).cast(_TOKENS)


def local_file(path: Path) -> InputFile:
    """Return a local file; variables and wildcards in the path are not expanded."""
    return InputFile(str(path), str(path.absolute()), LocalFileSystem())


def standard_input(copy: IO[bytes]) -> InputFile:
    """Copy standard input into a named file, so that it can be read again once its format is known."""
    shutil.copyfileobj(sys.stdin.buffer, copy)
    copy.flush()
    return InputFile(_STANDARD_INPUT, copy.name, LocalFileSystem())


@contextmanager
def readable(file: InputFile) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CorpusFormatError(f"{file.name}: file cannot be read: {error.strerror or error}") from error
    except EncodingError as error:
        if not error.encodings:  # the file is read like a source of the tagger, in the encoding of that
            raise
        name = "" if file.name == _STANDARD_INPUT else f" {shlex.quote(file.name)}"
        fix = f"convert it to UTF-8, for example: iconv -f {error.encodings[0]} -t utf-8{name}"
        raise CorpusFormatError(f"{error.fault}; {fix}") from error


def _stripped(tokens: pa.ListArray) -> pa.ListArray:
    values, offsets = flatten(tokens)
    trimmed = pc.utf8_trim(values, WHITE_SPACE)
    return relist(pc.if_else(pc.equal(trimmed, ""), values, trimmed), offsets)


def _tokens(objects: Objects, key: str) -> pa.ListArray:
    return pa.array([each.get(key, each.get("tokens")) for each in objects], _TOKENS)


def _cut(source: SpanSource, entry: Entry, where: str) -> tuple[str, Bounds]:
    defect = entry.defect
    if twice := repeated_keys(entry.row):
        defect = f"key {twice[0]!r} is repeated: expected it once in an object; remove all but one"
    elif not is_text(json.dumps(entry.row, ensure_ascii=False)):
        defect = "object is not text: expected Unicode, got half a surrogate pair; correct the line"
    cut = defect or text_and_bounds(source, entry.row)
    if isinstance(cut, str):
        raise CorpusFormatError(f"{where}: {cut}")
    return cut


def _parsed(line: str, key: str, where: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = next(key for key, n in Counter(key for key, _ in pairs).items() if n > 1)
            raise CorpusFormatError(
                f"{where}: key {twice!r} is repeated: expected it once in an object, got "
                f"{line.strip()[:80]}; remove all but one"
            )
        return found

    try:
        value = json.loads(line, object_pairs_hook=once)
        json.dumps(value, ensure_ascii=False).encode()  # fails on an unpaired surrogate
    except (ValueError, RecursionError) as error:
        raise CorpusFormatError(
            f"{where}: line is not JSON: expected an object with `{key}`, got {error}; "
            "--format text reads words"
        ) from error
    if isinstance(value, list):
        value = {key: value}
    tokens = value.get(key, value.get("tokens")) if isinstance(value, dict) else None
    if not isinstance(tokens, list) or not all(isinstance(token, str) and token for token in tokens):
        raise CorpusFormatError(
            f"{where}: line has no tokens: expected an object with `{key}`, an array of non-empty "
            f"strings, got {line.strip()[:80]}"
        )
    return cast("dict[str, Any]", value)
