"""Training batches from padded windows: the batches of an epoch are a pure function of (seed, epoch)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtag.features import PAD_ID, UNK_ID, Bucket, EncodedColumns
from seqtag.features.encoded_reader import n_tokens_in
from seqtag.neural.windowed_inference import WordTypeTable

Ids = npt.NDArray[np.int32]

# Features that index a table of vectors. Tables may be large, but a batch uses few of their rows.
TABLES_BY_FEATURE: Mapping[str, str] = {"word_ids": "words", "affix_ids": "affixes"}

# Windows are sorted by length within groups of so many batches, as the longest window sets a batch's cost.
_BATCHES_SORTED_TOGETHER = 8
_LANES = 8  # SIMD width: batch sizes divisible by it waste no lanes


@dataclass(frozen=True)
class Batch:
    """Windows of one bucket for one training step, with their word types and the table rows these use."""

    word_types: WordTypeTable  # [n_word_types, ...]; ids of table rows are positions in `rows_of`
    rows_of: Mapping[str, Ids]  # [n_rows] by table; distinct ids, <pad> and <unk> first
    positions: Ids  # [batch, time], rows of `word_types`; 0 is padding, only on the right
    columns: EncodedColumns  # [batch, time, width] each
    tag_ids: Ids  # [batch, time] or [batch, time, n_columns], 0 where the tag is unknown
    loss_mask: npt.NDArray[np.bool_]  # the shape of `tag_ids`, True at kept tokens with a known tag
    weights: npt.NDArray[np.float32]  # [batch], weight of each sequence in the loss
    rows: npt.NDArray[np.int64]  # [batch], rows of the sequences in the snapshot

    @property
    def shape(self) -> Shape:
        n_rows = {name: len(ids) for name, ids in self.rows_of.items()}
        batch, time = self.positions.shape
        return Shape(batch, time, len(self.word_types["word_ids"]), n_rows)

    @property
    def n_loss_tokens(self) -> int:
        """Number of tokens in the loss."""
        return n_tokens_in(self.loss_mask[self.weights > 0])

    def token_weights(self, tag_weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the weights of the tags in the loss, `<float32>` of their shape; 0 if not in it.

        Args:
            tag_weights: as for `weights_of_tags`.
        """
        of_sequences = self.weights.reshape(-1, *(1,) * (self.tag_ids.ndim - 1))
        weights = weights_of_tags(tag_weights, self.tag_ids) * of_sequences
        return np.where(self.loss_mask, weights, np.float32(0))

    def filled(self, shape: Shape) -> Batch:
        """Return the batch padded to `shape` with empty sequences and unused word types and rows."""
        return replace(
            self,
            word_types={
                name: _lengthened(table, shape.n_word_types) for name, table in self.word_types.items()
            },
            rows_of={name: _lengthened(ids, shape.n_rows[name]) for name, ids in self.rows_of.items()},
            positions=_lengthened(self.positions, shape.batch),
            columns={name: _lengthened(values, shape.batch) for name, values in self.columns.items()},
            tag_ids=_lengthened(self.tag_ids, shape.batch),
            loss_mask=_lengthened(self.loss_mask, shape.batch),
            weights=_lengthened(self.weights, shape.batch),
        )


@dataclass(frozen=True)
class Shape:
    """The sizes of a batch."""

    batch: int
    time: int
    n_word_types: int
    n_rows: Mapping[str, int]  # by table

    def holds(self, other: Shape) -> bool:
        """Return True if a batch of the other shape can be padded to this one."""
        return (
            self.time == other.time
            and self.batch >= other.batch
            and self.n_word_types >= other.n_word_types
            and all(self.n_rows[name] >= n for name, n in other.n_rows.items())
        )


@dataclass(frozen=True)
class BatchSampler:
    """Draws shuffled batches from buckets.

    All batches have about as many tokens in the loss as `batch_size` sequences of mean length: more sequences
    if they are short, fewer if they are long. No batch exceeds `max_batch_tokens` tokens and padding. The
    batch sizes of a bucket differ by at most one sequence, so no small remainder is left.
    """

    buckets: Sequence[Bucket]
    word_types: WordTypeTable  # of the split, by word type id; the features that the model reads
    batch_size: int
    max_batch_tokens: int
    seed: int

    def epoch(self, number: int, *, skip: int = 0) -> Iterator[Batch]:
        """Yield every window once, in batches from one bucket each, after skipping the first `skip` batches.

        Windows and batches are shuffled.
        """
        for bucket, chosen in itertools.islice(self.drawn(number), skip, None):
            yield _batch(bucket, chosen, self.word_types)
            bucket.release()  # reading a window brings 64 KiB or more of each array into memory

    def halved(self) -> BatchSampler:
        """Return a sampler whose largest batch has half as many tokens and padding, to save memory."""
        largest = max(self.most_rows(bucket) * bucket.length for bucket in self.buckets)
        return replace(self, max_batch_tokens=max(1, largest // 2))

    def most_rows(self, bucket: Bucket) -> int:
        """Return the maximum number of windows in a batch of a bucket."""
        n_loss_tokens = sum(max(1, bucket.n_loss_tokens) for bucket in self.buckets)
        mean = n_loss_tokens / sum(map(len, self.buckets))
        n_rows = round(self.batch_size * mean * len(bucket) / max(1, bucket.n_loss_tokens))
        if n_rows > _LANES:
            n_rows = _LANES * round(n_rows / _LANES)
        return max(1, min(len(bucket), n_rows, self.max_batch_tokens // bucket.length))

    def n_batches(self, bucket: Bucket) -> int:
        """Return the number of batches that an epoch draws from a bucket."""
        return -(-len(bucket) // self.most_rows(bucket))

    def weight_per_batch(self, tag_weights: npt.NDArray[np.float32]) -> float:
        """Return the total weight of the tokens in the loss, per batch, averaged over an epoch.

        Args:
            tag_weights: as for `weights_of_tags`.
        """
        weight = sum(_weight(bucket, tag_weights) for bucket in self.buckets)
        return weight / max(1, sum(map(self.n_batches, self.buckets)))

    def shapes(self, buckets: Sequence[Bucket]) -> list[Shape]:
        """Return a shape per bucket that holds all its batches of the first epoch and most of later ones."""
        found: dict[int, list[Shape]] = {bucket.length: [] for bucket in buckets}
        for bucket, chosen in self.drawn(1):
            if bucket.length in found:
                found[bucket.length].append(_batch(bucket, chosen, self.word_types).shape)
                bucket.release()
        return [self._holding(bucket, found[bucket.length]) for bucket in buckets]

    def _holding(self, bucket: Bucket, shapes: Sequence[Shape]) -> Shape:
        n_rows = {
            name: _with_reserve(max(shape.n_rows[name] for shape in shapes)) for name in shapes[0].n_rows
        }
        n_word_types = _with_reserve(max(shape.n_word_types for shape in shapes))
        largest = -(-max(shape.batch for shape in shapes) // _LANES) * _LANES
        return Shape(min(largest, self.most_rows(bucket)), bucket.length, n_word_types, n_rows)

    def drawn(self, epoch: int) -> Iterator[tuple[Bucket, Ids]]:
        """Yield the bucket of each batch of an epoch, and the indices of its windows in the bucket."""
        random = np.random.default_rng([self.seed, epoch])
        drawn = []
        for bucket in self.buckets:
            n = self.n_batches(bucket)
            sizes = np.diff(-(np.arange(n + 1) * -len(bucket) // n))  # they differ by at most 1
            group = np.repeat(np.arange(n) // _BATCHES_SORTED_TOGETHER, sizes)
            order = _by_length(random.permutation(len(bucket)), bucket.windows.length, group)
            order = order.astype(np.int32)  # the order of a whole epoch is in memory
            bucket.release()
            drawn += [(bucket, chosen) for chosen in np.split(order, np.cumsum(sizes)[:-1])]
        for i in random.permutation(len(drawn)):
            yield drawn[i]


def weights_of_tags(
    tag_weights: npt.NDArray[np.float32], tag_ids: npt.NDArray[np.int32]
) -> npt.NDArray[np.float32]:
    """Return the weight of each tag, `<float32>` of the shape of `tag_ids`.

    Args:
        tag_weights: `<float32>[n_tags]`, or for several columns of tags `[n_columns, n_tags]`.
        tag_ids: `[n, time]`, or `[n, time, n_columns]`.
    """
    if tag_weights.ndim == 1:
        return tag_weights[tag_ids]
    return tag_weights[np.arange(len(tag_weights)), tag_ids]


def _weight(bucket: Bucket, tag_weights: npt.NDArray[np.float32]) -> float:
    """Return the total weight of the tokens of a bucket that are in the loss."""
    weight = 0.0
    for part in bucket.parts():
        weights = weights_of_tags(tag_weights, np.maximum(bucket.tag_ids[part], 0)) * bucket.loss_mask(part)
        of_sequences = weights.sum(axis=tuple(range(1, weights.ndim)), dtype=np.float64)
        weight += float(of_sequences @ bucket.weight[part])
    return weight


def _by_length(
    order: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32], group: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the order with each group sorted by length."""
    return order[np.lexsort((lengths[order], group))]  # stable


def _batch(bucket: Bucket, chosen: Ids, word_types: WordTypeTable) -> Batch:
    word_type_ids, positions = _distinct(bucket.word_type_ids[chosen], first=[PAD_ID])
    features, rows_of = {name: table[word_type_ids] for name, table in word_types.items()}, {}
    for feature, table in TABLES_BY_FEATURE.items():
        if feature in features:
            rows_of[table], features[feature] = _distinct(features[feature], first=[PAD_ID, UNK_ID])
    return Batch(
        word_types=features,
        rows_of=rows_of,
        positions=positions,
        columns={name: values[chosen] for name, values in bucket.columns.items()},
        tag_ids=np.maximum(bucket.tag_ids[chosen], 0),
        loss_mask=bucket.loss_mask(chosen),
        weights=bucket.weight[chosen],
        rows=bucket.row[chosen],
    )


def _distinct(ids: Ids, *, first: list[int]) -> tuple[Ids, Ids]:
    """Return the distinct ids and the position of each id among them.

    The ids in `first`, which must be the lowest, are always included. Takes memory for as many ids as the
    largest, which is faster than sorting.
    """
    is_used = np.zeros(max(*first, ids.max(initial=0)) + 1, np.bool_)
    is_used[first], is_used[ids] = True, True
    found = np.flatnonzero(is_used).astype(np.int32)
    positions = np.empty(len(is_used), np.int32)
    positions[found] = np.arange(len(found))
    return found, positions[ids]


def _lengthened(array: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
    return np.pad(array, ((0, n - len(array)), *[(0, 0)] * (array.ndim - 1)))


def _with_reserve(n: int) -> int:
    return 32 * (int(1.1 * n) // 32 + 1)
