"""CoNLL-style columns: one token a line, a blank line ends a sequence, -DOCSTART- begins a document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.sources import ConllSource
from seqtag.corpus.batches import corpus_batch, first_defects, labelled, lists
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.documents import Piece, with_document_ids
from seqtag.corpus.formats.groups import (
    Groups,
    comments_of,
    document_numbers,
    groups_of,
    sequence_values,
)
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text import (
    BLOCK_BYTES,
    TAB,
    Fields,
    Lines,
    Positions,
    blank_fields,
    lines_of,
    paragraph_blocks,
    tab_fields,
)
from seqtag.errors import CorpusFormatError

_DOCSTART = b"-DOCSTART-"


def read_conll(
    source: ConllSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a file in columns.

    A document that begins with -DOCSTART- has the id that `with_document_ids` derives. Each sequence above
    the first such line is a document by itself, named by the hash of its tokens.

    Further columns come from comments `# key = value`, if `source.comment` declares comments.

    Raises:
        CorpusFormatError: the first token line lacks a column, or the encoding is wrong. A later line that
            lacks a column breaks its sequence only. A file without a token line yields nothing.
    """
    yield from with_document_ids(_pieces(source, file, columns, report, block_bytes))


def _pieces(
    source: ConllSource, file: InputFile, columns: Sequence[str], report: SourceReport, block_bytes: int
) -> Iterator[Piece]:
    place = _Place()
    for block in paragraph_blocks(file, source.encoding, block_bytes):
        piece, place = _piece(source, file.name, columns, report, block, place)
        if piece is not None:
            yield piece
    if place.n_sequences:
        report.assume("separator", "tab" if place.tabs else "blanks")


@dataclass(frozen=True)
class _Place:
    """How far a file has been read."""

    line: int = 1
    n_sequences: int = 0
    tabs: bool = False  # known from the first token line on
    n_documents: int = 0  # -DOCSTART- lines


def _piece(
    source: ConllSource,
    name: str,
    columns: Sequence[str],
    report: SourceReport,
    block: bytes,
    place: _Place,
) -> tuple[Piece | None, _Place]:
    lines = lines_of(block)
    prefix = source.comment.encode() if source.comment else None
    groups, boundaries = _groups(lines, prefix)
    tabs = place.tabs
    if len(groups) and place.n_sequences == 0:
        tabs = _has_tabs(source, lines, groups)
    fields = tab_fields(lines) if tabs else blank_fields(lines)
    enough = _enough(source, fields.counts[groups.tokens])
    if len(groups) and place.n_sequences == 0 and not enough[0]:
        raise _first_line_error(source, name, lines, fields, groups, place.line)

    tokens = lists(groups.offsets, fields.column(source.token_column, groups.tokens))
    after = _Place(
        line=place.line + len(lines),
        n_sequences=place.n_sequences + len(groups),
        tabs=tabs,
        n_documents=place.n_documents + len(boundaries),
    )
    if not len(groups):
        return None, after

    def places(token: Positions) -> pa.StringArray:
        return labelled(name, place.line + groups.tokens[token], mark=":")

    lacking = np.flatnonzero(~enough)
    comments = comments_of(groups, prefix) if prefix and columns else None
    batch = corpus_batch(
        columns,
        report,
        numbered=labelled(name, place.n_sequences + 1 + np.arange(len(groups)), mark="#"),
        tokens=tokens,
        tags=lists(groups.offsets, fields.column(source.tag_column, groups.tokens)),
        places=places(groups.offsets[:-1]),
        defects=first_defects(
            groups.offsets, [(lacking, _lacking(source, fields.counts[groups.tokens[lacking]]))], places
        ),
        further={key: sequence_values(key, comments, groups) for key in columns} if comments else None,
    )
    return Piece(batch, place.n_documents + document_numbers(groups, boundaries)), after


def _groups(lines: Lines, prefix: bytes | None) -> tuple[Groups, Positions]:
    """Return the groups of token lines, and the lines at which documents begin."""
    blank = lines.blank()
    comments = lines.starting_with(prefix) if prefix else np.empty(0, np.int64)
    boundaries = lines.starting_with(_DOCSTART)
    boundaries = boundaries[lines.data[lines.starts[boundaries] + len(_DOCSTART)] <= 32]  # a whole field
    is_break = blank.copy()
    is_break[boundaries] = True
    is_token = ~is_break
    is_token[comments] = False
    tokens = np.flatnonzero(is_token)
    return groups_of(lines, tokens=tokens, is_break=is_break, comments=comments), boundaries


def _has_tabs(source: ConllSource, lines: Lines, groups: Groups) -> bool:
    if source.separator != "auto":
        return source.separator == "tab"
    first = groups.tokens[0]
    return bool((lines.data[lines.starts[first] : lines.stops[first]] == TAB).any())


def _enough(source: ConllSource, counts: Positions) -> npt.NDArray[np.bool_]:
    """Return which lines have both columns, and have them in two places."""
    token, tag = source.token_column, source.tag_column
    enough = counts >= _required(source)
    if (token < 0) != (tag < 0):
        enough &= counts != abs(token) + abs(tag)  # one counted from the left, one from the right: they meet
    return enough


def _required(source: ConllSource) -> int:
    token, tag = source.token_column, source.tag_column
    least = max(n + 1 if n >= 0 else -n for n in (token, tag))
    return least + 1 if (token < 0) != (tag < 0) and least == abs(token) + abs(tag) else least


def _lacking(source: ConllSource, counts: Positions) -> pa.StringArray:
    texts = pa.array(counts).cast(pa.string())
    return pc.binary_join_element_wise(texts, f"of at least {_required(source)} required columns", " ")


def _first_line_error(
    source: ConllSource, name: str, lines: Lines, fields: Fields, groups: Groups, first_line: int
) -> CorpusFormatError:
    line = int(groups.tokens[0])
    return CorpusFormatError(
        f"{name}:{first_line + line}: at least {_required(source)} columns were required "
        f"(token_column {source.token_column}, tag_column {source.tag_column}). "
        f"Received: {fields.counts[line]} ({lines.text(line)[:80]!r})"
    )
