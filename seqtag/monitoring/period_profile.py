"""Profile of a period: counts from one pass over Arrow record batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.io.arrays import mask_of
from seqtag.io.hash_counts import HashCounts
from seqtag.monitoring.batch_counts import BatchCounts, count_batch
from seqtag.monitoring.block_bootstrap import Blocks, unit_hashes
from seqtag.monitoring.count_columns import TOKENS_COLUMN, UNKNOWN_COLUMN, CountColumns, Part
from seqtag.monitoring.training_reference import TrainingReference
from seqtag.monitoring.validity import IN_TRAIN, valid_sequences

_ALL = Blocks(n=1, share=1.0, unit="sequence")


@dataclass(frozen=True)
class UnseenSpans:
    """Spans of one type."""

    unseen: int  # in training
    spans: int  # all of them


@dataclass(frozen=True)
class ProfileSummary:
    """A profile in plain values; shares are fractions in [0, 1].

    n_broken                         broken sequences, which the other numbers leave out
    n_types                          word types
    unknown_tokens, unknown_types    shares outside the vocabulary
    unseen_spans                     by type
    tags, lengths, confidence        counts by bin, without empty bins: of tokens, sequences and tokens
    """

    n_sequences: int
    n_broken: int
    n_tokens: int
    n_types: int
    unknown_tokens: float
    unknown_types: float
    unseen_spans: Mapping[str, UnseenSpans]
    tags: Mapping[str, int]
    lengths: Mapping[str, int]
    confidence: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class PeriodProfile:
    """Counts of a period.

    n_sequences                 valid sequences
    n_broken                    broken sequences, which are not counted
    n_types, n_unknown_types    word types, and those outside the vocabulary
    counts: <int64>[n_columns]  of all valid sequences; see `CountColumns`
    table: <int64>[n_blocks, n_columns], sparse; of the sequences assigned to blocks
    """

    layout: CountColumns
    blocks: Blocks
    n_sequences: int
    n_broken: int
    n_types: int
    n_unknown_types: int
    counts: npt.NDArray[np.int64]
    table: Any

    @property
    def n_tokens(self) -> int:
        return int(self.counts[TOKENS_COLUMN])

    @property
    def n_labelled_tokens(self) -> int:
        return int(self.counts[self.layout.tag_counts].sum())

    @property
    def is_labelled(self) -> bool:
        return self.n_labelled_tokens > 0

    @property
    def unknown_tokens(self) -> float:
        """Share of tokens outside the vocabulary; 0 if there are no tokens."""
        return _share(int(self.counts[UNKNOWN_COLUMN]), self.n_tokens)

    @property
    def unknown_types(self) -> float:
        """Share of word types outside the vocabulary, which rises with the number of tokens."""
        return _share(self.n_unknown_types, self.n_types)

    @property
    def broken(self) -> float:
        """Share of broken sequences."""
        return _share(self.n_broken, self.n_sequences + self.n_broken)

    @cached_property
    def unseen_spans(self) -> dict[str, tuple[int, int]]:
        """Type -> number of spans unseen in training, and of all spans."""
        pairs = zip(self.counts[self.layout.unseen], self.counts[self.layout.spans], strict=True)
        names = (*self.layout.types, "")
        return {name: (int(u), int(n)) for name, (u, n) in zip(names, pairs, strict=True) if n}

    def summary(self) -> ProfileSummary:
        """Return the profile in plain values."""
        return ProfileSummary(
            n_sequences=self.n_sequences,
            n_broken=self.n_broken,
            n_tokens=self.n_tokens,
            n_types=self.n_types,
            unknown_tokens=self.unknown_tokens,
            unknown_types=self.unknown_types,
            unseen_spans={name: UnseenSpans(u, n) for name, (u, n) in self.unseen_spans.items()},
            tags=self._counts_by_label("tags"),
            lengths=self._counts_by_label("lengths"),
            confidence=self._counts_by_label("confidence"),
        )

    def _counts_by_label(self, part: Part) -> dict[str, int]:
        counts = self.counts[self.layout.part(part)]
        return {self.layout.label(part, i): int(count) for i, count in enumerate(counts) if count}


def profile_period(
    batches: Iterable[pa.RecordBatch],
    *,
    layout: CountColumns,
    known: TrainingReference,
    blocks: Blocks = _ALL,
) -> PeriodProfile:
    """Profile a period from batches of the corpus schema, which may have a column `confidence`.

    With a column `IN_TRAIN`, words and spans of train sequences count as unknown unless another document of
    train (or another period, if `known` leaves periods out) contains them, too. A document that is divided
    between two batches counts as two.

    Memory: one batch, 16 bytes per word type, and the table of blocks.

    Raises:
        KeyError: a batch has no column of tokens.
    """
    from scipy import sparse

    types, unknown_types = HashCounts(), HashCounts()
    table = sparse.csr_array((blocks.n_blocks, layout.n_columns), dtype=np.int64)
    counts = np.zeros(layout.n_columns, np.int64)
    n_read = n_sequences = 0
    for batch in batches:
        found = valid_sequences(batch, scheme=layout.scheme, partial=layout.partial)
        own = _own(batch, blocks, known, first=n_read)
        added = count_batch(found, layout=layout, known=known, own=None if own is None else own[found.usable])
        block = blocks.deal(batch, first=n_read)[found.usable]
        types.add(added.types)
        unknown_types.add(added.unknown_types)
        counts += np.bincount(added.column, minlength=layout.n_columns)
        table = table + _by_block(added, block, table.shape)
        n_read += batch.num_rows
        n_sequences += found.batch.num_rows
    return PeriodProfile(
        layout=layout,
        blocks=blocks,
        n_sequences=n_sequences,
        n_broken=n_read - n_sequences,
        n_types=len(types),
        n_unknown_types=len(unknown_types),
        counts=counts,
        table=table,
    )


def _own(
    batch: pa.RecordBatch, blocks: Blocks, known: TrainingReference, *, first: int
) -> npt.NDArray[np.int64] | None:
    """Return `<int64>[n_sequences]`: document or period of each train sequence, -1 for others."""
    if IN_TRAIN not in batch.schema.names:
        return None
    if known.words_by_period is None:
        _, group = np.unique(unit_hashes(batch, "document", first=first), return_inverse=True)
    else:
        group = blocks.periods_of(batch)
    return np.where(mask_of(batch.column(IN_TRAIN)), group, -1)


def _by_block(added: BatchCounts, block: npt.NDArray[np.int64], shape: tuple[int, int]) -> Any:
    from scipy import sparse

    row = block[added.sequence]
    kept = row >= 0
    ones = np.ones(np.count_nonzero(kept), np.int64)
    return sparse.coo_array((ones, (row[kept], added.column[kept])), shape=shape).tocsr()


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
