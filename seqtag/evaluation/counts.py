"""Counts per sequence; every score is a function of their sums over sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config import SchemeName
from seqtag.errors import ConfigError
from seqtag.tagging.partial_tags import certain_spans, judged_spans
from seqtag.tagging.ragged import UNTAGGED, distinct, distinct_or_none, elements, flatten
from seqtag.tagging.spans import SpanMode, Spans, matches, read_spans

GOLD, PREDICTED, CORRECT = range(3)


@dataclass(frozen=True, eq=False)
class TagPairs:
    """Gold and predicted tags of sequences, flattened.

    tags: sorted
    gold, predicted: <int32>[n_tokens], indices into `tags`; gold is `UNTAGGED` if it is unknown, and the
        token is not scored (see `seqtag.tagging.partial_tags`)
    offsets: <int64>[n_sequences + 1]
    """

    tags: tuple[str, ...]
    gold: npt.NDArray[np.int32]
    predicted: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]

    @property
    def n_sequences(self) -> int:
        return len(self.offsets) - 1

    @property
    def n_tokens(self) -> int:
        """Number of tokens that are scored."""
        return len(self.gold) if self.known is None else int(np.count_nonzero(self.known))

    @property
    def n_untagged(self) -> int:
        """Number of tokens that are not scored."""
        return len(self.gold) - self.n_tokens

    @cached_property
    def known(self) -> npt.NDArray[np.bool_] | None:
        """`<bool>[n_tokens]`, True for tokens with a gold tag; None if all have one."""
        return None if self.gold.min(initial=0) >= 0 else self.gold >= 0

    @cached_property
    def known_offsets(self) -> npt.NDArray[np.int64]:
        """`<int64>[n_sequences + 1]`, offsets of the sequences among the scored tokens."""
        return self.offsets if self.known is None else np.append(0, np.cumsum(self.known))[self.offsets]

    def with_names(self, names: Sequence[str]) -> TagPairs:
        """Return the pairs with a name for each of `tags`; tags with the same name become one."""
        tags = tuple(sorted(set(names)))
        number = {tag: i for i, tag in enumerate(tags)}
        new = renumbered([number[name] for name in names])
        return TagPairs(tags, new[self.gold], new[self.predicted], self.offsets)

    def judged(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Return gold and predicted tags of the scored tokens; their offsets are `known_offsets`."""
        known = slice(None) if self.known is None else self.known
        return self.gold[known], self.predicted[known]

    def spans(self, scheme: SchemeName, mode: SpanMode) -> tuple[Spans, Spans]:
        """Return the gold and predicted spans that are scored, with the same type ids."""
        gold, cut = certain_spans(self.gold, self.tags, self.offsets, scheme=scheme, mode=mode)
        predicted = read_spans(self.predicted, self.tags, self.offsets, scheme=scheme, mode=mode)
        return gold, judged_spans(predicted, cut, self.offsets)


class Counts(Protocol):
    """A table of counts with one row per sequence, read a few thousand rows at a time."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row."""

    def rows(self, sequences: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return `<float32>[len(sequences), *shape]`."""


@dataclass(frozen=True, eq=False)
class Dense:
    """Counts that fit in memory: `values: <float32>[n_sequences, ...]`."""

    values: npt.NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape[1:]

    def rows(self, sequences: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        return self.values[sequences]


@dataclass(frozen=True, eq=False)
class Events:
    """One class id per event; those of sequence n are `classes[offsets[n]:offsets[n + 1]]`."""

    classes: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]

    def rows(self, sequences: npt.NDArray[np.int64], *, n_classes: int) -> npt.NDArray[np.float32]:
        position, row = elements(self.offsets, sequences)
        counts = np.bincount(row * n_classes + self.classes[position], minlength=len(sequences) * n_classes)
        return counts.reshape(len(sequences), n_classes).astype(np.float32)


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """Counts of gold, predicted and correct tags or spans by class: `[sequence, 3, class]`."""

    names: tuple[str, ...]
    events: tuple[Events, Events, Events]  # GOLD, PREDICTED, CORRECT

    @property
    def shape(self) -> tuple[int, ...]:
        return 3, len(self.names)

    def rows(self, sequences: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        return np.stack([e.rows(sequences, n_classes=len(self.names)) for e in self.events], axis=1)


def pair_tags(gold: pa.ListArray, predicted: pa.ListArray) -> TagPairs:
    """Return gold and predicted tags as ids; a null gold tag is unknown.

    Raises:
        ConfigError: the number of sequences or the length of one differs.
        TagSchemeError: a predicted tag is null.
    """
    gold_values, offsets = flatten(gold)
    predicted_values, predicted_offsets = flatten(predicted)
    if not np.array_equal(offsets, predicted_offsets):
        raise ConfigError(
            f"predicted tags do not match gold tags: expected {len(gold):,} sequences with {offsets[-1]:,} "
            f"tags of the same lengths, got {len(predicted):,} sequences with {predicted_offsets[-1]:,} tags"
        )
    gold_ids, gold_tags = distinct_or_none(gold_values)
    predicted_ids, predicted_tags = distinct(predicted_values)
    tags = tuple(sorted({*gold_tags, *predicted_tags}))
    number = {tag: i for i, tag in enumerate(tags)}
    gold_number = renumbered([number[tag] for tag in gold_tags])
    predicted_number = np.array([number[tag] for tag in predicted_tags], np.int32)
    return TagPairs(tags, gold_number[gold_ids], predicted_number[predicted_ids], offsets)


def renumbered(numbers: Sequence[int]) -> npt.NDArray[np.int32]:
    """Return a lookup table of new tag ids that maps `UNTAGGED` to itself.

    >>> renumbered([7, 3])[np.array([1, 0, -1])].tolist()
    [3, 7, -1]
    """
    return np.array([*numbers, UNTAGGED], np.int32)


def tag_counts(pairs: TagPairs) -> ClassCounts:
    """Count tokens per tag."""
    (gold, predicted), offsets = pairs.judged(), pairs.known_offsets
    right = gold == predicted
    n_right = np.append(0, np.cumsum(right))
    return ClassCounts(
        pairs.tags,
        (Events(gold, offsets), Events(predicted, offsets), Events(gold[right], n_right[offsets])),
    )


def span_counts(gold: Spans, predicted: Spans, offsets: npt.NDArray[np.int64]) -> ClassCounts:
    """Count spans per type; a correct span has the right start, stop and type."""
    right = matches(gold, predicted, offsets)
    numbers = np.arange(len(offsets))

    def events(spans: Spans, kept: npt.NDArray[np.bool_] | slice = slice(None)) -> Events:
        return Events(spans.type_id[kept], np.searchsorted(spans.sequence[kept], numbers))

    return ClassCounts(gold.types, (events(gold), events(predicted), events(gold, right)))


def span_totals(gold: Spans, predicted: Spans, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return `<float32>[n_sequences, 3]`: the numbers of gold, predicted and correct spans."""
    n = len(offsets) - 1
    right = matches(gold, predicted, offsets)
    counted = (gold.sequence, predicted.sequence, gold.sequence[right])
    return np.stack([np.bincount(s, minlength=n) for s in counted], axis=1).astype(np.float32)
