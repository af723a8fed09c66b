"""Input of `seqtag tag`, split into tokens in the same way as by the corpus readers."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc
from fsspec.implementations.local import LocalFileSystem

from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.parallel import blank_separated
from seqtag.corpus.text_blocks import BLOCK_BYTES, line_blocks, plain_line_blocks
from seqtag.corpus.whitespace import WHITE_SPACE
from seqtag.errors import CorpusFormatError
from seqtag.tagging.ragged import flatten, relist

AT_A_TIME = 2048  # sequences

Objects = list[dict[str, Any]]
_TOKENS = pa.list_(pa.string())


def read_text(file: InputFile, *, block_bytes: int = BLOCK_BYTES) -> Iterator[pa.ListArray]:
    """Yield the tokens of a file with one sequence per line, in the same way as `read_parallel`.

    White space around a token is removed; a token of white space alone is kept.

    Raises:
        CorpusFormatError: the file cannot be read, is not UTF-8, or has a carriage return within a line.
    """
    with _readable(file):
        for block in plain_line_blocks(file, "utf-8", block_bytes):
            tokens = blank_separated(block)
            for start in range(0, len(tokens), AT_A_TIME):
                yield _stripped(tokens.slice(start, AT_A_TIME))


def read_objects(
    file: InputFile, *, block_bytes: int = BLOCK_BYTES
) -> Iterator[tuple[Objects, pa.ListArray]]:
    """Yield the objects of a JSON Lines file and their tokens; empty lines are skipped.

    Raises:
        CorpusFormatError: the file cannot be read, is not UTF-8, or a line is not an object with tokens.
    """
    objects: Objects = []
    number = 0
    with _readable(file):
        for block in line_blocks(file, "utf-8", block_bytes):
            for line in block.decode().split("\n")[:-1]:
                number += 1
                if line.strip(" \t"):
                    objects.append(_parsed(line, f"{file.name}:{number}"))
                if len(objects) == AT_A_TIME:
                    yield objects, _tokens(objects)
                    objects = []
    if objects:
        yield objects, _tokens(objects)


def local_file(path: Path) -> InputFile:
    """Return a local file; variables and wildcards in the path are not expanded."""
    return InputFile(str(path), str(path.absolute()), LocalFileSystem())


def standard_input() -> InputFile:
    """Return standard input as a file."""
    return _StandardInput("standard input", "", LocalFileSystem())


class _StandardInput(InputFile):
    def open(self) -> BinaryIO:
        return cast("BinaryIO", sys.stdin.buffer)


@contextmanager
def _readable(file: InputFile) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CorpusFormatError(
            f"{file.name}: file cannot be read: expected UTF-8 text, got {error.strerror or error}"
        ) from error


def _stripped(tokens: pa.ListArray) -> pa.ListArray:
    values, offsets = flatten(tokens)
    trimmed = pc.utf8_trim(values, WHITE_SPACE)
    return relist(pc.if_else(pc.equal(trimmed, ""), values, trimmed), offsets)


def _tokens(objects: Objects) -> pa.ListArray:
    return pa.array([each["tokens"] for each in objects], _TOKENS)


def _parsed(line: str, where: str) -> dict[str, Any]:
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
            f"{where}: line is not JSON: expected an object with `tokens`, got {error}"
        ) from error
    tokens = value.get("tokens") if isinstance(value, dict) else None
    if not isinstance(tokens, list) or not all(isinstance(token, str) and token for token in tokens):
        raise CorpusFormatError(
            f"{where}: line has no tokens: expected an object with `tokens`, an array of non-empty "
            f"strings, got {line.strip()[:80]}"
        )
    return cast("dict[str, Any]", value)
