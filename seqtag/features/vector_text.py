"""Parser of word vectors as text, in blocks of lines.

GloVe writes a line `word v1 .. vd` for each word. word2vec and fastText (.vec) write the same below a header
`n d`. A first line of two whole numbers is always read as this header.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.secrets import hide_passwords
from seqtag.corpus.files import InputFile, find_files, opened
from seqtag.corpus.text_blocks import BYTE_ORDER_MARK, SPACE, Lines, Positions, lines_of, strings
from seqtag.errors import ConfigError, CorpusFormatError

_LONGEST_LINE = 1 << 24  # bytes; a thousand times as long as a line of 1,000 numbers
_ENDS_IN_A_NUMBER = r" [-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)? *$"
_SNIFFED = 4096  # bytes from a faulty line on: in binary data, one of them is NUL


@dataclass(frozen=True)
class Head:
    """The dimension and number of vectors according to the first line."""

    dim: int
    n_vectors: int | None  # None: the first line is a vector, not a header


@dataclass(frozen=True, eq=False)
class VectorLines:
    """Lines of a file. A gap is the last space before a field that is not the first of its line."""

    file: InputFile
    head: Head
    numbers: Positions  # [n_lines], line numbers in the file, from 1
    lines: Lines
    gaps: Positions  # [n_gaps], offsets in the text
    gap_stops: Positions  # [n_lines], the end of each line's gaps in `gaps`

    def __len__(self) -> int:
        return len(self.numbers)

    def before(self, row: int) -> VectorLines:
        """Return the lines before `row`."""
        lines = Lines(self.lines.data, self.lines.starts[:row], self.lines.stops[:row])
        return VectorLines(self.file, self.head, self.numbers[:row], lines, self.gaps, self.gap_stops[:row])

    def words(self) -> pa.StringArray:
        """Return `[n_lines]`, the text before the last `dim` fields; null if it is not UTF-8."""
        stops = self.gaps[self.gap_stops - self.head.dim]
        words = pc.ascii_rtrim(strings(self.lines.data, self.lines.starts, stops), " ")
        try:
            words.validate(full=True)
        except pa.ArrowInvalid:
            is_utf8 = [_is_utf8(word) for word in words.cast(pa.binary()).to_pylist()]
            return pc.if_else(pa.array(is_utf8), words, None)
        return words

    def values(self, rows: Positions) -> npt.NDArray[np.float32]:
        """Return `<float32>[n_rows, dim]`, the vectors of some lines in ascending order.

        Raises:
            CorpusFormatError: a field is not a finite number.
        """
        starts = self.gaps[self.gap_stops[rows, None] + np.arange(-self.head.dim, 0)]  # [n_rows, dim]
        stops = np.append(starts[:, 1:], self.lines.stops[rows, None], axis=1)  # [n_rows, dim]
        fields = pc.ascii_trim(strings(self.lines.data, starts.ravel(), stops.ravel()), " ")
        values = _finite(fields)
        if values is None:
            raise self._not_finite(rows, fields)
        return values.reshape(starts.shape)

    def first_wrong(self) -> int:
        """Return the index of the first line without `dim` numbers, or the number of lines.

        Additional fields belong to a word with spaces. Without a header, such a word must not end in a
        number, since the line is then more likely to have too many numbers.
        """
        n_gaps = np.diff(self.gap_stops, prepend=0)
        is_wrong = n_gaps < self.head.dim
        if self.head.n_vectors is None:
            longer = np.flatnonzero(n_gaps > self.head.dim)
            stops = self.gaps[self.gap_stops[longer] - self.head.dim]
            words = strings(self.lines.data, self.lines.starts[longer], stops).cast(pa.binary())
            found = pc.match_substring_regex(words, _ENDS_IN_A_NUMBER)
            is_wrong[longer] = found.to_numpy(zero_copy_only=False)
        return int(np.append(is_wrong, True).argmax())

    def wrong(self, row: int) -> CorpusFormatError:
        """Return the error of a line without `dim` numbers."""
        n_fields = np.diff(self.gap_stops, prepend=0)[row]
        n_expected = f"{self.head.dim} number{'s' * (self.head.dim != 1)}"
        as_where = "in" if self.head.n_vectors is None else "declared by"
        return _error(
            self.file,
            self.numbers[row],
            f"line has another dimension: expected a word and {n_expected}, as {as_where} the first line, "
            f"got {n_fields} after the first space",
            self._sniffed(row),
        )

    def _not_finite(self, rows: Positions, fields: pa.StringArray) -> CorpusFormatError:
        start, stop = 0, len(fields)  # all fields before `start` are finite; one in [start, stop) is not
        while stop - start > 1:
            middle = (start + stop) // 2
            start, stop = (start, middle) if _finite(fields[start:middle]) is None else (middle, stop)
        row, column = divmod(start, self.head.dim)
        found = fields[start].as_buffer().to_pybytes().decode(errors="backslashreplace")
        return _error(
            self.file,
            self.numbers[rows[row]],
            f"number {column + 1} is not finite: expected a float32, got {found!r}",
            self._sniffed(int(rows[row])),
        )

    def _sniffed(self, row: int) -> bytes:
        start = self.lines.starts[row]
        return self.lines.data[start : start + _SNIFFED].tobytes()


def vector_blocks(path: str, block_bytes: int) -> Iterator[VectorLines]:
    """Yield the lines of a file of vectors in non-empty blocks of about `block_bytes` of text.

    Raises:
        ConfigError: the path matches no file or several.
        CorpusFormatError: the file is empty, binary or damaged, the dimension of a line differs from that of
            the first, or the number of lines differs from the header.
    """
    file = _file(path)
    texts = _line_blocks(file, block_bytes)
    text = next(texts, b"").removeprefix(BYTE_ORDER_MARK)
    first_line, _, rest = text.partition(b"\n")
    head = _head(file, first_line, text[:_SNIFFED])
    line, text = (1, text) if head.n_vectors is None else (2, rest)
    n_vectors = 0
    for block in chain([text], texts):
        lines = _vector_lines(file, head, line, block)
        n_valid = lines.first_wrong()
        if n_valid:
            yield lines.before(n_valid)
        if n_valid < len(lines):
            raise lines.wrong(n_valid)
        n_vectors += n_valid
        line += block.count(b"\n")
    if head.n_vectors not in (None, n_vectors):
        raise CorpusFormatError(
            f"{file.name}:1: number of vectors is wrong: expected {head.n_vectors}, as declared here, "
            f"got {n_vectors}"
        )


def _file(path: str) -> InputFile:
    try:
        files = find_files(path)
        if len(files) == 1 and files[0].location.endswith(".zip"):
            files = find_files(f"zip://*::{path}")
    except zipfile.BadZipFile as error:
        raise CorpusFormatError(f"{hide_passwords(path)}: the zip archive is damaged: {error}") from error
    if len(files) != 1:
        raise ConfigError(
            f"{hide_passwords(path)}: path matches {len(files)} files: expected one file of vectors, "
            f"got {', '.join(file.name for file in files)}"
        )
    return files[0]


def _line_blocks(file: InputFile, block_bytes: int) -> Iterator[bytes]:
    """Yield blocks of whole lines, each of which ends with \\n, including the last one.

    Unlike `corpus.text_blocks.line_blocks`, this accepts any bytes: word2vec cuts long words within a
    character.
    """
    pending: list[bytes] = []
    try:
        with opened(file) as stream:
            while stored := stream.read(block_bytes):
                stop = stored.rfind(b"\n") + 1
                if stop:
                    yield _newlines(b"".join([*pending, stored[:stop]]))
                    pending = []
                pending.append(stored[stop:])
                if sum(map(len, pending)) > _LONGEST_LINE:
                    raise CorpusFormatError(
                        f"{file.name}: line is too long: expected at most {_LONGEST_LINE} bytes, got more "
                        "without a newline"
                    )
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:  # of zip; `opened` handles the others
        raise CorpusFormatError(f"{file.name}: the zip archive is damaged: {error}") from error
    rest = b"".join(pending)
    if rest:
        yield _newlines(rest + b"\n")


def _newlines(lines: bytes) -> bytes:
    return lines.replace(b"\r\n", b"\n") if b"\r" in lines else lines


def _head(file: InputFile, first_line: bytes, sniffed: bytes) -> Head:
    fields = first_line.split()
    is_declaration = len(fields) == 2 and all(field.isdigit() and len(field) < 19 for field in fields)
    if is_declaration and min(map(int, fields)) > 0:
        return Head(dim=int(fields[1]), n_vectors=int(fields[0]))
    n_fields = len(_gaps(np.frombuffer(first_line + b"\n", np.uint8)))
    if is_declaration or n_fields == 0:
        found = repr(first_line[:80].decode(errors="backslashreplace")) if sniffed else "an empty file"
        message = (
            f"first line is not a vector: expected a word and its numbers, or `n d` above 0, got {found}"
        )
        raise _error(file, 1, message, sniffed)
    head = Head(dim=n_fields, n_vectors=None)
    # check it, since it sets the dimension
    _vector_lines(file, head, 1, first_line + b"\n").values(np.zeros(1, np.int64))
    return head


def _vector_lines(file: InputFile, head: Head, first_line: int, block: bytes) -> VectorLines:
    data = np.frombuffer(block, np.uint8)
    every = lines_of(block) if block else Lines(data, *np.zeros((2, 0), np.int64))
    kept = np.flatnonzero(every.starts < every.stops)  # skip empty lines
    lines = Lines(data, every.starts[kept], every.stops[kept])
    gaps = _gaps(data)
    return VectorLines(file, head, first_line + kept, lines, gaps, np.searchsorted(gaps, lines.stops))


def _gaps(data: npt.NDArray[np.uint8]) -> Positions:
    return np.flatnonzero((data[:-1] == SPACE) & (data[1:] > SPACE))


def _finite(fields: pa.StringArray) -> npt.NDArray[np.float32] | None:
    """Return the fields as numbers, None if one is not a finite number."""
    try:
        values = fields.cast(pa.float32()).to_numpy()
    except pa.ArrowInvalid:
        return None
    return values if np.isfinite(values).all() else None


def _is_utf8(word: bytes) -> bool:
    try:
        word.decode()
    except UnicodeDecodeError:
        return False
    return True


def _error(file: InputFile, line: int, message: str, sniffed: bytes) -> CorpusFormatError:
    """Return the error for a line; for binary data, the only message is that it is binary."""
    if b"\0" in sniffed:
        message = "file is binary: expected word vectors as text (GloVe, word2vec, fastText's .vec)"
    return CorpusFormatError(f"{file.name}:{line}: {message}")
