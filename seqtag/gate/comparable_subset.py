"""Comparable subset: the test sequences that are fair to both models and whose tags both know."""

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

SubstituteKind = Literal["trained", "challenger", "none"]
FADED = 0.1  # a type counts as removed if its share of train fell below this fraction of the champion's


@dataclass(frozen=True)
class TagChange:
    """The types (tags, without a scheme) that only one of two models knows."""

    new: tuple[str, ...]  # known only to the challenger
    removed: tuple[str, ...]  # known only to the champion, or faded


def faded_types(
    challenger: Mapping[str, int],
    champion: Mapping[str, int],
    *,
    scheme: SchemeName,
    renamed: Mapping[str, str],
) -> tuple[str, ...]:
    """Return the types whose share of the training tokens fell below `FADED` of the champion's share.

    Args:
        challenger, champion: training tokens by tag.

    >>> faded_types({"O": 100, "B-LOC": 3}, {"O": 50, "B-LOC": 50}, scheme="IOB2", renamed={})
    ('LOC',)
    """
    before: dict[str, float] = {}
    for type_, share in _shares(champion, scheme).items():
        name = renamed.get(type_, type_)
        before[name] = before.get(name, 0.0) + share
    now = _shares(challenger, scheme)
    return tuple(sorted(name for name, share in before.items() if now.get(name, 0.0) < FADED * share))


@dataclass(frozen=True)
class Substitute:
    """The opponent used if the champion itself cannot be compared on the test split.

    reason  why it cannot
    kind    trained: the champion's recipe, retrained on this split;
            challenger: the challenger has that recipe itself; none: there is nothing to compare with
    losses  parts that the challenger scores clearly worse on than the champion did in its own evaluation;
            None: unknown
    """

    reason: str
    kind: SubstituteKind
    losses: tuple[str, ...] | None = None


def tag_change(
    challenger: Collection[str], champion: Collection[str], *, scheme: SchemeName, renamed: Mapping[str, str]
) -> TagChange:
    """Compare two tag sets, after renaming the champion's types.

    >>> tag_change(["O", "B-PER", "B-GEO"], ["O", "B-PER", "B-LOC", "B-MISC"],
    ...            scheme="IOB2", renamed={"LOC": "GEO"})
    TagChange(new=(), removed=('MISC',))
    """
    own = set(_types(challenger, scheme))
    champions = {renamed.get(type_, type_) for type_ in _types(champion, scheme)}
    return TagChange(tuple(sorted(own - champions)), tuple(sorted(champions - own)))


def with_new_names(
    predictions: Predictions, renamed: Mapping[str, str], *, scheme: SchemeName
) -> Predictions:
    """Rename types in predictions; `renamed` maps old names to new ones."""
    if not renamed:
        return predictions
    pairs = predictions.pairs
    new_names = [_new_name(tag, renamed, scheme) for tag in pairs.tags]
    tags = tuple(sorted({*pairs.tags, *new_names}))
    number = {tag: i for i, tag in enumerate(tags)}
    gold_id = renumbered([number[tag] for tag in pairs.tags])
    predicted_id = np.array([number[tag] for tag in new_names], np.int32)
    renamed_pairs = TagPairs(tags, gold_id[pairs.gold], predicted_id[pairs.predicted], pairs.offsets)
    return replace(predictions, pairs=renamed_pairs)


def with_types(pairs: TagPairs, types: Collection[str], *, scheme: SchemeName) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_sequences]`, True if a gold tag of the sequence has one of the types."""
    has_type = [bool(set(_types([tag], scheme)) & set(types)) for tag in pairs.tags]
    # the last entry: tokens without a gold tag
    n_with = np.append(0, np.cumsum(np.array([*has_type, False])[pairs.gold]))
    return np.diff(n_with[pairs.offsets]) > 0


@dataclass(frozen=True)
class ExcludedSequences:
    """Counts of the test sequences on which a champion cannot be compared with a challenger.

    seen      only the champion was trained on an equal sequence
    foreign   the sequence has a tag that only one of the two models knows
    either    at least one of these reasons applies
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
        """Count the sequences to exclude from a batch.

        Args:
            gold: tags of the sequences.
            challenger_seen: `<bool>[n_sequences]`, the challenger was trained on an equal sequence.
            champion_seen: the same for the champion.
        """
        values, offsets = flatten(gold)
        tag_ids, tags = distinct_or_none(values)
        pairs = TagPairs(tags, tag_ids, tag_ids, offsets)
        foreign = with_types(pairs, {*change.new, *change.removed}, scheme=scheme)
        seen = champion_seen & ~challenger_seen
        return cls(len(gold), int(seen.sum()), int(foreign.sum()), int((seen | foreign).sum()))

    def __add__(self, other: ExcludedSequences) -> ExcludedSequences:
        return ExcludedSequences(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def obstacle(self, gate: GateConfig) -> str | None:
        """Return the reason why too few sequences can be compared, None if enough can."""
        n = max(1, self.n_sequences)
        if self.either / n <= gate.max_seen:
            return None
        return (
            f"it was trained on {self.seen / n:.1%} of the test sequences, and {self.foreign / n:.1%} have "
            f"tags that only one of the two models knows; gate.max_seen allows {gate.max_seen:.1%} in total"
        )


def subset(predictions: Predictions, kept: npt.NDArray[np.bool_]) -> Predictions:
    """Return the predictions of the sequences with a True in `kept: <bool>[n_sequences]`.

    Unknown words, confidences and span keys are dropped: the gate compares tags only.
    """
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


def _new_name(tag: str, renamed: Mapping[str, str], scheme: SchemeName) -> str:
    (type_,) = _types([tag], scheme) or ("",)
    return tag.removesuffix(type_) + renamed[type_] if type_ in renamed else tag
