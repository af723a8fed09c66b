"""Confusions of tags: the most frequent ones, and a matrix that fits a page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqtag.evaluation.scores import ConfusionMatrix

REST = "all others"


@dataclass(frozen=True)
class ConfusedPair:
    """Number of `gold` tokens tagged `predicted`, and their share of all `gold` tokens."""

    gold: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True)
class ConfusionSquare:
    """A confusion matrix; `n_left_out` tags are grouped in its last row and column."""

    tags: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    n_left_out: int


def confusions(confusion: ConfusionMatrix, *, most: int) -> list[ConfusedPair]:
    """Return the `most` frequent confusions, the most frequent first."""
    tags, counts = confusion.tags, _counts(confusion)
    rows, columns = np.nonzero(counts * ~np.eye(len(tags), dtype=bool))
    order = np.lexsort((columns, rows, -counts[rows, columns]))[:most]
    support = counts.sum(axis=1)
    return [
        ConfusedPair(tags[r], tags[c], int(counts[r, c]), float(counts[r, c] / support[r]))
        for r, c in zip(rows[order].tolist(), columns[order].tolist(), strict=True)
    ]


def square(confusion: ConfusionMatrix, *, most: int) -> ConfusionSquare:
    """Return the confusion matrix, grouping all but the most confused tags if there are more than `most`."""
    tags, counts = list(confusion.tags), _counts(confusion)
    if len(tags) <= most:
        return ConfusionSquare(tuple(tags), _tuples(counts), 0)
    errors = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    kept = np.sort(np.argsort(-errors, kind="stable")[: most - 1])
    belongs = np.zeros((len(tags), most), np.int64)
    belongs[:, -1] = 1
    belongs[kept] = np.eye(most, dtype=np.int64)[: most - 1]
    names = (*(tags[i] for i in kept), REST)
    return ConfusionSquare(names, _tuples(belongs.T @ counts @ belongs), len(tags) - len(kept))


def _counts(confusion: ConfusionMatrix) -> np.ndarray:
    n = len(confusion.tags)
    return np.asarray(confusion.counts, np.int64).reshape(n, n)


def _tuples(counts: np.ndarray) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(n) for n in row) for row in counts)
