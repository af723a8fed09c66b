"""Objects of JSON Lines, or of one JSON array, a block at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.json_objects import line_advice, parsed, parsed_object
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import line_blocks, lines_of, utf8_blocks
from seqtag.errors import CorpusFormatError

LARGEST_OBJECT = 1 << 26  # characters of one element of an array
_PEEK_BYTES = 1 << 12
_BETWEEN = re.compile(r"[ \t\r\n]*(,?)[ \t\r\n]*")
_CUT = 12  # characters: an error nearer to the end of a block may be due to the cut


@dataclass(frozen=True)
class Entry:
    """An object with the line that it begins on; a defect has no fields."""

    line: int
    row: dict[str, object] = field(default_factory=dict)
    defect: str = ""


def json_blocks(
    file: InputFile, encoding: str, block_bytes: int, *, report: SourceReport
) -> Iterator[list[Entry]]:
    """Yield the objects of a file, about `block_bytes` of text at a time; blank lines are skipped.

    In JSON Lines, a line that is no object is a defect. A file that begins with `[` is one array.

    Raises:
        CorpusFormatError: an array is damaged or cut, or holds something else than objects, or the encoding
            is wrong.
    """
    head = next(utf8_blocks(file, encoding, _PEEK_BYTES), b"")
    if head.lstrip()[:1] == b"[":
        report.assume("objects", "an array")
        yield from _array_blocks(file, encoding, block_bytes, report)
        return
    report.assume("objects", "one a line")
    line = 1
    for block in line_blocks(file, encoding, block_bytes, report=report):
        lines = lines_of(block)
        filled = np.flatnonzero(~lines.blank()).tolist()
        yield [_line_entry(line + number, lines.text(number)) for number in filled]
        line += len(lines)


def array_objects(text: str) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield the objects of an array, each with its end in the text, as far as they are complete.

    Args:
        text: begins with an object, or with a comma before one.

    Raises:
        ValueError: the text is no such array.
    """
    decoder = json.JSONDecoder(object_pairs_hook=parsed_object)
    at = 0
    while True:
        start = _after_gap(text, at)
        if text[start : start + 1] != "{":
            if start < len(text) and text[start] != "]":
                raise ValueError(f"expected an object, got {text[start : start + 40]!r}")
            return
        try:
            row, at = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            if error.pos < len(text) - _CUT and not error.msg.startswith("Unterminated string"):
                raise
            return
        yield at, row


def _after_gap(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    return at if found is None else found.end()


def _array_blocks(
    file: InputFile, encoding: str, block_bytes: int, report: SourceReport
) -> Iterator[list[Entry]]:
    pending, line, waiting, is_open = "", 1, 0, False
    for block in chain(utf8_blocks(file, encoding, block_bytes, report=report), [b""]):
        pending += block.decode()
        if not is_open:
            before, bracket, pending = pending.partition("[")
            line, is_open = line + before.count("\n"), bool(bracket)
        if block and len(pending) < 2 * waiting:  # doubling keeps the work linear if an object is long
            continue
        entries, at = [], 0
        try:
            for end, row in array_objects(pending):
                start = _after_gap(pending, at)
                line += pending.count("\n", at, start)
                entries.append(Entry(line, row))
                line += pending.count("\n", start, end)
                at = end
        except (ValueError, RecursionError) as error:
            raise _damaged(file, line, str(error)) from error
        yield entries
        pending = pending[at:]
        waiting = 0 if at else len(pending)
        if waiting > LARGEST_OBJECT:
            raise _damaged(file, line, f"an object of more than {LARGEST_OBJECT:,} characters")
    if pending[_after_gap(pending, 0) :].strip() != "]":
        raise _damaged(file, line, f"the end of the file, or more text: {pending[:40]!r}")


def _damaged(file: InputFile, line: int, found: str) -> CorpusFormatError:
    return CorpusFormatError(
        f"{file.name}:{line}: array is damaged after this line: expected objects up to a ']', got {found}; "
        "write the file again"
    )


def _line_entry(line: int, text: str) -> Entry:
    try:
        row = parsed(text)
    except (ValueError, RecursionError) as error:
        return Entry(line, defect=f"line is not JSON: got {text[:80]!r} ({error}); {line_advice(text)}")
    if not isinstance(row, dict):
        return Entry(line, defect=f"line is not an object: got {text[:80]!r}; {line_advice(text)}")
    return Entry(line, row)
