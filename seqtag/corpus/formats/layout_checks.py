"""Warnings about lines that contradict the layout of a file in columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from seqtag.corpus.formats.column_layout import ColumnLayout, are_enough, hashed, look_commented
from seqtag.corpus.formats.line_kinds import LineKinds
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import TAB, Fields, Lines, Positions, fields_of_line
from seqtag.io.arrays import mask_of

LEAST_SEQUENCES = 10  # of a file that is a single document, for a warning
# Shares of sequences that begin with # and a tag of no other line. Some corpora have a single tag for #.
_MOST_HASHED, _LEAST_HASHED = 0.5, 0.05
_MOST_CHARACTERS = 60  # of a line in a warning


@dataclass
class Seen:
    """Lines of one kind: their number, and the first one."""

    count: int = 0
    line: int = 0
    text: str = ""

    def add(self, lines: Lines, rows: Positions, first_line: int) -> None:
        """Count lines of a block that begins at line `first_line` of the file."""
        if len(rows) and not self.count:
            self.line, self.text = first_line + int(rows[0]), lines.text(int(rows[0]))
        self.count += len(rows)

    @property
    def shown(self) -> str:
        return repr(self.text[:_MOST_CHARACTERS])


class LayoutChecks:
    """Counts over the blocks of a file, and the warnings that follow from them."""

    def __init__(self, layout: ColumnLayout) -> None:
        self._layout = layout
        self._n_shortened = 0
        self._first, self._odd, self._tabbed, self._blank = Seen(), Seen(), Seen(), Seen()
        self._comments, self._inside, self._doubtful = Seen(), Seen(), Seen()
        self._header, self._document, self._hashed = Seen(), Seen(), Seen()
        self._hashed_tags: set[str | None] = set()  # two at most

    def add(self, lines: Lines, fields: Fields, kinds: LineKinds, *, first_line: int) -> None:
        """Count the lines of a block that begins at line `first_line` of the file."""
        tokens = kinds.tokens
        counts = fields.counts[tokens]
        odd = np.flatnonzero(counts != self._layout.usual)
        self._n_shortened += int((np.diff(fields.first, append=len(fields.starts))[tokens] > counts).sum())
        tabbed = counts > 1 if self._layout.tabs else _with_tab(lines, fields)[tokens]
        strange = self._strange(lines, fields, kinds) if self._layout.source.comment is None else tokens[:0]
        for seen, rows in (
            (self._first, tokens[:1]),
            (self._odd, tokens[odd]),
            (self._tabbed, tokens[tabbed]),
            (self._blank, _with_blank(lines, tokens[~tabbed])),
            (self._comments, kinds.comments),
            (self._inside, kinds.comments[kinds.is_inside]),
            (self._doubtful, look_commented(lines, kinds.doubtful)),
            (self._header, kinds.header),
            (self._document, kinds.document_starts),
            (self._hashed, strange),
        ):
            seen.add(lines, rows, first_line)

    def _strange(self, lines: Lines, fields: Fields, kinds: LineKinds) -> Positions:
        """Return the first tokens of sequences that begin with # and have a tag of no other line."""
        if not hashed(lines, kinds.tokens).any():
            return kinds.tokens[:0]
        firsts = kinds.tokens[np.diff(np.cumsum(kinds.is_break)[kinds.tokens], prepend=-1) != 0]
        firsts = firsts[hashed(lines, firsts) & self._layout.are_usual(fields.counts[firsts])]
        tags = pc.utf8_trim_whitespace(fields.column(self._layout.source.tag_column, firsts))
        unknown = pc.invert(pc.is_in(tags, self._layout.plain_tags))
        if len(self._hashed_tags) < 2:
            self._hashed_tags.update(tags.filter(unknown).unique().to_pylist()[:2])
        return firsts[mask_of(unknown)]

    def report_to(self, report: SourceReport, name: str, *, n_sequences: int) -> None:
        """Report how the file was read, and warn of signs that it was misread."""
        layout, source = self._layout, self._layout.source
        if not n_sequences:
            return
        automatic = "# key = value" if self._comments.count else "none"
        report.assume("separator", "tab" if layout.tabs else "blanks")
        report.assume("columns", "by sequence" if layout.by_sequence else _columns(layout))
        report.assume("header", "yes" if self._header.count else "none")
        report.assume("comments", automatic if source.comment is None else repr(source.comment))
        report.change("of the lines had empty columns at the end, dropped", self._n_shortened)
        for kind, line, text, count in self._contradictions(n_sequences):
            report.warn(kind, text, place=f"{name}:{line}", count=count)

    def _contradictions(self, n_sequences: int) -> Iterator[tuple[str, int, str, int]]:
        """Yield the kind of each contradiction, the line of the first one, a text and their number."""
        source, comments, inside, doubtful = self._layout.source, self._comments, self._inside, self._doubtful
        if source.n_columns == "auto" and self._odd.count:
            yield "columns", self._odd.line, self._odd_columns(), self._odd.count
        if source.separator == "auto" and self._tabbed.count and self._blank.count:
            odd = self._blank if self._layout.tabs else self._tabbed
            yield "separators", odd.line, self._two_separators(), odd.count
        if source.comment is None and comments.count:
            text = f'lines such as {comments.shown} are read as comments; comment = "#" declares them'
            yield "comments", comments.line, text, comments.count
        if inside.count:
            text = (
                f"a comment within a sequence was left out: {inside.shown}; without comment = "
                f'"{source.comment}" it breaks its sequence'
            )
            yield "comments within sequences", inside.line, text, inside.count
        if doubtful.count:
            text = f"{doubtful.shown} looks like a comment and is read as a token" + (
                '; comment = "#" makes it a comment if it has no tag' if source.comment is None else ""
            )
            yield "comments as tokens", doubtful.line, text, doubtful.count
        elif self._are_comments(n_sequences):
            strange = self._hashed
            fix = "remove it if it is one" if self._layout.tabs else 'comment = "#" leaves it out'
            read = "is read as a token with a tag of no other line"
            text = f"{strange.shown} looks like a comment and {read}; {fix}"
            yield "comments as tokens", strange.line, text, strange.count
        yield from self._headers()
        if self._layout.numbers is not None:
            yield "numbers as tokens", *self._layout.numbers, 1
        if (
            source.documents == "auto"
            and self._document.count == 1
            and self._document.line < self._first.line
            and n_sequences >= LEAST_SEQUENCES
        ):
            text = (
                f"a single {self._document.shown} makes all {n_sequences:,} sequences one document, which no "
                'split divides; documents = "none" makes each sequence a document'
            )
            yield "documents", self._document.line, text, 1

    def _are_comments(self, n_sequences: int) -> bool:
        """Return whether `# text` begins too many sequences, or has too many tags, to be a token."""
        share = self._hashed.count / n_sequences
        return share >= _MOST_HASHED or (share >= _LEAST_HASHED and len(self._hashed_tags) > 1)

    def _headers(self) -> Iterator[tuple[str, int, str, int]]:
        layout, header = self._layout, self._header
        if layout.header is not None:
            line, text = layout.header
            shown = repr(text[:_MOST_CHARACTERS])
            yield "header", line, f"{shown} looks like a header and is read as a token; set header = true", 1
        elif layout.repeated_header is not None:
            line, text = layout.repeated_header
            shown = repr(text[:_MOST_CHARACTERS])
            yield (
                "header",
                line,
                f"{shown} repeats the header and is read as a token; remove all but the first",
                1,
            )
        elif header.count and self._cell(header, layout.source.tag_column) in layout.tags.to_pylist():
            text = f"{header.shown} is left out as the header and looks like a token; drop header = true"
            yield "header", header.line, text, 1

    def _odd_columns(self) -> str:
        """Describe the first line with another number of columns, and the key that changes its reading."""
        layout, odd = self._layout, self._odd
        n, usual = len(self._cells(odd)), layout.usual
        found = f"line {odd.line} has {n} column{'' if n == 1 else 's'}, most have {usual}"
        if layout.by_sequence:
            return f"{found}; each sequence keeps its number, and n_columns = {usual} allows no other"
        token, tag = (
            repr(self._cell(odd, column)) for column in (layout.source.token_column, layout.source.tag_column)
        )
        is_open = layout.source.comment is None and layout.may_be_comments(np.array([n]))[0]
        if is_open and odd.text.startswith("#"):
            may_be = f'{odd.shown} may be a comment; comment = "#" leaves it out'
            return f"{found}; its sequence is set aside: {may_be}"
        if not are_enough(layout.source, np.array([n]))[0]:
            return f"{found}; its sequence is set aside: {odd.shown} lacks a column, or is a comment"
        if layout.is_lenient:
            read = f"it is read from the left as token {token}, tag {tag}"
            return f"{found}; {read}, and n_columns = {usual} sets its sequence aside"
        fix = f'n_columns = "vary" would read token {token}, tag {tag}'
        return f"{found}; its sequence is set aside; {fix}"

    def _two_separators(self) -> str:
        tabs, blank = self._tabbed, self._blank
        return (
            f"two separators: tabs in {tabs.count:,} lines ({tabs.shown}), blanks alone in {blank.count:,} "
            f'({blank.shown}); read with separator = "{"tab" if self._layout.tabs else "blanks"}"'
        )

    def _cells(self, seen: Seen) -> list[str]:
        cells = seen.text.split("\t") if self._layout.tabs else fields_of_line(seen.text)
        while len(cells) > self._layout.usual and not cells[-1].strip():
            cells.pop()
        return cells

    def _cell(self, seen: Seen, column: int) -> str | None:
        cells = self._cells(seen)
        return cells[column].strip() if -len(cells) <= column < len(cells) else None


def _columns(layout: ColumnLayout) -> str:
    return "any number" if layout.source.n_columns == "vary" else str(layout.usual)


def _with_tab(lines: Lines, fields: Fields) -> npt.NDArray[np.bool_]:
    """Return a mask of the lines with a tab between two fields."""
    found = np.zeros(len(lines), np.bool_)
    tabs = np.flatnonzero(lines.data == TAB)
    if len(tabs):
        rows = np.searchsorted(lines.starts, tabs, side="right") - 1
        tabs, rows = tabs[fields.counts[rows] > 1], rows[fields.counts[rows] > 1]
        last = fields.first[rows] + fields.counts[rows] - 1
        found[rows[(tabs >= fields.starts[fields.first[rows]]) & (tabs < fields.starts[last])]] = True
    return found


def _with_blank(lines: Lines, rows: Positions) -> Positions:
    """Return the rows with a blank between two words."""
    found = mask_of(pc.match_substring_regex(lines.excerpts(rows), r"\S +\S"))
    return rows[found]
