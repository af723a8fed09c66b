"""Reader of parallel text: a file of tokens and a file of tags, with a sequence per line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_config import ParallelSource
from seqtag.corpus.files import InputFile
from seqtag.corpus.record_batches import corpus_batch, labelled
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import (
    BLOCK_BYTES,
    Positions,
    blank_fields,
    lines_of,
    plain_line_blocks,
    strings,
)
from seqtag.errors import CorpusFormatError
from seqtag.tagging.ragged import relist


def read_parallel(
    source: ParallelSource,
    file: InputFile,
    tags_file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a file of tokens with the tags of another file.

    Lines end with LF or CRLF. Only blanks and tabs separate tokens, as in
    `seqtag.corpus.text_blocks.fields_of_line`. A line without tokens, or with another number of tags, is a
    defective sequence. Two empty files yield nothing.

    Raises:
        CorpusFormatError: one file has fewer lines, or the encoding is wrong.
    """
    report.assume("separator", "blanks")
    n = 0
    for token_lines, tag_lines in _line_by_line(source, file, tags_file, report, block_bytes):
        tokens, tags = blank_separated(token_lines), blank_separated(tag_lines)
        number = n + 1 + np.arange(len(tokens))
        yield corpus_batch(
            columns,
            report,
            numbered=labelled(file.name, number, mark="#"),
            tokens=tokens,
            tags=tags,
            places=labelled(file.name, number, mark=":"),
            defects=_mismatches(tokens, tags, file.name, tags_file.name, number),
        )
        n += len(tokens)


def blank_separated(block: bytes) -> pa.ListArray:
    """Return the fields of each line of a block, separated only by blanks and tabs."""
    fields = blank_fields(lines_of(block))
    offsets = np.append(fields.first, len(fields.starts))
    return relist(strings(fields.data, fields.starts, fields.stops), offsets)


def _line_by_line(
    source: ParallelSource, file: InputFile, tags_file: InputFile, report: SourceReport, block_bytes: int
) -> Iterator[tuple[bytes, bytes]]:
    """Yield blocks of both files with the same number of lines."""
    token_blocks = plain_line_blocks(file, source.encoding, block_bytes, report=report)
    tag_blocks = plain_line_blocks(tags_file, source.encoding, block_bytes, report=report)
    tokens = tags = b""
    n = 0
    while True:
        tokens = tokens or next(token_blocks, b"")
        tags = tags or next(tag_blocks, b"")
        if not tokens or not tags:
            break
        common = min(tokens.count(b"\n"), tags.count(b"\n"))
        token_end, tag_end = _end_of_line(tokens, common), _end_of_line(tags, common)
        yield tokens[:token_end], tags[:tag_end]
        tokens, tags = tokens[token_end:], tags[tag_end:]
        n += common
    if tokens or tags:
        short, long = (tags_file, file) if tokens else (file, tags_file)
        raise CorpusFormatError(
            f"{short.name}:{n + 1}: file has too few lines: expected as many as in {long.name}, got {n:,}; "
            "write both files from the same sequences"
        )


def _mismatches(
    tokens: pa.ListArray, tags: pa.ListArray, name: str, tags_name: str, number: Positions
) -> pa.StringArray:
    """Return the defect of each line with different numbers of tokens and tags, else null."""
    n_tokens, n_tags = pc.list_value_length(tokens), pc.list_value_length(tags)
    text = pc.binary_join_element_wise(
        pc.binary_join_element_wise(labelled(name, number, mark=":"), "", ":"),
        pc.cast(n_tokens, pa.string()),
        "tokens, but",
        pc.cast(n_tags, pa.string()),
        "tags in",
        labelled(tags_name, number, mark=":"),
        " ",
    )
    differs = pc.and_(pc.not_equal(n_tokens, n_tags), pc.greater(n_tokens, 0))
    return pc.if_else(differs, text, None)


def _end_of_line(block: bytes, number: int) -> int:
    """Return the end of the line with a number, from 1."""
    return int(np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))[number - 1]) + 1
