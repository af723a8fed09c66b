"""Learning of further columns of tokens from train: known values, scales and buckets."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import CategoryColumn, NumberColumn, ReadColumn, SetColumn, TimeColumn
from seqtag.corpus.schema import TOKENS
from seqtag.corpus.token_values import counted_names, numbers, seconds, token_values
from seqtag.features.column_index import ColumnIndex, LearnedColumn, gaps_before
from seqtag.features.gazetteers import BEGIN_ID, Gazetteer
from seqtag.features.split_reader import prefetched, row_groups
from seqtag.features.symbol_counts import SymbolCounts
from seqtag.features.symbols import UNK_ID
from seqtag.tagging.ragged import flatten

_SAMPLE = 2**20  # numbers of a column whose quantiles are taken
_LARGEST = 1e300  # of them; the difference of two larger ones could be infinite
_QUARTILES_OF_NORMAL = 1.349  # from the first to the third, for a standard deviation of 1

_log = logging.getLogger(__name__)


def learn_columns(
    train: Path, columns: Sequence[ReadColumn], folder: Path, *, gazetteers: Sequence[Gazetteer] = ()
) -> ColumnIndex:
    """Learn the columns of the train split and write columns.json into `folder`.

    The log says how often train has the phrases of gazetteers, and warns if it never does.

    Memory grows with the distinct values of categories and sets only; the quantiles of numbers are those of
    an even sample of at least half a million values, or of all.
    """
    learners = [_Learner(column) for column in columns]
    matches = [_Matches(gazetteer) for gazetteer in gazetteers]
    names = [TOKENS, *(column.name for column in columns)]
    for batch in prefetched(row_groups(train, names)) if learners or matches else ():
        tokens, offsets = flatten(batch.column(TOKENS))
        for learner in learners:
            learner.add(token_values(batch.column(learner.column.name), offsets), offsets)
        for each in matches:
            each.add(tokens, offsets)
    columns_learned = tuple(learner.learned() for learner in learners)
    index = ColumnIndex(columns=columns_learned, gazetteers=tuple(gazetteers))
    index.save(folder)
    for learner in learners:
        _log.info("index: column %s: %s", learner.column.name, learner.sentence())
    for each in matches:
        each.log()
    return index


class EvenSample:
    """An even sample of a stream of numbers of any length, which depends on their order only."""

    def __init__(self, size: int = _SAMPLE) -> None:
        self._size, self._step, self._n_seen = size, 1, 0
        self._kept: list[npt.NDArray[np.float64]] = []

    def add(self, found: npt.NDArray[np.float64]) -> None:
        """Keep every n-th number; n doubles whenever the sample is full."""
        first = -self._n_seen % self._step
        self._kept.append(found[first :: self._step])
        self._n_seen += len(found)
        while sum(map(len, self._kept)) > self._size:
            self._kept = [np.concatenate(self._kept)[::2]]
            self._step *= 2

    def quantiles(self, shares: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the quantiles, 0 without numbers."""
        kept = np.concatenate([np.zeros(0), *self._kept])
        return np.quantile(np.clip(kept, -_LARGEST, _LARGEST), shares) if len(kept) else np.zeros(len(shares))


class _Matches:
    """Counts the phrases of a gazetteer in train."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self._n_tokens = self._n_phrases = self._n_matched = 0

    def add(self, tokens: pa.Array, offsets: npt.NDArray[np.int64]) -> None:
        ids = self._gazetteer.ids(tokens, offsets)
        self._n_tokens += len(ids)
        self._n_phrases += int((ids == BEGIN_ID).sum())
        self._n_matched += int((ids != UNK_ID).sum())

    def log(self) -> None:
        name = self._gazetteer.name
        if not self._n_phrases:
            _log.warning(
                "index: gazetteer %s: train has none of its phrases: expected tokens as in train with blanks "
                "between, such as %r; correct the file, or remove the gazetteer",
                name,
                self._gazetteer.phrases[0],
            )
            return
        _log.info(
            "index: gazetteer %s: train has %s phrases, %.1f%% of its tokens",
            name,
            f"{self._n_phrases:,}",
            100 * self._n_matched / self._n_tokens,
        )


class _Learner:
    """Counts or samples the values of a column."""

    def __init__(self, column: ReadColumn) -> None:
        self.column = column
        self._counts, self._sample = SymbolCounts(), EvenSample()
        self._n_tokens = self._n_missing = 0

    def add(self, texts: pa.StringArray, offsets: npt.NDArray[np.int64]) -> None:
        self._n_tokens += len(texts)
        match self.column:
            case CategoryColumn() | SetColumn():
                self._n_missing += texts.null_count
                self._counts.add_counts(*counted_names(texts, self.column))
            case NumberColumn():
                found = numbers(texts)
                self._n_missing += int(np.isnan(found).sum())
                self._sample.add(found[~np.isnan(found)])
            case TimeColumn():
                self._n_missing += texts.null_count
                gaps = gaps_before(seconds(texts, self.column.format), offsets)
                self._sample.add(np.log1p(np.maximum(gaps[~np.isnan(gaps)], 0)))

    def learned(self) -> LearnedColumn:
        column = self.column
        if isinstance(column, CategoryColumn | SetColumn):
            most = column.max_members if isinstance(column, SetColumn) else None
            return LearnedColumn(column=column, known=self._frequent(column.min_count)[:most])
        first, centre, third = self._sample.quantiles([0.25, 0.5, 0.75]).tolist()
        spread = third - first
        if not spread:  # at least half of the numbers are equal
            low, high = self._sample.quantiles([0.01, 0.99]).tolist()
            spread = (high - low) / 4 or 1.0
        edges: tuple[float, ...] = ()
        if isinstance(column, NumberColumn) and column.buckets > 1:
            shares = np.arange(1, column.buckets) / column.buckets
            edges = tuple(self._sample.quantiles(shares).tolist())
        return LearnedColumn(column=column, centre=centre, scale=spread / _QUARTILES_OF_NORMAL, edges=edges)

    def sentence(self) -> str:
        """Describe what was learned."""
        missing = f"{self._n_missing / max(1, self._n_tokens):.1%} of tokens have no value"
        learned = self.learned()
        if isinstance(self.column, CategoryColumn | SetColumn):
            noun = "values" if isinstance(self.column, CategoryColumn) else "members"
            return f"{len(learned.known):,} {noun}; {missing}"
        what = "median" if isinstance(self.column, NumberColumn) else "median logarithm of gaps"
        return f"{what} {learned.centre:.4g}; {missing}"

    def _frequent(self, least: int) -> tuple[str, ...]:
        table = self._counts.table()
        is_frequent = pc.greater_equal(table["count"], least)
        table = table.filter(pc.and_(is_frequent, pc.not_equal(table["symbol"], "")))
        order = pc.sort_indices(table, [("count", "descending"), ("symbol", "ascending")])
        return tuple(table["symbol"].take(order).to_pylist())
