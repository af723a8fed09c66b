"""Detection of quotes that violate RFC 4180: text after a closing quote, or an undeclared escape."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from seqtag.corpus.formats.escapes import HINT
from seqtag.corpus.text_blocks import NEWLINE
from seqtag.errors import CorpusFormatError

_CARRIAGE_RETURN = 13
_ESCAPED = b"\1\2\3"  # in place of an escape, and of a quote or a delimiter after it


class StrayQuotes:
    """Scanner of a table's text, block by block, for text after a closing quote.

    CSV parsers silently read such text in different ways. A quote within a cell that does not begin with one
    is an ordinary character.
    """

    def __init__(self, quote: str, delimiter: str, *, name: str, escape: str = "") -> None:
        self._quote, self._delimiter, self._name = quote.encode(), delimiter.encode(), name
        self._escape = escape.encode()
        self._first_escaped: int | None = None  # the first line with a backslash before a quote
        self._blanks = b" " if delimiter != " " else b""
        self._tail = b"\n"  # begins with the last character whose meaning the next block may change
        self._n_breaks = 0  # line breaks before the tail, whose initial one makes the first line number 1
        self._inside = False  # whether the tail begins within a quoted cell

    def look(self, block: bytes) -> None:
        """Scan the next block, which must not end within an escape; an empty block is the end.

        Raises:
            CorpusFormatError: text follows a closing quote.
        """
        data = self._tail + (self._without_escaped(block) or b"\n")
        stop = len(data) if not block else self._decided(data)
        if data.find(self._quote, 0, stop) >= 0:
            self._note_backslash(data)
            self._look_at_quotes(data, stop)
        self._n_breaks += _line_breaks(data, stop)
        self._tail = data[stop:]

    def _without_escaped(self, block: bytes) -> bytes:
        """Return the block with other characters in place of escapes and escaped characters."""
        if not self._escape or self._escape not in block:
            return block
        block = block.replace(self._escape * 2, _ESCAPED[:1] * 2)
        block = block.replace(self._escape + self._quote, _ESCAPED[:2])
        return block.replace(self._escape + self._delimiter, _ESCAPED[::2])

    def _note_backslash(self, data: bytes) -> None:
        place = data.find(b"\\" + self._quote) if self._first_escaped is None and not self._escape else -1
        if place >= 0:
            self._first_escaped = self._n_breaks + _line_breaks(data, place)

    def _decided(self, data: bytes) -> int:
        """Return the position of the last character before any trailing quotes and blanks."""
        stop = len(data.rstrip(self._blanks)) if self._blanks else len(data)
        stop = len(data[:stop].rstrip(self._quote)) - 1
        return max(stop - 1 if data[max(stop - 1, 0) : stop + 1] == b"\r\n" else stop, 0)

    def _look_at_quotes(self, data: bytes, stop: int) -> None:
        codes = np.frombuffer(data, np.uint8)
        quotes = np.flatnonzero(codes[:stop] == self._quote[0])
        begins = quotes[np.diff(quotes, prepend=-2) > 1]  # of runs of quotes
        ends = quotes[np.diff(quotes, append=len(data) + 2) > 1] + 1
        is_odd = (ends - begins) % 2 == 1
        at_start = self._is_boundary(codes[begins - 1])
        # A run of odd length opens or closes a cell, except within a cell that does not begin with a quote.
        swaps = np.cumsum(is_odd & at_start) + self._inside
        last_reset = np.maximum.accumulate(np.where(is_odd & ~at_start, np.arange(1, len(begins) + 1), 0))
        swaps_before = np.concatenate([[0], swaps])[last_reset]
        inside = (swaps - swaps_before) % 2 == 1  # after each run
        was_inside = np.concatenate([[self._inside], inside[:-1]])
        closes = np.where(is_odd, was_inside, ~was_inside & at_start)
        suspects = np.flatnonzero(closes & ~self._is_boundary(codes[np.minimum(ends, len(codes) - 1)]))
        if len(suspects):
            solid = np.flatnonzero(~np.isin(codes, np.frombuffer(self._blanks, np.uint8)))
            following = solid[np.minimum(np.searchsorted(solid, ends[suspects]), len(solid) - 1)]
            suspects = suspects[~self._is_boundary(codes[following])]
        if len(suspects):
            raise self._error(data, int(begins[suspects[0]]), int(ends[suspects[0]]))
        self._inside = bool(inside[-1])

    def _is_boundary(self, codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        return (codes == self._delimiter[0]) | (codes == NEWLINE) | (codes == _CARRIAGE_RETURN)

    def _error(self, data: bytes, begin: int, end: int) -> CorpusFormatError:
        line = self._n_breaks + _line_breaks(data, begin)
        before, after = data[max(begin - 40, 0) : begin], data[end : end + 40]
        shown = re.split(b"[\r\n]", before)[-1] + data[begin:end] + re.split(b"[\r\n]", after)[0]
        if self._escape:
            shown = shown.translate(bytes.maketrans(_ESCAPED, self._escape + self._quote + self._delimiter))
        text = shown.decode("utf-8", "ignore")
        is_escaped = data[begin - 1 : begin] == b"\\"
        what = "a backslash escapes a quote" if is_escaped else "text follows a closing quote"
        quote = self._quote.decode()
        hint = ""
        if self._first_escaped is not None:
            where = (
                f"; line {self._first_escaped} has a backslash before a quote: " if not is_escaped else "; "
            )
            hint = where + HINT
        return CorpusFormatError(
            f"{self._name}:{line}: {what}: {text!r}; expected quotes within a cell twice ({quote * 2}), as "
            f'in RFC 4180{hint}; set quote = "" where quotes are ordinary tokens, or export the table '
            "again with doubled quotes"
        )


def _line_breaks(data: bytes, stop: int) -> int:
    return data.count(b"\n", 0, stop) + data.count(b"\r", 0, stop) - data.count(b"\r\n", 0, stop)
