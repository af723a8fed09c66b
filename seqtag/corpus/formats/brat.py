"""Reader of brat standoff: texts, each with a file of spans of characters next to it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_config import BratSource
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.annotations import Annotation, iob2, shown_span
from seqtag.corpus.formats.tokenisation import Bounds, token_bounds
from seqtag.corpus.record_batches import corpus_batch, labelled
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import BLOCK_BYTES, utf8_blocks
from seqtag.errors import ConfigError

TEXT, ANNOTATIONS = ".txt", ".ann"  # ends of the names of the two files
_PIECE = "[0-9]{1,9} [0-9]{1,9}"
_SPAN = re.compile(rf"T\S*\t(?P<label>\S+) (?P<pieces>{_PIECE}(;{_PIECE})*)(\t(?P<text>.*))?")


class BratSpan(NamedTuple):
    """A span of a text, and what is wrong with it apart from its tokens; "" if nothing is."""

    annotation: Annotation
    defect: str = ""


def annotation_file(file: InputFile) -> InputFile:
    """Return the file with the annotations of a text.

    Raises:
        ConfigError: the file is no text by its name, or has no annotations next to it.
    """
    if PurePosixPath(file.path).suffix != TEXT:
        raise ConfigError(
            f"{file.name}: file is no text of brat: expected a name that ends with {TEXT}; name the texts in "
            f'path, as "folder/*{TEXT}", and unpack archives'
        )
    found = replace(
        file,
        name=file.name.removesuffix(TEXT) + ANNOTATIONS,
        path=file.path.removesuffix(TEXT) + ANNOTATIONS,
    )
    if not found.filesystem.exists(found.path):
        raise ConfigError(
            f"{file.name}: annotations are missing: expected {found.name} in the same folder; add it, empty "
            "if the text has no spans, or leave the text out of path"
        )
    return found


def read_brat(
    source: BratSource,
    file: InputFile,
    annotations: InputFile,
    columns: Sequence[str],
    report: SourceReport,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a text, its lines or all of it; the text is the document.

    The tags are IOB2. A span that is discontinuous, overlaps another, fits no tokens or exceeds its line is a
    defect of each sequence that it touches; one that cannot be understood is a defect of all sequences of the
    text. Lines without tokens are skipped.

    Raises:
        CorpusFormatError: the encoding is wrong.
    """
    report.assume("tokens", source.tokenise)
    report.assume("sequences", source.sequences)
    text = _content(file, source.encoding, report)
    spans, unclear = brat_spans(text, annotations, source.encoding, report)
    tokens, tags, defects, lines = [], [], [], []
    for line, bounds, own in _sequences(text, spans, source):
        found = iob2(text, bounds, [span.annotation for span in own])
        wrong = next((span.defect for span in own if span.defect), found if isinstance(found, str) else None)
        tokens.append([text[start:stop] for start, stop in bounds])
        tags.append(None if isinstance(found, str) else found)
        defects.append(unclear or wrong)
        lines.append(line)
    if not lines:
        return
    places = labelled(file.name, np.array(lines), mark=":")
    yield corpus_batch(
        columns,
        report,
        numbered=labelled(file.name, 1 + np.arange(len(lines)), mark="#"),
        documents=pa.repeat(file.name, len(lines)),
        tokens=pa.array(tokens, pa.list_(pa.string())),
        tags=pa.array(tags, pa.list_(pa.string())),
        places=places,
        defects=pc.binary_join_element_wise(places, pa.array(defects, pa.string()), ": "),
    )


def brat_spans(
    text: str, file: InputFile, encoding: str, report: SourceReport
) -> tuple[list[BratSpan], str | None]:
    """Return the spans of a text, in the order of the file, and the defect of the first line that is unclear.

    The defect is None without such a line. Relations, events and notes are counted.

    Raises:
        CorpusFormatError: as for `read_brat`.
    """
    spans: list[BratSpan] = []
    unclear: str | None = None
    for number, line in enumerate(_content(file, encoding, report).split("\n"), 1):
        if not line.startswith("T"):
            report.change("annotations other than spans skipped", int(bool(line.strip())))
        elif span := _span(text, line.rstrip("\r")):
            spans.append(span)
        elif unclear is None:
            unclear = (
                f"{file.name}:{number}: span is not understood: expected 'T1', a tab, a label, and where it "
                f"starts and ends, got {line!r:.80}; correct the line"
            )
    return spans, unclear


def _content(file: InputFile, encoding: str, report: SourceReport) -> str:
    return b"".join(utf8_blocks(file, encoding, BLOCK_BYTES, report=report)).decode()


def _span(text: str, line: str) -> BratSpan | None:
    found = _SPAN.fullmatch(line)
    if found is None:
        return None
    pairs = [tuple(map(int, piece.split(" "))) for piece in found["pieces"].split(";")]
    start, stop = pairs[0][0], pairs[-1][1]
    gaps = [text[one[1] : other[0]] for one, other in pairwise(pairs)]
    annotation = Annotation(start, stop, found["label"], found["text"])
    if all(gap.isspace() for gap in gaps):  # brat cuts a span at the ends of lines
        return BratSpan(annotation)
    defect = (
        f"{shown_span(annotation, text)} is discontinuous: expected one piece, got {len(pairs)}; join them, "
        "or remove the span"
    )
    return BratSpan(annotation._replace(text=None), defect)


def _sequences(
    text: str, spans: Sequence[BratSpan], source: BratSource
) -> Iterator[tuple[int, Bounds, list[BratSpan]]]:
    """Yield the line of each sequence with its tokens and the spans that touch it."""
    starts = [0]
    if source.sequences == "lines":
        starts += [found.end() for found in re.finditer("\n", text)]
    bounds: list[Bounds] = [[] for _ in starts]
    for each in token_bounds(text, source.tokenise):
        bounds[bisect_right(starts, each[0]) - 1].append(each)
    own: list[list[BratSpan]] = [[] for _ in starts]
    for span in spans:
        start, stop = span.annotation[:2]
        first, last = (bisect_right(starts, place) - 1 for place in (start, max(start, stop - 1)))
        if first != last:
            span = BratSpan(
                span.annotation,
                f"{shown_span(span.annotation, text)} exceeds its line: expected it in one; set sequences = "
                '"documents" if lines are no sequences',
            )
        for number in range(first, last + 1):
            own[number].append(span)
    for number, (tokens, touching) in enumerate(zip(bounds, own, strict=True)):
        if tokens or touching:
            yield number + 1, tokens, touching
