"""Counts of the further columns of tokens that the model reads, by split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from seqtag.config import SPLITS, CategoryColumn, ReadColumn, SetColumn, TimeColumn
from seqtag.corpus.token_column_profile import ColumnProfile, ColumnSize
from seqtag.corpus.token_values import counted_names, numbers, seconds
from seqtag.features.column_learning import EvenSample
from seqtag.formatting import percent, plural
from seqtag.io.hash_counts import HashCounts
from seqtag.io.hashing import hash_strings
from seqtag.io.row_groups import read_row_groups
from seqtag.quality.sequence_table import SequenceTable
from seqtag.quality.violation_text import Violation
from seqtag.quality.violations import Mask

EMPTY_COLUMN, UNSEEN_VALUES = "empty_column", "unseen_values"


def profile_columns(
    parts: Sequence[Path], columns: Sequence[ReadColumn], table: SequenceTable, *, kept: Mask
) -> tuple[ColumnProfile, ...]:
    """Read the columns and count their values in the sequences that are `kept`.

    Memory: 16 bytes for each distinct value of a category or set, and an even sample of numbers and times.
    """
    if not columns:
        return ()
    counts = [[_ValueCounts(column) for _ in SPLITS] for column in columns]
    for first_row, batch in read_row_groups(parts, [column.name for column in columns]):
        rows = slice(first_row, first_row + len(batch))
        for number in range(len(SPLITS)):
            here = batch.filter(pa.array(kept[rows] & (table.split[rows] == number)))
            for of_column in counts:
                of_column[number].add(here.column(of_column[number].column.name).flatten())
    n_tokens = np.bincount(table.split[kept], weights=table.n_tokens[kept], minlength=len(SPLITS))
    return tuple(
        ColumnProfile(
            name=column.name,
            kind=column.kind,
            splits={
                name: of_split.size(int(n), train=of_column[SPLITS.index("train")])
                for name, of_split, n in zip(SPLITS, of_column, n_tokens, strict=True)
            },
        )
        for column, of_column in zip(columns, counts, strict=True)
    )


def empty_columns(columns: Sequence[ColumnProfile]) -> list[Violation]:
    """Return a violation for each column without any value in train."""
    return [
        Violation(
            EMPTY_COLUMN,
            None,
            "",
            "train",
            f"column {column.name}: none of {plural(column.splits['train'].n_tokens, 'token')} has a value",
            "",
        )
        for column in columns
        if not column.splits["train"].n_values
    ]


def unseen_values(columns: Sequence[ColumnProfile], *, most: float) -> list[Violation]:
    """Return a violation for each column and split with a larger share of values that train lacks.

    Args:
        most: allowed share of the values, in [0, 1].
    """
    return [
        Violation(
            UNSEEN_VALUES,
            None,
            "",
            split,
            f"column {column.name}: train lacks {percent(size.unseen)} of {plural(size.n_values, 'value')} "
            f"of {split}",
            "",
        )
        for column in columns
        if column.splits["train"].n_values
        for split, size in column.splits.items()
        if split != "train" and size.unseen > most
    ]


class _ValueCounts:
    """Counts the values of a column in one split."""

    def __init__(self, column: ReadColumn) -> None:
        self.column = column
        self._n_valid = 0  # tokens
        self._names, self._sample = HashCounts(), EvenSample()
        self._range = (np.inf, -np.inf)

    def add(self, texts: pa.StringArray) -> None:
        """Add the values of some tokens; null where missing."""
        column = self.column
        if isinstance(column, CategoryColumn | SetColumn):
            self._n_valid += len(texts) - texts.null_count
            names, times = counted_names(texts, column)
            self._names.add(hash_strings(names), times)
            return
        found = seconds(texts, column.format) if isinstance(column, TimeColumn) else numbers(texts)
        found = found[~np.isnan(found)]
        self._n_valid += len(found)
        self._sample.add(found)
        low, high = self._range
        self._range = min(low, found.min(initial=low)), max(high, found.max(initial=high))

    def size(self, n_tokens: int, *, train: _ValueCounts) -> ColumnSize:
        """Return the counts.

        Args:
            n_tokens: of the split, also in sequences without values.
            train: the counts of the train split.
        """
        size = ColumnSize(n_tokens, n_missing=n_tokens - self._n_valid, n_values=self._n_valid)
        if isinstance(self.column, CategoryColumn | SetColumn):
            counts = self._names.counts
            unseen = train._names.of(self._names.numbers) == 0
            return replace(
                size,
                n_values=int(counts.sum()),
                n_distinct=len(counts),
                n_unseen=int(counts[unseen].sum()),
            )
        if not self._n_valid:
            return size
        low, high = self._range
        (median,) = self._sample.quantiles([0.5]).tolist()
        return replace(size, minimum=float(low), median=median, maximum=float(high))
