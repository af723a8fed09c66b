"""Library interface: load a tagger from the registry or from a run, and tag sequences in Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from seqtag.artifacts import require_manifest
from seqtag.config import SchemeName, Settings
from seqtag.corpus.column_texts import object_lists, text_lists
from seqtag.errors import CorpusFormatError
from seqtag.features.column_index import check_values
from seqtag.neural import Tagger
from seqtag.neural.inference.predicted_spans import predicted_spans
from seqtag.neural.inference.tagger import Tagged
from seqtag.steps.context import Workspace
from seqtag.steps.lookup import find_version, run_named
from seqtag.tagging.output_scheme import OutputScheme

NO_COLUMNS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class TaggedSpan:
    """A predicted span, the tokens `[start, stop)` of its sequence."""

    type: str
    start: int
    stop: int
    confidence: float  # probability of the span


@dataclass(frozen=True)
class TaggedSequence:
    """A sequence with one predicted tag and its probability per token."""

    tokens: list[str]
    tags: list[str]
    confidence: list[float]
    spans: list[TaggedSpan]  # empty if the tags have no scheme


@dataclass(frozen=True)
class LoadedTagger:
    """A tagger in memory. Use `tag` for Python lists, and `tag_arrow` for many sequences."""

    name: str  # as it was asked for
    tags: tuple[str, ...]  # of the model, before they are written in another scheme
    scheme: SchemeName  # of these tags
    _tagger: Tagger = field(repr=False)
    _written: OutputScheme | None = field(default=None, repr=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the further columns of tokens that the tagger reads."""
        return self._tagger.columns.names

    def tag(
        self,
        sequences: Iterable[Sequence[str]],
        columns: Mapping[str, Iterable[Sequence[object] | None]] = NO_COLUMNS,
    ) -> list[TaggedSequence]:
        """Tag sequences of tokens.

        Args:
            sequences: tokens of each sequence.
            columns: further columns of the tokens by name; for each sequence a list with a value for each
                token, None where it is missing. A column that is left out is missing everywhere.

        Raises:
            CorpusFormatError: a sequence is not a list of strings, the tagger reads no such column, or a
                column has another number of values or a wrong one.
            TagSchemeError: the scheme that was asked for cannot express a predicted span.
        """
        if isinstance(sequences, str):
            raise CorpusFormatError(
                f'got one text: expected lists of tokens, as in [["search", "view_item"]], got {sequences!r}'
            )
        tokens = [_checked(number, sequence) for number, sequence in enumerate(sequences)]
        arrow = pa.array(tokens, pa.list_(pa.string()))
        given = {name: text_lists(object_lists(list(lists))) for name, lists in columns.items()}
        self._check(arrow, given)
        tagged = self._tagger.tag(arrow, given)
        found = predicted_spans(tagged.predicted, tagged.span_confidence, self.scheme).to_pylist()
        spans = [[TaggedSpan(**span) for span in each] for each in found]
        fields = (tokens, self._tags_of(tagged).to_pylist(), tagged.confidence.to_pylist(), spans)
        return [TaggedSequence(*row) for row in zip(*fields, strict=True)]

    def tag_arrow(self, tokens: pa.ListArray, columns: Mapping[str, pa.ListArray] = NO_COLUMNS) -> pa.Table:
        """Tag sequences given as `list<string>`, with memory in proportion to them.

        Args:
            tokens: tokens of each sequence.
            columns: further columns of the tokens by name, lists of text, numbers, truth values or times.

        Returns:
            `tokens` as given, `predicted: list<string>`, `confidence: list<float32>`,
            `span_confidence: list<float32>` and `unknown: list<bool>`, one value per token.

        Raises:
            TagSchemeError: as for `tag`.
        """
        given = {name: text_lists(lists) for name, lists in columns.items()}
        self._check(tokens, given)
        tagged = self._tagger.tag(tokens, given)
        return pa.table(
            {
                "tokens": tokens,
                "predicted": self._tags_of(tagged),
                "confidence": tagged.confidence,
                "span_confidence": tagged.span_confidence,
                "unknown": tagged.unknown,
            }
        )

    def _check(self, tokens: pa.ListArray, columns: Mapping[str, pa.ListArray]) -> None:
        unknown = sorted(set(columns) - set(self.columns))
        if unknown:
            raise CorpusFormatError(
                f"the tagger reads no such columns: expected some of {list(self.columns)}, got {unknown}"
            )
        for name, lists in columns.items():
            if len(lists) != len(tokens):
                raise CorpusFormatError(
                    f"column {name!r} has {len(lists)} lists: expected one for each of {len(tokens)} "
                    "sequences"
                )
        check_values(self._tagger.columns, tokens, columns)

    def _tags_of(self, tagged: Tagged) -> pa.ListArray:
        if self._written is None:
            return tagged.predicted
        return self._written.converted(tagged.predicted, self.scheme)


def load_tagger_named(
    name: str, *, home: Path | None = None, written: OutputScheme | None = None
) -> LoadedTagger:
    """Load a tagger; see `seqtag.load`."""
    workspace = Workspace.of(Settings() if home is None else Settings(home=home))
    run = run_named(name, workspace)
    if run is not None:
        require_manifest(run.output("train"))
        bundle = run.output("train")
    else:
        bundle = find_version(name, workspace)[1].bundle
    tagger = Tagger.load_exported(bundle)
    scheme = tagger.bundle.output_scheme
    if written is not None:
        written.require_spans(scheme)
    return LoadedTagger(name, tuple(tagger.tags.tags_in(scheme)), scheme, tagger, written)


def _checked(number: int, sequence: Sequence[str]) -> list[str]:
    if isinstance(sequence, str) or not all(isinstance(token, str) for token in sequence):
        raise CorpusFormatError(
            f"sequence {number} is not a list of strings: expected one string per token, as in "
            f'[["search", "view_item"]], got {sequence!r}'
        )
    return list(sequence)
