"""FASTA: a name behind `>`, a line of residues, and in a corpus a line with a label for each residue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_config import FastaSource
from seqtag.corpus.files import InputFile
from seqtag.corpus.record_batches import corpus_batch, labelled
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import BLOCK_BYTES, Positions, check_size, plain_line_blocks
from seqtag.errors import CorpusFormatError
from seqtag.tagging.ragged import relist

_LABELLED = 3  # lines of a record with labels
_NEWLINE, _NAME = ord("\n"), ord(">")


def read_fasta(
    source: FastaSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a file, one token for each character of a line of residues.

    The id is the first word of the name; empty lines are skipped. A record with another number of lines, or
    of labels, is a defective sequence; in a source without tags, a record may lack the line of labels.

    Raises:
        CorpusFormatError: the file does not begin with `>`, or the encoding is wrong.
    """
    fewest_lines = _LABELLED if source.has_tags else _LABELLED - 1
    line, n_sequences = 1, 0
    for block in _record_blocks(file, source.encoding, block_bytes, report):
        text = block.decode()
        if n_sequences == 0 and text.strip("\n") and not text.lstrip("\n").startswith(">"):
            raise CorpusFormatError(
                f"{file.name}:{line}: no FASTA: expected a name behind '>', got {text.strip()[:40]!r}; set "
                "format to that of the file"
            )
        batch = _batch(file.name, columns, report, text, line, n_sequences, fewest_lines)
        yield batch
        line += text.count("\n")
        n_sequences += batch.num_rows


def _record_blocks(file: InputFile, encoding: str, block_bytes: int, report: SourceReport) -> Iterator[bytes]:
    """Yield the text of a file as UTF-8 in whole records."""
    pending: list[bytes] = []
    for lines in plain_line_blocks(file, encoding, block_bytes, report=report):
        cut = lines.rfind(b"\n>") + 1
        if not cut and lines.startswith(b">") and pending:
            yield b"".join(pending)
            pending = []
        elif cut:
            yield b"".join([*pending, lines[:cut]])
            pending = []
        pending.append(lines[cut:])
        check_size(file, "record", pending)
    rest = b"".join(pending)
    if rest:
        yield rest


def _batch(
    name: str,
    columns: Sequence[str],
    report: SourceReport,
    text: str,
    line: int,
    sequences_before: int,
    fewest_lines: int,
) -> pa.RecordBatch:
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    stops = np.flatnonzero(codes == _NEWLINE)
    starts = np.concatenate([np.zeros(1, np.int64), stops[:-1] + 1])
    filled = np.flatnonzero(stops > starts)
    heads = np.flatnonzero(codes[starts[filled]] == _NAME)  # positions in `filled`
    n_lines = np.diff(np.append(heads, len(filled)))
    whole = (n_lines >= fewest_lines) & (n_lines <= _LABELLED)
    has_labels = n_lines == _LABELLED
    residues = filled[np.where(whole, heads + 1, heads)]
    labels = filled[np.where(has_labels, heads + 2, heads)]
    n_residues = np.where(whole, stops[residues] - starts[residues], 0)
    n_labels = np.where(has_labels, stops[labels] - starts[labels], 0)
    places = labelled(name, line + filled[heads], mark=":")
    names = [text[starts[head] + 1 : stops[head]] for head in filled[heads]]
    return corpus_batch(
        columns,
        report,
        ids=pa.array([(each.split() or [""])[0] for each in names], pa.string()),
        numbered=labelled(name, sequences_before + 1 + np.arange(len(heads)), mark="#"),
        tokens=_characters(codes, starts[residues], n_residues),
        tags=_characters(codes, starts[labels], n_labels),
        places=places,
        defects=pc.binary_join_element_wise(
            places, _defects(n_lines, whole, n_residues, n_labels, line + labels), ": "
        ),
    )


def _characters(
    codes: npt.NDArray[np.uint32], starts: Positions, lengths: npt.NDArray[np.int64]
) -> pa.ListArray:
    """Return the characters of lines, each a string."""
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    wanted = codes[np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)]
    present = np.flatnonzero(np.bincount(wanted))
    number = np.searchsorted(present, wanted)
    return relist(pa.array(map(chr, present.tolist()), pa.string()).take(pa.array(number)), offsets)


def _defects(
    n_lines: Positions,
    whole: npt.NDArray[np.bool_],
    n_residues: Positions,
    n_labels: Positions,
    label_lines: Positions,
) -> pa.StringArray:
    """Return the defect of each record, null if it has none."""

    def text(numbers: Positions) -> pa.StringArray:
        return pc.cast(pa.array(numbers), pa.string())

    lines = pc.binary_join_element_wise(
        "record has another number of lines: expected a name, residues and labels in 3 lines, got ",
        text(n_lines),
        "; join the lines of one sequence",
        "",
    )
    lengths = pc.binary_join_element_wise(
        pc.binary_join_element_wise(text(n_residues), "residues, but", " "),
        text(n_labels),
        "labels in line",
        text(label_lines),
        " ",
    )
    differs = (n_lines == _LABELLED) & (n_residues != n_labels)
    return pc.if_else(pa.array(~whole), lines, pc.if_else(pa.array(differs), lengths, None))
