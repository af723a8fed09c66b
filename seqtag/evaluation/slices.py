"""Slices: parts of the test split with separate scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import SchemeName
from seqtag.evaluation.bootstrap import Resampled
from seqtag.evaluation.counts import CORRECT, GOLD, PREDICTED, TagPairs, span_totals
from seqtag.evaluation.prf import Interval, ratio, share
from seqtag.tagging.ragged import elements, sequence_numbers
from seqtag.tagging.spans import matches, token_positions

MOST_VALUES = 20  # of one column; rarer ones are combined
OTHER = "(other)"
MISSING = "(missing)"

# columns of the counts per sequence: tokens, correct tokens, spans (+ GOLD, PREDICTED, CORRECT)
_TOKENS, _RIGHT, _SPANS = 0, 1, 2


@dataclass(frozen=True)
class SliceScores:
    """Scores of one slice, as in metrics.json.

    `span_recall` and `span_f1` are None without a scheme, `span_f1` also for slices of gold
    spans, because a wrong predicted span belongs to none of these.
    """

    slice: str
    value: str
    n_sequences: int
    n_tokens: int
    accuracy: Interval
    span_f1: Interval | None
    span_recall: Interval | None = None


@dataclass(frozen=True, eq=False)
class Slices:
    """Elements, which are sequences or their tokens, grouped by a value; `Counts` of `[value, 5]`.

    member: <int32>[n_elements]         index into `values`, -1 for an element in no slice
    counts: <float32>[n_elements, 5]    tokens, correct tokens, gold, predicted and correct spans
    offsets: <int64>[n_sequences + 1]   of the tokens of each sequence; None: the elements are sequences
    """

    name: str
    values: tuple[str, ...]
    member: npt.NDArray[np.int32]
    counts: npt.NDArray[np.float32]
    of_gold_spans: bool = False
    offsets: npt.NDArray[np.int64] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.values), 5

    def rows(self, sequences: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        n = len(sequences)
        position, row = (
            (sequences, np.arange(n)) if self.offsets is None else elements(self.offsets, sequences)
        )
        inside = self.member[position] >= 0
        position, row = position[inside], row[inside]
        cells = row * len(self.values) + self.member[position]
        size = n * len(self.values)
        sums = [np.bincount(cells, weights, minlength=size) for weights in self.counts[position].T]
        return np.stack(sums, axis=1).reshape(n, *self.shape).astype(np.float32)

    def scores(self, counts: Resampled, *, scheme: SchemeName, confidence: float) -> list[SliceScores]:
        """Return the scores of every value that occurs, from `[1 + resamples, value, 5]`."""
        member = self.member
        if self.offsets is not None:  # a sequence counts once for each value that it has
            pairs = np.unique(sequence_numbers(self.offsets) * len(self.values) + member)
            member = (pairs % len(self.values)).astype(np.int32)
        n_sequences = np.bincount(member[member >= 0], minlength=len(self.values))
        return [
            self._value_scores(i, int(n), counts, scheme=scheme, confidence=confidence)
            for i, n in enumerate(n_sequences)
            if n
        ]

    def _value_scores(
        self, number: int, n_sequences: int, counts: Resampled, *, scheme: SchemeName, confidence: float
    ) -> SliceScores:
        of_value, in_units = counts.sums[:, number], counts.n_units[number]
        tokens, right = of_value[:, _TOKENS], of_value[:, _RIGHT]
        gold, predicted, found = (of_value[:, _SPANS + i] for i in (GOLD, PREDICTED, CORRECT))
        n_gold, in_gold, in_predicted = int(gold[0]), int(in_units[_SPANS]), int(in_units[_SPANS + PREDICTED])
        scores = SliceScores(
            slice=self.name,
            value=self.values[number],
            n_sequences=n_sequences,
            n_tokens=int(tokens[0]),
            accuracy=share(
                ratio(right, tokens), trials=tokens[0], n_units=int(in_units[_TOKENS]), confidence=confidence
            ),
            span_f1=None,
            span_recall=None,
        )
        if scheme != "none":
            recall = share(ratio(found, gold), trials=n_gold, n_units=in_gold, confidence=confidence)
            scores = replace(scores, span_recall=recall)
        if scheme != "none" and not self.of_gold_spans:
            span_f1 = share(
                ratio(2 * found, gold + predicted),
                trials=(n_gold + float(predicted[0])) / 2,
                n_units=max(in_gold, in_predicted),
                confidence=confidence,
                support=n_gold,
            )
            scores = replace(scores, span_f1=span_f1)
        return scores


def sequence_counts(pairs: TagPairs, scheme: SchemeName) -> npt.NDArray[np.float32]:
    """Return `<float32>[n_sequences, 5]`: scored and correct tokens; gold, predicted and correct spans."""
    right = np.append(0, np.cumsum(pairs.gold == pairs.predicted))[pairs.offsets]
    counts = np.zeros((pairs.n_sequences, 5), np.float32)
    counts[:, _TOKENS] = np.diff(pairs.known_offsets)
    counts[:, _RIGHT] = np.diff(right)
    if scheme != "none":
        counts[:, _SPANS:] = span_totals(*pairs.spans(scheme, "conlleval"), pairs.offsets)
    return counts


def token_counts(pairs: TagPairs, scheme: SchemeName) -> npt.NDArray[np.float32]:
    """Return `<float32>[n_tokens, 5]` as `sequence_counts`; a span counts at its first token."""
    counts = np.zeros((len(pairs.gold), 5), np.float32)
    counts[:, _TOKENS] = True if pairs.known is None else pairs.known
    counts[:, _RIGHT] = pairs.gold == pairs.predicted
    if scheme != "none":
        gold, predicted = pairs.spans(scheme, "conlleval")
        found = gold.where(matches(gold, predicted, pairs.offsets))
        for column, spans in ((GOLD, gold), (PREDICTED, predicted), (CORRECT, found)):
            counts[pairs.offsets[spans.sequence] + spans.start, _SPANS + column] = 1
    return counts


def by_length(
    counts: npt.NDArray[np.float32], offsets: npt.NDArray[np.int64], bounds: Sequence[int]
) -> Slices:
    """Group sequences by their number of tokens, including tokens without a gold tag.

    Args:
        offsets: `<int64>[n_sequences + 1]`.
        bounds: upper bounds of the buckets, inclusive.
    """
    upper = sorted(set(bounds))
    lower = [1, *(bound + 1 for bound in upper)]
    values = [f"{a}-{b}" if a < b else f"{a}" for a, b in zip(lower, upper, strict=False)]
    member = np.searchsorted(np.array(upper, np.int64), np.diff(offsets))
    return Slices("length", (*values, f"{lower[-1]}+"), member.astype(np.int32), counts)


def by_unknown_token(counts: npt.NDArray[np.float32], unknown: npt.NDArray[np.bool_]) -> Slices:
    """Group sequences with and without a token outside the model's vocabulary."""
    return Slices("unknown token", ("without", "with"), unknown.astype(np.int32), counts)


def by_repetition(counts: npt.NDArray[np.float32], seen: npt.NDArray[np.bool_]) -> Slices:
    """Group sequences into new ones and repetitions of the model's training data."""
    return Slices("sequence", ("new", "repeats train"), seen.astype(np.int32), counts)


def by_column(counts: npt.NDArray[np.float32], name: str, column: pa.Array | pa.ChunkedArray) -> Slices:
    """Group sequences by the value of a column; beyond `MOST_VALUES`, the rarest values are combined."""
    return Slices(name, *_grouped(column), counts)


def by_token_column(
    counts: npt.NDArray[np.float32],
    name: str,
    column: pa.Array | pa.ChunkedArray,
    *,
    offsets: npt.NDArray[np.int64],
) -> Slices:
    """Group tokens, and the spans that begin at them, by the value of a column, as `by_column` does.

    Args:
        counts: `token_counts`.
        offsets: `<int64>[n_sequences + 1]`.
    """
    return Slices(name, *_grouped(column), counts, offsets=offsets)


def _grouped(column: pa.Array | pa.ChunkedArray) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    """Return the names of the groups, and `<int32>[n]` indices into them."""
    filled = pc.fill_null(column, MISSING)
    counted = pc.value_counts(filled)
    order = pc.sort_indices(
        pa.table({"n": counted.field("counts"), "value": counted.field("values")}),
        sort_keys=[("n", "descending"), ("value", "ascending")],
    )
    values = counted.field("values").take(order[:MOST_VALUES]).to_pylist()
    others = [OTHER] if len(counted) > MOST_VALUES else []
    member = pc.fill_null(pc.index_in(filled, value_set=pa.array(values, pa.string())), len(values))
    return (*values, *others), np.asarray(member, np.int32)


def by_seen_span(pairs: TagPairs, seen: npt.NDArray[np.bool_], scheme: SchemeName) -> list[Slices]:
    """Group gold spans and their tokens by `seen: <bool>[n_gold_spans]`: occurs in train."""
    gold, predicted = pairs.spans(scheme, "conlleval")
    n = pairs.n_sequences
    found = matches(gold, predicted, pairs.offsets)
    lengths = gold.stop - gold.start
    right = (pairs.gold == pairs.predicted)[token_positions(gold, pairs.offsets)]
    n_right = np.diff(np.append(0, np.cumsum(right))[np.append(0, np.cumsum(lengths))])
    slices = []
    for value, kept in (("seen in train", seen), ("unseen in train", ~seen)):
        counts = np.zeros((n, 5), np.float32)
        for column, weights in (
            (_TOKENS, lengths),
            (_RIGHT, n_right),
            (_SPANS + GOLD, np.ones_like(lengths)),
            (_SPANS + CORRECT, found),
        ):
            counts[:, column] = np.bincount(gold.sequence[kept], weights=weights[kept], minlength=n)
        member = np.where(counts[:, _TOKENS] > 0, 0, -1).astype(np.int32)
        slices.append(Slices("gold span", (value,), member, counts, of_gold_spans=True))
    return slices
