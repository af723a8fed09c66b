"""Words of CoNLL-U: cells without a value, and features as tags."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.sources import ConlluSource
from seqtag.corpus.formats.tally import LEAST_SEQUENCES
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text import Fields, Positions
from seqtag.errors import CorpusFormatError

COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
_NO_VALUE = "_"
_MOST_FEATURES = 8  # that a warning counts


@dataclass(frozen=True)
class Words:
    """Word lines of a block.

    Attributes:
        columns: the names of the columns.
        rows: the numbers of the lines, rising.
    """

    fields: Fields
    columns: tuple[str, ...]
    rows: Positions

    @property
    def counts(self) -> Positions:
        return self.fields.counts[self.rows]

    def take(self, positions: Positions) -> Words:
        return replace(self, rows=self.rows[positions])

    def cells(self, column: str) -> pa.StringArray:
        """Return a column as it is written, null where a line is too short."""
        return self.fields.column(self.columns.index(column), self.rows)

    def values(self, column: str) -> pa.StringArray:
        """Return a column, null where it has no value, which CoNLL-U writes as `_`.

        A FORM `_` is the word itself, and so is its LEMMA.
        """
        cells = self.cells(column)
        if column == "FORM":
            return cells
        nothing = _is_underscore(cells)
        if column == "LEMMA" and "FORM" in self.columns:
            nothing = pc.and_not(nothing, _is_underscore(self.cells("FORM")))
        return pc.if_else(nothing, None, cells)

    def tags(self, source: ConlluSource) -> pa.StringArray:
        """Return the tag of each word, null where it has none and `tag_default` is not set."""
        tags = self.values(source.tag_column)
        if source.tag_feature is not None:
            tags = _feature(tags, source.tag_feature)
        return tags if source.tag_default is None else tags.fill_null(source.tag_default)


class WordTally:
    """Collects what the words of one file show, for the report of its source."""

    def __init__(self, source: ConlluSource) -> None:
        self._source = source
        self._n_words = self._n_untagged = self._n_underscores = self._n_documents = 0
        self._features: Counter[str] = Counter()
        self._n_with_features = 0
        self._first_line = 0
        self._document_line = 0

    def add(
        self, words: Words, tokens: pa.StringArray, *, first_line: int, document_starts: Positions
    ) -> None:
        """Count the words of a block that begins at `first_line` of the file."""
        source = self._source
        cells = words.values(source.tag_column)
        without = cells if source.tag_feature is None else _feature(cells, source.tag_feature)
        self._first_line = self._first_line or first_line + int(words.rows[0])
        if len(document_starts) and not self._n_documents:
            self._document_line = first_line + int(document_starts[0])
        self._n_documents += len(document_starts)
        self._n_words += len(tokens)
        self._n_untagged += without.null_count
        self._n_underscores += pc.sum(_is_underscore(tokens)).as_py() or 0
        has_features = cells.filter(pc.match_substring(cells, "="))
        self._n_with_features += len(has_features)
        if len(has_features):
            self._features.update(_feature_counts(has_features))

    def tell(self, report: SourceReport, name: str, *, n_sequences: int) -> None:
        """Report words without a tag, and what contradicts how the file was read."""
        default = self._source.tag_default
        untagged = "words without a tag" + ("" if default is None else f", read as {default}")
        report.change(untagged, self._n_untagged)
        for kind, line, text in self._contradictions(n_sequences):
            report.warn(kind, text, place=f"{name}:{line}")

    def _contradictions(self, n_sequences: int) -> Iterator[tuple[str, int, str]]:
        source, column, feature = self._source, self._source.tag_column, self._source.tag_feature
        features = sorted(self._features.items(), key=lambda item: (-item[1], item[0]))[:_MOST_FEATURES]
        seen = ", ".join(f"{key} in {n:,}" for key, n in features)
        if feature is None and 2 * self._n_with_features > self._n_words - self._n_untagged:
            text = f"{column} holds features ({seen} words): set tag_feature to the one that is the tag"
            yield "features", self._first_line, text
        elif source.tag_default is None and 2 * self._n_untagged > self._n_words:
            missing = f"{column} has no value" if feature is None else f"{column} has no feature {feature}"
            others = f", but {seen}" if feature and seen else ""
            text = (
                f"{missing} in {self._n_untagged:,} of {self._n_words:,} words{others}; set tag_column"
                f'{" or tag_feature" if feature else ""}, or tag_default = "O" for such words'
            )
            yield "no tags", self._first_line, text
        if 2 * self._n_underscores > self._n_words:
            text = (
                f"{self._n_underscores:,} of {self._n_words:,} words are `_`: the text seems to have been "
                "removed for its licence and has to be merged in again"
            )
            yield "no text", self._first_line, text
        is_above = self._n_documents == 1 and self._document_line < self._first_line
        if source.documents == "auto" and is_above and n_sequences >= LEAST_SEQUENCES:
            text = (
                f"a single # newdoc makes all {n_sequences:,} sentences one document, which no split "
                'divides; documents = "none" makes each sentence a document'
            )
            yield "documents", self._document_line, text


def check_columns(source: ConlluSource, named: tuple[str, ...], name: str) -> None:
    """Raise CorpusFormatError if a file with the columns `named` lacks the token column or the tag column."""
    for key, column in (("token_column", source.token_column), ("tag_column", source.tag_column)):
        if named.count(column) != 1:
            times = "no" if column not in named else "more than one"
            raise CorpusFormatError(
                f"{name}: {times} column {column!r} in the file: expected {key} to be one of "
                f"{', '.join(named)}; a first line `# global.columns = ...` names others (CoNLL-U Plus)"
            )


def _is_underscore(cells: pa.StringArray) -> pa.BooleanArray:
    return pc.equal(pc.utf8_trim_whitespace(cells), _NO_VALUE)


def _feature(cells: pa.StringArray, name: str) -> pa.StringArray:
    """Return the value of one feature of `key=value|key=value`, null where it is not there."""
    found = pc.extract_regex(cells, pattern=rf"(?:^|\|)\s*{re.escape(name)}=(?P<value>[^|]*)")
    return pc.utf8_trim_whitespace(pc.struct_field(found, "value"))


def _feature_counts(cells: pa.StringArray) -> dict[str, int]:
    """Return in how many of the cells each feature is."""
    counted = cells.value_counts()
    pieces = pc.split_pattern(counted.field("values"), "|")
    cell = pc.list_parent_indices(pieces).to_numpy()
    keys = pc.utf8_trim_whitespace(pc.replace_substring_regex(pc.list_flatten(pieces), "=.*$", ""))
    coded = keys.dictionary_encode()
    n = np.bincount(coded.indices.to_numpy(), counted.field("counts").to_numpy()[cell])
    return dict(zip(coded.dictionary.to_pylist(), n.astype(np.int64).tolist(), strict=True))
