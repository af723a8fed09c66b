"""Reader of CoNLL-U and CoNLL-U Plus (Universal Dependencies, universaldependencies.org/format.html)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_config import ConlluSource
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.conllu_words import COLUMNS, Words, WordTally, check_columns
from seqtag.corpus.formats.documents import Piece, with_document_ids
from seqtag.corpus.formats.line_groups import (
    Comments,
    Groups,
    comments_of,
    document_numbers,
    groups_of,
    sequence_values,
    warn_of_two_values,
)
from seqtag.corpus.formats.sentence_ends import missing_blank_lines
from seqtag.corpus.record_batches import corpus_batch, first_defects, labelled, picked
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import (
    BLOCK_BYTES,
    Fields,
    Lines,
    Positions,
    fields_of_line,
    lines_of,
    paragraph_blocks,
    tab_fields,
)
from seqtag.errors import CorpusFormatError
from seqtag.io.arrays import mask_of
from seqtag.tagging.ragged import relist

_GLOBAL_COLUMNS = "global.columns"
_NO_WORD = r"^[0-9]+[-.][0-9]+$"  # a multiword range (1-2) or an empty node (8.1)
_NEW_DOCUMENT = ("newdoc", "newdoc id")
_SENTENCE_LEVEL = ("newpar", "newpar id", "sent_id", "text")  # later comments belong to the sentence


def read_conllu(
    source: ConlluSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pa.RecordBatch]:
    """Yield the sentences of a file, except those without words.

    `# newdoc` begins a document; if it has no id, `with_document_ids` derives one. Each sentence above the
    first newdoc is a separate document, with the hash of its words as id.

    Additional columns come from comments `# key = value`. Comments between `# newdoc` and the first newpar,
    sent_id or text apply to all sentences of the document.

    A sentence is defective if a comment such as `# sent_id = 2` is within it, or if its IDs are not
    consecutive. A file without words yields nothing.

    Raises:
        CorpusFormatError: the first token line has a wrong number of columns or an ID that is no number, the
            token or tag column does not exist, or the encoding is wrong. A later line with a wrong number of
            columns only makes its sentence defective.
    """
    yield from with_document_ids(_pieces(source, file, columns, report, block_bytes))


def _pieces(
    source: ConlluSource, file: InputFile, columns: Sequence[str], report: SourceReport, block_bytes: int
) -> Iterator[Piece]:
    place, tally = _ConlluPosition(), WordTally(source)
    for block in paragraph_blocks(file, source.encoding, block_bytes, report=report):
        piece, place = _piece(source, file.name, columns, report, block, place, tally)
        if piece is not None:
            yield piece
    if place.n_sequences:
        report.assume(
            "columns", "the ten of CoNLL-U" if place.columns == COLUMNS else " ".join(place.columns)
        )
        tally.report_to(report, file.name, n_sequences=place.n_sequences)


@dataclass(frozen=True)
class _Document:
    """A document that may continue in the next block."""

    id: str | None = None  # None: the file gives no id
    columns: tuple[tuple[str, str], ...] = ()  # keys and values of its comments


@dataclass(frozen=True)
class _ConlluPosition:
    """Position in a file."""

    line: int = 1
    n_sequences: int = 0
    checked: bool = False  # a token line has been read
    columns: tuple[str, ...] = COLUMNS
    n_documents: int = 0  # `# newdoc` lines
    document: _Document = _Document()


@dataclass(frozen=True)
class _Documents:
    """The documents of a block; number 0 continues from the previous block."""

    numbers: Positions  # of each sequence
    boundaries: Positions  # lines
    own: npt.NDArray[np.bool_]  # mask of comments that apply to a whole document
    ids: pa.StringArray  # of each document, null if the file gives none
    going_on: _Document


def _piece(
    source: ConlluSource,
    name: str,
    columns: Sequence[str],
    report: SourceReport,
    block: bytes,
    place: _ConlluPosition,
    tally: WordTally,
) -> tuple[Piece | None, _ConlluPosition]:
    lines = lines_of(block)
    blank = lines.blank()
    comment_lines = lines.starting_with(b"#")
    is_token = ~blank
    is_token[comment_lines] = False
    token_lines = np.flatnonzero(is_token)
    comments = comments_of(lines, comment_lines, b"#")
    named = _columns(comments, comment_lines, token_lines, name, place)
    fields = tab_fields(lines).trimmed(len(named))
    is_word, is_known = _kinds(named, fields, token_lines)
    if len(token_lines) and not place.checked:
        check_columns(source, named, name)
        if not (is_known[0] and fields.counts[token_lines[0]] == len(named)):
            raise _first_line_error(name, lines, int(token_lines[0]), fields, named, place.line)

    kept = is_word | ~is_known
    groups = groups_of(lines, tokens=token_lines[kept], is_break=blank, comments=comment_lines)
    documents = _documents(groups, comments, blank, place.document)
    further = {key: _values(key, comments, groups, documents) for key in columns}
    if columns:
        report.offer(comments.keys_with_values())
    keys = dict.fromkeys([*columns, "sent_id"])
    of_sentences = replace(groups, owners=np.where(documents.own, -1, groups.owners))
    warn_of_two_values(keys, comments, of_sentences, report, name=name, first_line=place.line)
    after = replace(
        place,
        line=place.line + len(lines),
        n_sequences=place.n_sequences + len(groups),
        checked=place.checked or len(token_lines) > 0,
        columns=named,
        n_documents=place.n_documents + len(documents.boundaries),
        document=_last_document(documents, comments, groups, columns),
    )
    ranges = token_lines[is_known & ~is_word]
    if len(ranges):
        is_range = mask_of(pc.match_substring(fields.column(named.index("ID"), ranges), "-"))
        tally.add_ranges(Words(fields, named, ranges[is_range]), first_line=place.line)
    if not len(groups):
        return None, after

    def places(token: Positions) -> pa.StringArray:
        return labelled(name, place.line + groups.tokens[token], mark=":")

    words = Words(fields, named, groups.tokens)
    tokens, tags = words.values(source.token_column), words.tags(source)
    tally.add(words, tokens, first_line=place.line, document_starts=documents.boundaries)
    broken = [*_broken(words, ~is_known[kept]), words.with_two_tags(source)]
    broken += missing_blank_lines(words, groups, comments, first_line=place.line)
    numbered = labelled(name, place.n_sequences + 1 + np.arange(len(groups)), mark="#")
    document_of = documents.ids.take(pa.array(documents.numbers))
    if source.documents == "none":
        document_of = pa.nulls(len(groups), pa.string())
    batch = corpus_batch(
        columns,
        report,
        ids=sequence_values("sent_id", comments, groups),
        numbered=numbered,
        documents=document_of,
        tokens=relist(tokens, groups.offsets),
        tags=relist(tags, groups.offsets),
        places=places(groups.offsets[:-1]),
        defects=first_defects(groups.offsets, broken, places),
        further=further,
        token_columns={
            name: relist(words.values(column), groups.offsets)
            for name, column in source.token_columns.items()
        },
    )
    nameless = mask_of(document_of.is_null()) & (source.documents == "auto")
    return Piece(batch, np.where(nameless, place.n_documents + documents.numbers, 0)), after


def _columns(
    comments: Comments, comment_lines: Positions, token_lines: Positions, name: str, place: _ConlluPosition
) -> tuple[str, ...]:
    """Return the names of the columns: those of `# global.columns` above all words, or of CoNLL-U."""
    columns = place.columns
    for number in comments.having(_GLOBAL_COLUMNS).tolist():
        found = tuple((comments.values[number].as_py() or "").split())
        line = comment_lines[number]
        if found == columns:
            continue
        if place.checked or (len(token_lines) and line > token_lines[0]):
            raise CorpusFormatError(
                f"{name}:{place.line + line}: global.columns change within the file: expected "
                f"{' '.join(columns)}, found {' '.join(found)}; split the file here"
            )
        columns = found
    return columns


def _kinds(
    named: tuple[str, ...], fields: Fields, token_lines: Positions
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return masks of the token lines that are words, and of those with any valid ID."""
    if "ID" not in named:
        return np.ones(len(token_lines), np.bool_), np.ones(len(token_lines), np.bool_)
    ids = fields.column(named.index("ID"), token_lines)
    is_word = mask_of(pc.ascii_is_decimal(ids))
    is_known = is_word.copy()
    others = np.flatnonzero(~is_word)
    is_known[others] = mask_of(pc.match_substring_regex(ids.take(pa.array(others)), _NO_WORD))
    return is_word, is_known


def _documents(
    groups: Groups, comments: Comments, blank: npt.NDArray[np.bool_], going_on: _Document
) -> _Documents:
    new = comments.having(*_NEW_DOCUMENT)
    boundaries = groups.comments[new]
    ids = pa.concat_arrays([pa.array([going_on.id], pa.string()), comments.values.take(pa.array(new))])
    # A comment applies to its document if there is a newdoc above it and none of these lines in between.
    is_closing = blank.copy()
    is_closing[groups.comments[comments.having(*_SENTENCE_LEVEL)]] = True
    is_closing[groups.tokens] = True
    last_new = _latest(boundaries, groups.comments)
    own = last_new > _latest(np.flatnonzero(is_closing), groups.comments)
    return _Documents(document_numbers(groups, boundaries), boundaries, own, ids, going_on)


def _latest(lines: Positions, until: Positions) -> Positions:
    """Return the last of `lines` at or before each of `until`, -1 if there is none."""
    return np.append(lines, -1)[np.searchsorted(lines, until, side="right") - 1]


def _values(key: str, comments: Comments, groups: Groups, documents: _Documents) -> pa.StringArray:
    """Return the value of `key` for each sentence, from its own comments or those of its document."""
    of_document = _document_values(key, comments, groups, documents)
    own = sequence_values(key, comments, groups)
    return pc.coalesce(own, of_document.take(pa.array(documents.numbers)))


def _document_values(key: str, comments: Comments, groups: Groups, documents: _Documents) -> pa.StringArray:
    """Return the value of `key` for each document, beginning with the continued one."""
    before = dict(documents.going_on.columns).get(key)
    found = comments.having(key)
    found = found[documents.own[found]]
    number = np.searchsorted(documents.boundaries, groups.comments[found], side="right")
    said = picked(comments.values, found, len(documents.boundaries) + 1, number)
    return pa.concat_arrays([pa.array([before], pa.string()), said.slice(1)])


def _last_document(
    documents: _Documents, comments: Comments, groups: Groups, columns: Sequence[str]
) -> _Document:
    said = {key: _document_values(key, comments, groups, documents)[-1].as_py() for key in columns}
    known = tuple((key, value) for key, value in said.items() if value is not None)
    return _Document(documents.ids[-1].as_py(), known)


def _broken(words: Words, is_unknown: npt.NDArray[np.bool_]) -> list[tuple[Positions, pa.StringArray]]:
    """Return the defective token lines and their defects."""
    counts, expected = words.counts, len(words.columns)
    ragged, nameless = np.flatnonzero(counts != expected), np.flatnonzero(is_unknown)
    n_columns = pa.array(counts[ragged]).cast(pa.string())
    broken = [(ragged, pc.binary_join_element_wise("found", n_columns, f"columns, expected {expected}", " "))]
    if len(nameless):
        wrong = pc.utf8_slice_codeunits(words.take(nameless).cells("ID"), 0, 60)
        broken.append((nameless, pc.binary_join_element_wise("ID is not a number: '", wrong, "'", "")))
    return broken


def _first_line_error(
    name: str, lines: Lines, line: int, fields: Fields, named: tuple[str, ...], first_line: int
) -> CorpusFormatError:
    text = lines.text(line)
    fix = "a first line `# global.columns = ID FORM ...` names other columns (CoNLL-U Plus)"
    if "\t" not in text and len(fields_of_line(text)) > 1:
        fix = "write tabs instead of blanks"
    return CorpusFormatError(
        f"{name}:{first_line + line}: first word is not CoNLL-U: expected {len(named)} columns between tabs, "
        f"with a number as ID, found {fields.counts[line]} in {text[:80]!r}; {fix}, and "
        'format = "conll" reads any columns'
    )
