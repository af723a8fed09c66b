"""Layout of a file in columns, detected from its first lines: separator, number of columns, comments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_config import ConllSource
from seqtag.corpus.formats.numbered import misread_numbers
from seqtag.corpus.text_blocks import (
    TAB,
    Fields,
    Lines,
    Positions,
    blank_fields,
    lines_of,
    strings,
    tab_fields,
)
from seqtag.errors import CorpusFormatError
from seqtag.io.arrays import mask_of

HEAD_BYTES = 1 << 20  # of text, from which the layout is detected
_DOCSTART = b"-DOCSTART-"
_HASH = ord("#")
# `# sent_id = 1`, `# id 7 domain=en`, `# newdoc`, `#begin document (x); part 000`
_COMMENT = r"^# [^=]*=|^#[^\s=]+ =( |$)|^# ?new(doc|par) *$|^# ?(begin|end) document( |$)"
_HASH_COLUMN = r"^#\t"  # `#` and a source between tabs, as in GermEval; or a token
_TOKEN_HEADERS = ("token", "tokens", "word", "words", "form", "text", "id", "sentence", "sentence #")
_TAG_HEADERS = (
    *("tag", "tags", "label", "labels", "class", "annotation", "entity", "entities", "chunk", "iob", "bio"),
    *("ner", "ner_tag", "ner_tags", "ner-tag", "ne", "ne_tag", "ne-tag", "ne-coarse-lit", "ne-fine-lit"),
    *("pos", "pos_tag", "pos-tag", "upos", "xpos", "lemma", "feats", "deprel", "misc"),
)
_LEAST_SHARE = 0.05  # of sequences with another number of columns, for it to be intended


@dataclass(frozen=True)
class ColumnLayout:
    """Rules for splitting the lines of a file into columns.

    Attributes:
        tabs: whether tabs separate the columns, rather than runs of blanks and tabs.
        usual: number of columns of most lines.
        n_columns: number of columns of every token line; None if it may vary.
        by_sequence: whether the number of columns may vary between sequences but not within one.
        tags: tags in the first lines.
        plain_tags: tags in those of the first lines that do not begin with #.
        header: number and text of the first token line, if it looks like a header and none is declared.
        header_line: number of the line with the declared header, None without one. Lines above are comments.
        repeated_header: number and text of the first token line that repeats the declared header.
        numbers: the first line where a token's number is read as the token, and a warning about it.
    """

    source: ConllSource
    tabs: bool
    usual: int
    n_columns: int | None
    by_sequence: bool
    tags: pa.StringArray
    plain_tags: pa.StringArray
    header: tuple[int, str] | None
    header_line: int | None
    repeated_header: tuple[int, str] | None
    numbers: tuple[int, str] | None = None

    def fields(self, lines: Lines) -> Fields:
        """Return the columns, without surplus empty ones at the end of a line."""
        fields = tab_fields(lines) if self.tabs else blank_fields(lines)
        return fields.trimmed(self.usual)

    def are_usual(self, counts: Positions) -> npt.NDArray[np.bool_]:
        """Return a mask of the numbers of columns that a token line may have."""
        return are_enough(self.source, counts) if self.n_columns is None else counts == self.n_columns

    def are_valid(self, counts: Positions, offsets: Positions) -> npt.NDArray[np.bool_]:
        """Return a mask of the token lines with a valid number of columns.

        A line with another number of columns than most is still unambiguous if tabs separate the columns and
        both token and tag are counted from the left.
        """
        valid = are_enough(self.source, counts)
        if self.by_sequence:
            same = np.diff(counts, prepend=0) == 0
            same[offsets[:-1]] = True
            return valid & same
        return valid if self.n_columns is None or self.is_lenient else valid & (counts == self.n_columns)

    def may_be_comments(self, counts: Positions) -> npt.NDArray[np.bool_]:
        """Return a mask of lines that the key `comment` would skip if they begin with #."""
        return ~are_enough(self.source, counts) if self.tabs else np.ones(len(counts), np.bool_)

    @property
    def is_lenient(self) -> bool:
        """True if a line may have another number of columns than most."""
        source = self.source
        return self.tabs and source.n_columns == "auto" and min(source.token_column, source.tag_column) >= 0


def layout_of(source: ConllSource, head: bytes, *, name: str) -> ColumnLayout:
    """Detect the layout from the first lines of a file.

    Raises:
        CorpusFormatError: most lines have too few columns.
    """
    if not head:
        nothing = pa.array([], pa.string())
        return ColumnLayout(
            source, False, 0, None, False, nothing, nothing, None, header_line=None, repeated_header=None
        )
    lines = lines_of(head)
    is_break, tokens, are_certain = _token_lines(source, lines)
    tabs = _has_tabs(source, lines, tokens)
    raw = (tab_fields if tabs else blank_fields)(lines)
    width = _usual_width(raw, tokens, source.least_columns)
    fields = raw.trimmed(width)
    counts = fields.counts[tokens]
    enough = are_enough(source, counts)
    if are_certain and not are_enough(source, np.array([width]))[0]:
        line = int(tokens[~enough][0])
        raise _read_tags_error(source, width, f"{name}:{line + 1}") or _lacking_error(
            source, lines, fields, line, name
        )
    groups = np.cumsum(is_break, dtype=np.int64)[tokens]
    by_sequence = source.n_columns == "auto" and _by_sequence(counts, groups, width)
    n_columns = source.n_columns if isinstance(source.n_columns, int) else width
    one_width = None if by_sequence or source.n_columns == "vary" else n_columns
    header = _declared_header(source, lines, fields, is_break, one_width) if source.header else None
    if header is not None:
        enough &= tokens > header
    tags = pc.utf8_trim_whitespace(fields.column(source.tag_column, tokens[enough]))
    return ColumnLayout(
        source,
        tabs=tabs,
        usual=n_columns,
        n_columns=one_width,
        by_sequence=by_sequence,
        tags=tags.unique(),
        plain_tags=tags.filter(pa.array(~hashed(lines, tokens[enough]))).unique(),
        header=None if source.header else _header(source, lines, fields, tokens, tags),
        header_line=None if header is None else header + 1,
        repeated_header=None if header is None else _repeated(source, lines, fields, header, tokens[enough]),
        numbers=misread_numbers(fields, tokens[enough], groups[enough], token_column=source.token_column),
    )


def are_enough(source: ConllSource, counts: Positions) -> npt.NDArray[np.bool_]:
    """Return a mask of the lines that have all columns, and in which no other column is that of the tag."""
    enough: npt.NDArray[np.bool_] = counts >= source.least_columns
    return enough & ~np.isin(counts, list(source.ambiguous_widths))


def document_starts(lines: Lines) -> Positions:
    """Return the lines whose first field is -DOCSTART-."""
    found = lines.starting_with(_DOCSTART)
    return found[lines.data[lines.starts[found] + len(_DOCSTART)] <= 32]


def commented(source: ConllSource, lines: Lines) -> Positions:
    """Return the lines that begin like comments."""
    if source.comment:
        return lines.starting_with(source.comment.encode())
    return look_commented(lines, lines.starting_with(b"#"), f"{_COMMENT}|{_HASH_COLUMN}")


def hashed(lines: Lines, rows: Positions) -> npt.NDArray[np.bool_]:
    """Return a mask of the non-empty lines that begin with #."""
    return lines.data[lines.starts[rows]] == _HASH


def look_commented(lines: Lines, rows: Positions, pattern: str = _COMMENT) -> Positions:
    """Return the rows that look like `# sent_id = 1`."""
    texts = strings(lines.data, lines.starts[rows], lines.stops[rows])
    return rows[mask_of(pc.match_substring_regex(texts, pattern))]


def _token_lines(source: ConllSource, lines: Lines) -> tuple[npt.NDArray[np.bool_], Positions, bool]:
    """Return a mask of the lines that end a sequence, the token lines, and whether these are certain.

    Without a certain token line, all lines that may be tokens are returned.
    """
    is_break = lines.blank()
    is_break[document_starts(lines)] = True
    plain = ~is_break
    plain[commented(source, lines)] = False
    tokens = np.flatnonzero(plain)[1 if source.header else 0 :]
    return is_break, tokens if len(tokens) else np.flatnonzero(~is_break), len(tokens) > 0


def _has_tabs(source: ConllSource, lines: Lines, tokens: Positions) -> bool:
    if source.separator != "auto" or not len(tokens):
        return source.separator == "tab"
    tabs = np.flatnonzero(lines.data == TAB)
    has_tab = np.searchsorted(tabs, lines.starts[tokens]) < np.searchsorted(tabs, lines.stops[tokens])
    n = int(has_tab.sum())
    return bool(has_tab[0]) if 2 * n == len(tokens) else 2 * n > len(tokens)


def _usual_width(fields: Fields, tokens: Positions, least: int) -> int:
    """Return the number of columns of most lines, without trailing columns that are always empty."""
    if not len(tokens):
        return least
    counts = fields.counts[tokens]
    values, n = np.unique(counts, return_counts=True)
    usual = values[n == n.max()].max()
    return int(fields.trimmed(least).counts[tokens][counts == usual].max())


def _by_sequence(counts: Positions, groups: Positions, width: int) -> bool:
    """Return whether numbers of columns differ between sequences rather than within them (CoNLL-2012)."""
    if (counts == width).all():
        return False
    begins = np.flatnonzero(np.diff(groups, prepend=-1))
    least, most = np.minimum.reduceat(counts, begins), np.maximum.reduceat(counts, begins)
    lengths = np.diff(np.append(begins, len(counts)))
    n_other = int(((least == most) & (least != width) & (lengths > 1)).sum())
    return n_other > int((least != most).sum()) and n_other >= _LEAST_SHARE * len(begins)


def _header(
    source: ConllSource, lines: Lines, fields: Fields, tokens: Positions, tags: pa.StringArray
) -> tuple[int, str] | None:
    """Return the first token line if it names columns and its tag occurs in no other line."""
    if len(tokens) == 1 or not len(tokens):  # no line to compare it with
        return None
    first = int(tokens[0])
    _, tag = _both_cells(source, fields, first)
    if tag is not None and pc.sum(pc.equal(tags, tag)).as_py() > 1:
        return None
    return (first + 1, lines.text(first)) if _names_columns(source, fields, first) else None


def _declared_header(
    source: ConllSource,
    lines: Lines,
    fields: Fields,
    is_break: npt.NDArray[np.bool_],
    n_columns: int | None,
) -> int | None:
    """Return the first line that is neither blank nor a comment.

    A line that begins with # is also a comment if it has no tag, or if its number of columns is unusual and
    the line below it names columns.
    """
    is_candidate = ~is_break
    maybe = commented(source, lines)
    counts = fields.counts
    usual = are_enough(source, counts) if n_columns is None else counts == n_columns
    is_candidate[maybe] &= usual[maybe]
    candidates = np.flatnonzero(is_candidate)
    if not len(candidates):
        return None
    odd = hashed(lines, candidates) & ~usual[candidates]
    first = int(candidates[np.argmin(odd)])  # the first that is not odd
    if odd.all() or first == candidates[0]:
        return int(candidates[0])
    above = candidates[: np.argmin(odd)]
    without_tag = above[~are_enough(source, fields.trimmed(0).counts[above])]
    if len(without_tag) == len(above) or _names_columns(source, fields, first):
        return first
    return int(np.setdiff1d(above, without_tag)[0])


def _names_columns(source: ConllSource, fields: Fields, row: int) -> bool:
    token, tag = _both_cells(source, fields, row)
    return _bare(token) in _TOKEN_HEADERS or _bare(tag) in _TAG_HEADERS


def _both_cells(source: ConllSource, fields: Fields, row: int) -> tuple[str | None, str | None]:
    token, tag = (
        pc.utf8_trim_whitespace(fields.column(number, np.array([row])))[0].as_py()
        for number in (source.token_column, source.tag_column)
    )
    return token, tag


def _repeated(
    source: ConllSource, lines: Lines, fields: Fields, header: int, tokens: Positions
) -> tuple[int, str] | None:
    """Return the first token line that has the header's token and tag."""
    for number, cell in zip(
        (source.tag_column, source.token_column), _both_cells(source, fields, header)[::-1], strict=True
    ):
        cells = pc.utf8_trim_whitespace(fields.column(number, tokens))
        tokens = tokens[mask_of(pc.equal(cells, pa.scalar(cell, pa.string())))]
    return (int(tokens[0]) + 1, lines.text(int(tokens[0]))) if len(tokens) else None


def _bare(cell: str | None) -> str:
    return (cell or "").strip("#\"' ").casefold()


def _read_tags_error(source: ConllSource, width: int, place: str) -> CorpusFormatError | None:
    """Return the error of lines of this width in which token_columns name the tags; None if they do not."""
    tag = source.tag_column
    for name, column in source.token_columns.items():
        if (column < 0) != (tag < 0) and abs(column) + abs(tag) == width:
            return CorpusFormatError(
                f"{place}: token_columns name the tags as {name!r}: the model would read what it predicts; "
                f"expected another column, got {column}, as tag_column = {tag} in lines of {width} columns"
            )
    return None


def _lacking_error(
    source: ConllSource, lines: Lines, fields: Fields, line: int, name: str
) -> CorpusFormatError:
    between = {"auto": "tabs or blanks", "tab": "tabs", "blanks": "blanks"}[source.separator]
    further = ", ".join(f"{name} = {n}" for name, n in source.token_columns.items())
    of_tokens = f", token_columns = {{ {further} }}" if further else ""
    keys = f"separator, token_column{', tag_column or token_columns' if further else ' or tag_column'}"
    return CorpusFormatError(
        f"{name}:{line + 1}: too few columns between {between}, here and in most lines: expected at least "
        f"{source.least_columns} (token_column = {source.token_column}, tag_column = {source.tag_column}"
        f"{of_tokens}), found {fields.counts[line]} in {lines.text(line)[:80]!r}; set {keys}"
    )
