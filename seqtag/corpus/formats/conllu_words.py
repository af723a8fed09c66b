"""Words of CoNLL-U: missing values, features as tags, and checks of a whole file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_config import ConlluSource
from seqtag.corpus.formats.layout_checks import LEAST_SEQUENCES
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import Fields, Positions
from seqtag.errors import CorpusFormatError
from seqtag.io.arrays import mask_of, positions_of

COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
_NO_VALUE = "_"
_MOST_FEATURES = 8  # in a warning
_MOST_CHARACTERS = 60  # of a cell in a message


@dataclass(frozen=True)
class Words:
    """Word lines of a block.

    Attributes:
        columns: names of the columns.
        rows: indices of the lines, ascending.
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
        """Return the raw cells of a column, null where a line is too short."""
        return self.fields.column(self.columns.index(column), self.rows)

    def values(self, column: str) -> pa.StringArray:
        """Return a column, null where it has no value, which CoNLL-U writes as `_`.

        In FORM, and in the LEMMA of such a FORM, `_` is the word itself.
        """
        cells = self.cells(column)
        if column == "FORM":
            return cells
        nothing = _is_underscore(cells)
        if column == "LEMMA" and "FORM" in self.columns:
            nothing = pc.and_not(nothing, _is_underscore(self.cells("FORM")))
        return pc.if_else(nothing, None, cells)

    def tags(self, source: ConlluSource) -> pa.StringArray:
        """Return the tag of each word, null if it has none and `tag_default` is not set."""
        tags = self.values(source.tag_column)
        if source.tag_feature is not None:
            tags = _feature(tags, source.tag_feature)
        return tags if source.tag_default is None else tags.fill_null(source.tag_default)

    def with_two_tags(self, source: ConlluSource) -> tuple[Positions, pa.StringArray]:
        """Return the words that have `tag_feature` more than once, and their defects."""
        if source.tag_feature is None:
            return np.zeros(0, np.int64), pa.array([], pa.string())
        cells = self.cells(source.tag_column)
        times = pc.count_substring_regex(cells, pattern=_feature_pattern(source.tag_feature)).fill_null(0)
        where = np.flatnonzero(times.to_numpy(zero_copy_only=False) > 1)
        found = pc.utf8_slice_codeunits(cells.take(pa.array(where)), 0, _MOST_CHARACTERS)
        reason = f"more than one {source.tag_feature} in {source.tag_column}: '"
        return where, pc.binary_join_element_wise(reason, found, "'", "")


class WordTally:
    """Counts over the words of a file, for the report of its source."""

    def __init__(self, source: ConlluSource) -> None:
        self._source = source
        self._n_words = self._n_untagged = self._n_underscores = self._n_documents = 0
        self._features: Counter[str] = Counter()
        self._n_with_features = self._n_misspelt = 0
        self._misspelt = (0, "")  # the first line, and the feature as spelled there
        self._n_ranges = 0
        self._range = (0, "", "")  # the first line, its ID and its tag
        self._first_line = 0
        self._document_line = 0

    def add(
        self, words: Words, tokens: pa.StringArray, *, first_line: int, document_starts: Positions
    ) -> None:
        """Count the words of a block that begins at line `first_line` of the file."""
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
            features = _feature_counts(has_features)
            self._features.update(features)
            if feature := source.tag_feature:
                alike = [key for key in features if key.casefold() == feature.casefold()]
                self._add_misspelt(cells, feature, alike, first_line + words.rows)

    def add_ranges(self, ranges: Words, *, first_line: int) -> None:
        """Count the multiword ranges of a block whose tag is ignored."""
        tags = ranges.tags(self._source.model_copy(update={"tag_default": None}))
        tagged = positions_of(tags.is_valid())
        if len(tagged) and not self._n_ranges:
            row = int(tagged[0])
            self._range = (
                first_line + int(ranges.rows[row]),
                ranges.cells("ID")[row].as_py(),
                tags[row].as_py(),
            )
        self._n_ranges += len(tagged)

    def _add_misspelt(self, cells: pa.StringArray, feature: str, alike: list[str], lines: Positions) -> None:
        """Count the words that have the feature only in another case."""
        for key in sorted(set(alike) - {feature}):
            is_other = pc.match_substring_regex(cells, _feature_pattern(key)).fill_null(False)
            if feature in alike:
                own = pc.match_substring_regex(cells, _feature_pattern(feature)).fill_null(False)
                is_other = pc.and_not(is_other, own)
            where = positions_of(is_other)
            if len(where) and (not self._n_misspelt or lines[where[0]] < self._misspelt[0]):
                self._misspelt = (int(lines[where[0]]), key)
            self._n_misspelt += len(where)

    def report_to(self, report: SourceReport, name: str, *, n_sequences: int) -> None:
        """Report words without a tag, and warn of signs that the file was misread."""
        default = self._source.tag_default
        untagged = "words without a tag" + ("" if default is None else f", read as {default}")
        report.change(untagged, self._n_untagged)
        report.features.update(self._features)
        for kind, line, text in self._contradictions(n_sequences):
            report.warn(kind, text, place=f"{name}:{line}")
        if self._n_misspelt:
            line, key = self._misspelt
            text = (
                f"feature {key} is not {self._source.tag_feature}: its word has no tag; spell all of them as "
                "tag_feature does"
            )
            report.warn("spelling of tag_feature", text, place=f"{name}:{line}", count=self._n_misspelt)
        if self._n_ranges:
            line, number, tag = self._range
            of = self._source.tag_feature or self._source.tag_column
            text = f"range {number} carries {of} {tag[:_MOST_CHARACTERS]!r}, which is skipped; tag its words"
            report.warn("tags of ranges", text, place=f"{name}:{line}", count=self._n_ranges)

    def _contradictions(self, n_sequences: int) -> Iterator[tuple[str, int, str]]:
        source, column, feature = self._source, self._source.tag_column, self._source.tag_feature
        seen = _listed(self._features)
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
                "removed for its licence and must be merged back"
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
    """Raise CorpusFormatError unless the columns `named` contain each column of the source once."""
    of_tokens = (("token_columns", column) for column in source.token_columns.values())
    for key, column in (
        ("token_column", source.token_column),
        ("tag_column", source.tag_column),
        *of_tokens,
    ):
        if named.count(column) != 1:
            times = "no" if column not in named else "more than one"
            raise CorpusFormatError(
                f"{name}: {times} column {column!r} in the file: expected {key} to be one of "
                f"{', '.join(named)}; a first line `# global.columns = ...` names others (CoNLL-U Plus)"
            )


def check_tag_feature(source: ConlluSource, report: SourceReport) -> None:
    """Raise CorpusFormatError if no word of a source has `tag_feature`, which `tag_default` would hide."""
    if source.tag_feature is None or source.tag_default is None or report.features[source.tag_feature]:
        return
    seen = _listed(report.features)
    fix = "set tag_feature to one of these" if seen else "set tag_column to a column that has features"
    raise CorpusFormatError(
        f"{report.name}: no word has feature {source.tag_feature} in {source.tag_column}: expected at least "
        f"one, found {f'{seen} words' if seen else 'no features'}; {fix}"
    )


def _listed(features: Counter[str]) -> str:
    most = sorted(features.items(), key=lambda item: (-item[1], item[0]))[:_MOST_FEATURES]
    return ", ".join(f"{key} in {n:,}" for key, n in most)


def _is_underscore(cells: pa.StringArray) -> pa.BooleanArray:
    return pc.equal(pc.utf8_trim_whitespace(cells), _NO_VALUE)


def _feature_pattern(name: str) -> str:
    return rf"(?:^|\|)[ \t]*{re.escape(name)}[ \t]*="


def _feature(cells: pa.StringArray, name: str) -> pa.StringArray:
    """Return the value of a feature of `key=value|key=value`, null if it is missing or `_`."""
    found = pc.extract_regex(cells, pattern=rf"{_feature_pattern(name)}(?P<value>[^|]*)")
    values = pc.utf8_trim_whitespace(pc.struct_field(found, "value"))
    return pc.if_else(_is_underscore(values), None, values)


def _feature_counts(cells: pa.StringArray) -> dict[str, int]:
    """Return the number of cells with each feature."""
    counted = cells.value_counts()
    pieces = pc.split_pattern(counted.field("values"), "|")
    cell = pc.list_parent_indices(pieces).to_numpy()
    flat = pc.list_flatten(pieces)
    is_feature = pc.match_substring(flat, "=")
    cell = cell[mask_of(is_feature)]
    keys = pc.utf8_trim_whitespace(pc.replace_substring_regex(flat.filter(is_feature), "=.*$", ""))
    coded = keys.dictionary_encode()
    n = np.bincount(coded.indices.to_numpy(), counted.field("counts").to_numpy()[cell])
    return dict(zip(coded.dictionary.to_pylist(), n.astype(np.int64).tolist(), strict=True))
