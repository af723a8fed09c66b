"""Reader of spaCy's DocBin, `*.spacy`: documents with their tokens and annotations."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from seqtag.config.source_config import DocBinSource
from seqtag.corpus.files import InputFile, opened
from seqtag.corpus.record_batches import corpus_batch, labelled
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import ConfigError, CorpusFormatError
from seqtag.formatting import first_line

if TYPE_CHECKING:
    from spacy.tokens import Token

SEQUENCES = 8192  # yielded at a time
# of a file that is damaged, or no DocBin
_DAMAGE = (ValueError, LookupError, TypeError, AttributeError, OverflowError, EOFError, struct.error)


class SpacyToken(NamedTuple):
    """A token of a document, and its annotations by the values of `tag_attribute`; None if there is none."""

    text: str
    ents: str | None
    tag: str | None
    pos: str | None


def read_docbin(
    source: DocBinSource, file: InputFile, columns: Sequence[str], report: SourceReport
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a file, one for each document.

    Tokens of whitespace and documents without other tokens are left out and counted. Entities are IOB2. A
    token that is not annotated has no tag. The file is in memory as a whole.

    Raises:
        ConfigError: spaCy is not installed.
        CorpusFormatError: the file is no DocBin.
    """
    report.assume("tags", source.tag_attribute)
    documents = docbin_documents(file, report)
    n_documents = 0
    while batch := list(islice(documents, SEQUENCES)):
        kept = list(map(_without_whitespace, batch))
        report.change("tokens of whitespace left out", sum(map(len, batch)) - sum(map(len, kept)))
        number = n_documents + 1 + np.flatnonzero(list(map(len, kept)))
        n_documents += len(batch)
        kept = list(filter(None, kept))
        report.change("documents without tokens skipped", len(batch) - len(kept))
        tags = [[getattr(token, source.tag_attribute) for token in each] for each in kept]
        yield corpus_batch(
            columns,
            report,
            numbered=labelled(file.name, number, mark="#"),
            tokens=pa.array([[token.text for token in each] for each in kept], pa.list_(pa.string())),
            tags=pa.array([each if any(each) else None for each in tags], pa.list_(pa.string())),
            places=labelled(file.name, number, mark=": document "),
            spaced_tokens=True,
        )


def docbin_documents(file: InputFile, report: SourceReport | None = None) -> Iterator[list[SpacyToken]]:
    """Yield the tokens of each document of a file. Raises as `read_docbin`.

    Args:
        report: counts the spans in `spans` of a document, which may overlap and are not read.
    """
    doc_bin, vocab = _spacy()
    with opened(file) as stream:
        content = stream.read()
    try:
        for document in doc_bin().from_bytes(content).get_docs(vocab()):
            if report is not None:
                report.change("spans of span groups left out", sum(map(len, document.spans.values())))
            yield list(map(_token, document))
    except _DAMAGE as error:
        raise CorpusFormatError(
            f"{file.name}: file is damaged or no DocBin: expected one of spaCy, got {first_line(error)}; "
            "write it again, or set format to that of the file"
        ) from error


def _without_whitespace(document: Sequence[SpacyToken]) -> list[SpacyToken]:
    """Return the other tokens; the first that is left of an entity begins it."""
    kept = []
    begins = False  # the entity has begun, and none of its tokens was kept
    for token in document:
        entity = token.ents or ""
        begins = entity.startswith("B-") or (begins and entity.startswith("I-"))
        if token.text.isspace():
            continue
        kept.append(token._replace(ents=f"B-{entity[2:]}") if begins else token)
        begins = False
    return kept


def _token(token: Token) -> SpacyToken:
    is_inside = token.ent_iob_ in ("B", "I")
    entity = f"{token.ent_iob_}-{token.ent_type_}" if is_inside else token.ent_iob_
    return SpacyToken(token.text, entity or None, token.tag_ or None, token.pos_ or None)


def _spacy() -> tuple[Any, Any]:
    try:
        from spacy.tokens import DocBin
        from spacy.vocab import Vocab
    except ImportError as error:
        raise ConfigError(
            f"spaCy, which format = \"spacy\" needs, cannot be imported: {error}; pip install 'seqtag[spacy]'"
        ) from error
    return DocBin, Vocab
