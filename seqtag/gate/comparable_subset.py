"""The test sequences on which two models can be compared: fair to both, and of tags that both know."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass, replace
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config import GateConfig, SchemeName
from seqtag.evaluation.counts import TagPairs, renumbered
from seqtag.evaluation.predictions import Predictions
from seqtag.tagging.ragged import distinct_or_none, flatten
from seqtag.tagging.schemes import split_tags

AnchorKind = Literal["trained", "challenger", "none"]
FADED = 0.1  # of a type's share of train: with less, a challenger knows it no more


@dataclass(frozen=True)
class TagChange:
    """The types (or tags, where they have no scheme) that one of two models knows and the other does not."""

    new: tuple[str, ...]  # known to the challenger alone
    removed: tuple[str, ...]  # known to the champion alone, or nearly so


def faded_types(
    ours: Mapping[str, int], theirs: Mapping[str, int], *, scheme: SchemeName, renamed: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the types whose share of train has fallen below `FADED` of what the champion's train had.

    Args:
        ours, theirs: tokens of train by tag.

    >>> faded_types({"O": 100, "B-LOC": 3}, {"O": 50, "B-LOC": 50}, scheme="IOB2", renamed={})
    ('LOC',)
    """
    before: dict[str, float] = {}
    for type_, share in _shares(theirs, scheme).items():
        name = renamed.get(type_, type_)
        before[name] = before.get(name, 0.0) + share
    now = _shares(ours, scheme)
    return tuple(sorted(name for name, share in before.items() if now.get(name, 0.0) < FADED * share))


@dataclass(frozen=True)
class Anchor:
    """The opponent where the champion cannot be compared on the test split.

    reason  why it cannot
    kind    trained: the champion's recipe retrained on this split, whose predictions take its place;
            challenger: the challenger has that recipe itself; none: there is nothing to compare with
    losses  where the challenger is clearly worse than the champion was when it was judged; None: not known
    """

    reason: str
    kind: AnchorKind
    losses: tuple[str, ...] | None = None


def tag_change(
    ours: Collection[str], theirs: Collection[str], *, scheme: SchemeName, renamed: Mapping[str, str]
) -> TagChange:
    """Compare two tag sets, the champion's by their new names.

    >>> tag_change(["O", "B-PER", "B-GEO"], ["O", "B-PER", "B-LOC", "B-MISC"],
    ...            scheme="IOB2", renamed={"LOC": "GEO"})
    TagChange(new=(), removed=('MISC',))
    """
    our_types = set(_types(ours, scheme))
    their_types = {renamed.get(type_, type_) for type_ in _types(theirs, scheme)}
    return TagChange(tuple(sorted(our_types - their_types)), tuple(sorted(their_types - our_types)))


def with_new_names(
    predictions: Predictions, renamed: Mapping[str, str], *, scheme: SchemeName
) -> Predictions:
    """Return predictions in which types that have another name by now are called by it."""
    if not renamed:
        return predictions
    pairs = predictions.pairs
    said = [_by_new_name(tag, renamed, scheme) for tag in pairs.tags]
    tags = tuple(sorted({*pairs.tags, *said}))
    number = {tag: i for i, tag in enumerate(tags)}
    of_gold = renumbered([number[tag] for tag in pairs.tags])
    of_said = np.array([number[tag] for tag in said], np.int32)
    renamed_pairs = TagPairs(tags, of_gold[pairs.gold], of_said[pairs.predicted], pairs.offsets)
    return replace(predictions, pairs=renamed_pairs)


def with_types(pairs: TagPairs, types: Collection[str], *, scheme: SchemeName) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_sequences]`: is a gold tag of the sequence of one of the types?"""
    is_of = [bool(set(_types([tag], scheme)) & set(types)) for tag in pairs.tags]
    n_of = np.append(0, np.cumsum(np.array([*is_of, False])[pairs.gold]))  # the last is that of no tag
    return np.diff(n_of[pairs.offsets]) > 0


@dataclass(frozen=True)
class ExcludedSequences:
    """Sequences of a test split on which a champion cannot be compared with a challenger.

    seen      the champion alone was trained on an equal sequence
    foreign   a tag is known to one of the two alone
    either    one of both
    """

    n_sequences: int = 0
    seen: int = 0
    foreign: int = 0
    either: int = 0

    @classmethod
    def of(
        cls,
        gold: pa.ListArray,
        change: TagChange,
        *,
        challenger_seen: npt.NDArray[np.bool_],
        champion_seen: npt.NDArray[np.bool_],
        scheme: SchemeName,
    ) -> Self:
        """Count them in some sequences, of which the tags are given; the others are `<bool>[n_sequences]`."""
        values, offsets = flatten(gold)
        tag_ids, tags = distinct_or_none(values)
        pairs = TagPairs(tags, tag_ids, tag_ids, offsets)
        foreign = with_types(pairs, {*change.new, *change.removed}, scheme=scheme)
        seen = champion_seen & ~challenger_seen
        return cls(len(gold), int(seen.sum()), int(foreign.sum()), int((seen | foreign).sum()))

    def __add__(self, other: ExcludedSequences) -> ExcludedSequences:
        return ExcludedSequences(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def obstacle(self, gate: GateConfig) -> str | None:
        """Return why the two cannot be compared, None if on enough of the test split they can."""
        n = max(1, self.n_sequences)
        if self.either / n <= gate.max_seen:
            return None
        return (
            f"it was trained on {self.seen / n:.1%} of the test sequences, and {self.foreign / n:.1%} have "
            f"tags that one of the two models does not know; {gate.max_seen:.1%} is allowed"
        )


def subset(predictions: Predictions, kept: npt.NDArray[np.bool_]) -> Predictions:
    """Return the predictions of the sequences where `kept: <bool>[n_sequences]`; for scoring tags alone."""
    pairs = predictions.pairs
    lengths = np.diff(pairs.offsets)
    tokens = np.repeat(kept, lengths)
    offsets = np.append(0, np.cumsum(lengths[kept]))
    return Predictions(
        rows=predictions.rows[kept],
        units=predictions.units[kept],
        pairs=TagPairs(pairs.tags, pairs.gold[tokens], pairs.predicted[tokens], offsets),
        unknown=None,
        seen=None if predictions.seen is None else predictions.seen[kept],
        tested=None if predictions.tested is None else predictions.tested[kept],
        columns={name: column.filter(pa.array(kept)) for name, column in predictions.columns.items()},
    )


def _shares(counts: Mapping[str, int], scheme: SchemeName) -> dict[str, float]:
    shares: dict[str, float] = {}
    for tag, count in counts.items():
        for type_ in _types([tag], scheme):
            shares[type_] = shares.get(type_, 0.0) + count / max(1, sum(counts.values()))
    return shares


def _types(tags: Collection[str], scheme: SchemeName) -> tuple[str, ...]:
    if scheme == "none":
        return tuple(tags)
    _, types = split_tags([tag for tag in tags if tag != "O"])
    return types


def _by_new_name(tag: str, renamed: Mapping[str, str], scheme: SchemeName) -> str:
    (type_,) = _types([tag], scheme) or ("",)
    return tag.removesuffix(type_) + renamed[type_] if type_ in renamed else tag
