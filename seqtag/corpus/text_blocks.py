"""Blocks of text as arrays: decoded, cut at line ends, and split into fields without a loop over lines."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.corpus.containers import check_text
from seqtag.corpus.encoding_errors import StrayMarks, Utf8Check, encoding_error, misread_mark
from seqtag.corpus.files import InputFile, opened
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import CorpusFormatError

BLOCK_BYTES = 4 << 20  # of text read at a time; about half a million tokens
LARGEST_BLOCK = 1 << 30  # bytes; Arrow's string offsets end at 2 GiB
TAB, NEWLINE, SPACE = 9, 10, 32
BYTE_ORDER_MARK = "\ufeff".encode()

Positions = npt.NDArray[np.int64]
_BLANK_LINE = re.compile(rb"\n[ \t]*\n")
_BETWEEN_FIELDS = re.compile("[ \t]+")
_STARTS_WHITESPACE = np.isin(np.arange(256), [*range(33), 0xC2, 0xE1, 0xE2, 0xE3])  # first bytes in UTF-8


def utf8_blocks(
    file: InputFile, encoding: str, block_bytes: int, *, report: SourceReport | None = None
) -> Iterator[bytes]:
    """Yield the text of a file as UTF-8, about `block_bytes` at a time, without byte order marks of lines.

    Args:
        report: receives a warning if the file is UTF-8 and `encoding` is not, and one if byte order marks
            were removed after the start of the file.

    Raises:
        CorpusFormatError: the bytes are not `encoding`, and the message names the line and the byte; or they
            begin with the byte order mark of UTF-8, which `encoding` decodes as text.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    at_start, line, n_bytes, mark = True, 1, 0, b""
    check, marks = Utf8Check(encoding), StrayMarks()
    with opened(file) as stream:
        more = True
        while more:
            stored = stream.read(block_bytes)
            more = bool(stored)
            mark = (mark + stored[:4])[:4]
            if n_bytes == 0:
                check_text(stored[:32], encoding, file.name)
            try:
                text = decoder.decode(stored, final=not more).encode()
            except UnicodeError as error:
                raise encoding_error(file, encoding, mark, line, n_bytes + len(stored), error) from error
            if misread_mark(mark, encoding):
                raise CorpusFormatError(
                    f"{file.name}: file is UTF-8, not {encoding}: expected text without a byte order mark, "
                    'got one of UTF-8 at the start; set encoding = "utf-8"'
                )
            n_bytes += len(stored)
            check.add(stored, final=not more)
            n_ends = text.count(b"\n")
            if text and at_start:
                text, at_start = text.removeprefix(BYTE_ORDER_MARK), False
            text = marks.removed(text, line=line, final=not more)
            line += n_ends
            if text:
                yield text
    if report is not None:
        check.warn(report, file.name)
        marks.warn(report, file.name)


def line_blocks(
    file: InputFile, encoding: str, block_bytes: int, *, report: SourceReport | None = None
) -> Iterator[bytes]:
    """Yield the text of a file as UTF-8 in whole lines; all, including the last, end with a lone newline."""
    pending: list[bytes] = []
    for text in utf8_blocks(file, encoding, block_bytes, report=report):
        end = text.rfind(b"\n") + 1
        pending.append(text[:end] if end else text)
        if end:
            yield _newlines(b"".join(pending))
            pending = [text[end:]]
        check_size(file, "line", pending)
    rest = b"".join(pending)
    if rest:
        yield _newlines(rest + b"\n")


def plain_line_blocks(
    file: InputFile, encoding: str, block_bytes: int, *, report: SourceReport | None = None
) -> Iterator[bytes]:
    """Yield `line_blocks` of a format in which a carriage return may only be part of a line end.

    Raises:
        CorpusFormatError: a carriage return is within a line, where it would swallow tokens or end a tag.
    """
    line = 1
    for block in line_blocks(file, encoding, block_bytes, report=report):
        place = block.find(b"\r")
        if place >= 0:
            raise CorpusFormatError(
                f"{file.name}:{line + block.count(NEWLINE, 0, place)}: carriage return within a line: "
                "expected lines that end with a newline, or a carriage return and a newline; remove it, or "
                "if it ends lines by itself, convert them: tr '\\r' '\\n' < x.txt > y.txt"
            )
        line += block.count(NEWLINE)
        yield block


def paragraph_blocks(
    file: InputFile,
    encoding: str,
    block_bytes: int,
    *,
    report: SourceReport | None = None,
    in_parts: bool = False,
) -> Iterator[bytes]:
    """Yield the text of a file as UTF-8 in blocks that end with a blank line or with the file.

    With `in_parts`, what has no blank line is yielded in blocks of at least `block_bytes` that depend on
    nothing above it; the last block has fewer bytes.

    Raises:
        CorpusFormatError: as for `plain_line_blocks`.
    """
    pending: list[bytes] = []
    waiting = 0  # bytes known to contain no blank line
    for lines in plain_line_blocks(file, encoding, block_bytes, report=report):
        pending.append(lines)
        size = check_size(file, "sequence", pending)
        if size < 2 * waiting:  # doubling keeps the work linear if a sequence is longer than a block
            continue
        block = b"".join(pending)
        end = _last_blank_line(block)
        if end:
            yield block[:end]
        rest = block[end:]
        while in_parts and (stop := rest.find(b"\n", block_bytes - 1) + 1):
            yield rest[:stop]
            rest = rest[stop:]
        pending, waiting = [rest], 0 if end or in_parts else size
    rest = b"".join(pending)
    if rest:
        yield rest


def check_size(file: InputFile, what: str, pending: list[bytes]) -> int:
    """Return the number of bytes of a line, sequence or record that has no end yet.

    Raises:
        CorpusFormatError: there are too many.
    """
    size = sum(map(len, pending))
    if size > LARGEST_BLOCK:
        raise CorpusFormatError(
            f"{file.name}: {what} is too long: expected at most {LARGEST_BLOCK:,} bytes, got {size:,} "
            "without an end; end lines with a newline, and sequences in columns with a blank line"
        )
    return size


def with_head(blocks: Iterator[bytes], n_bytes: int) -> tuple[bytes, Iterator[bytes]]:
    """Return the whole lines in the first `n_bytes` of the blocks, at least one, and all the blocks.

    The lines depend only on the text, not on its blocks.
    """
    taken: list[bytes] = []
    size = 0
    for block in blocks:
        taken.append(block)
        size += len(block)
        if size >= n_bytes:
            break
    text = b"".join(taken)
    end = (text.rfind(b"\n", 0, n_bytes) + 1) or (text.find(b"\n") + 1)
    return text[:end], chain(taken, blocks)


def fields_of_line(line: str) -> list[str]:
    """Split a line at runs of blanks and tabs, the only separators of text in lines.

    Other whitespace is part of a token: a no-break space (U+00A0) or an ideographic space (U+3000) separates
    nothing, and U+2028 and U+0085 end no line.

    >>> fields_of_line(" 10\\u00a0000 \\t km ")
    ['10\\xa0000', 'km']
    """
    return [field for field in _BETWEEN_FIELDS.split(line) if field]


@dataclass(frozen=True)
class Lines:
    """The lines of a block, at `[starts, stops)` without their newlines."""

    data: npt.NDArray[np.uint8]
    starts: Positions
    stops: Positions

    def __len__(self) -> int:
        return len(self.starts)

    def blank(self) -> npt.NDArray[np.bool_]:
        """Return `<bool>[n_lines]`: whether a line is empty or consists of blanks and tabs."""
        blank = self.starts == self.stops
        first = self.data[self.starts]
        some = np.flatnonzero((first == SPACE) | (first == TAB))
        text = pc.ascii_trim(strings(self.data, self.starts[some], self.stops[some]), " \t")
        blank[some] = pc.binary_length(text).to_numpy(zero_copy_only=False) == 0
        return blank

    def starting_with(self, prefix: bytes) -> Positions:
        """Return the numbers of the lines that start with `prefix`."""
        found = np.flatnonzero(self.stops - self.starts >= len(prefix))
        for offset, byte in enumerate(prefix):
            found = found[self.data[self.starts[found] + offset] == byte]
        return found

    def text(self, line: int) -> str:
        return self.data[self.starts[line] : self.stops[line]].tobytes().decode()

    def excerpts(self, numbers: Positions) -> pa.StringArray:
        """Return the first 60 characters of lines, given by increasing numbers."""
        return pc.utf8_slice_codeunits(strings(self.data, self.starts[numbers], self.stops[numbers]), 0, 60)


def lines_of(block: bytes) -> Lines:
    """Return the lines of a block that ends with a newline."""
    data = np.frombuffer(block, np.uint8)
    stops = np.flatnonzero(data == NEWLINE)
    return Lines(data, np.concatenate([np.zeros(1, np.int64), stops[:-1] + 1]), stops)


@dataclass(frozen=True)
class Fields:
    """The fields of lines, at `[starts, stops)`; line i has `counts[i]` fields from `first[i]` on."""

    data: npt.NDArray[np.uint8]
    starts: Positions
    stops: Positions
    first: Positions
    counts: Positions

    def column(self, number: int, lines: Positions) -> pa.StringArray:
        """Return one field of each of `lines`, which increase; a negative `number` counts from the end.

        A line that lacks the field gives null.
        """
        counts = self.counts[lines]
        missing = (number >= counts) | (number < -counts)
        first = self.first[lines]
        field = np.where(missing, first, first + (number if number >= 0 else counts + number))
        return strings(self.data, self.starts[field], self.stops[field], missing)

    def trimmed(self, least: int) -> Fields:
        """Drop blank fields at the ends of lines that have more than `least` fields."""
        if not (self.counts > least).any():
            return self
        filled = np.flatnonzero(self._filled())
        last = np.append(filled, -1)[np.searchsorted(filled, self.first + self.counts) - 1]
        return replace(self, counts=np.minimum(self.counts, np.maximum(last - self.first + 1, least)))

    def _filled(self) -> npt.NDArray[np.bool_]:
        """Return `<bool>[n_fields]`: whether a field holds more than whitespace."""
        filled = self.starts < self.stops
        some = np.flatnonzero(filled & _STARTS_WHITESPACE[self.data[self.starts]])
        text = pc.utf8_trim_whitespace(strings(self.data, self.starts[some], self.stops[some]))
        filled[some] = pc.binary_length(text).to_numpy(zero_copy_only=False) > 0
        return filled


def tab_fields(lines: Lines) -> Fields:
    """Split lines at tabs: a line with n tabs has n + 1 fields."""
    stops = np.flatnonzero((lines.data == TAB) | (lines.data == NEWLINE))
    starts = np.concatenate([np.zeros(1, np.int64), stops[:-1] + 1])
    after = np.flatnonzero(lines.data[stops] == NEWLINE) + 1
    first = np.concatenate([np.zeros(1, np.int64), after[:-1]])
    return Fields(lines.data, starts, stops, first, after - first)


def blank_fields(lines: Lines) -> Fields:
    """Split lines at runs of blanks and tabs, as `str.split` does."""
    gap = (lines.data == SPACE) | (lines.data == TAB) | (lines.data == NEWLINE)
    edges = np.flatnonzero(np.diff(gap.view(np.int8), prepend=np.int8(1)))
    starts, stops = edges[::2], edges[1::2]
    bounds = np.searchsorted(starts, np.append(lines.starts, len(lines.data)))
    return Fields(lines.data, starts, stops, bounds[:-1], np.diff(bounds))


def strings(
    data: npt.NDArray[np.uint8],
    starts: Positions,
    stops: Positions,
    missing: npt.NDArray[np.bool_] | None = None,
) -> pa.StringArray:
    """Return the strings `[starts, stops)` of a block of UTF-8; null where `missing`.

    They must be in increasing order, must not overlap, and must begin and end at whole characters.
    """
    if len(starts) == 0:
        return pa.array([], pa.string())
    # The block is viewed as an array in which the wanted strings alternate with the gaps between them.
    # Taking every second one leaves the copying to Arrow.
    bounds = np.empty(2 * len(starts), np.int32)
    bounds[::2], bounds[1::2] = starts, stops
    both = pa.StringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), pa.py_buffer(data))
    return both.take(pa.array(np.arange(0, len(bounds), 2), mask=missing))


def _newlines(lines: bytes) -> bytes:
    return lines.replace(b"\r\n", b"\n") if b"\r" in lines else lines


def _last_blank_line(block: bytes) -> int:
    """Return the end of the last blank line of a block, 0 if it has none."""
    window = 1 << 14
    while True:
        start = max(len(block) - window, 0)
        ends = [found.end() for found in _BLANK_LINE.finditer(block, start)]
        if ends or start == 0:
            return ends[-1] if ends else 0
        window *= 16
