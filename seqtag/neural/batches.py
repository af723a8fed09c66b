"""Training batches from padded windows: what an epoch draws is a pure function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtag.features import Rung

FormTable = Mapping[str, npt.NDArray[Any]]  # [n_forms, ...] by feature; row 0 is padding


@dataclass(frozen=True)
class Batch:
    """Windows of one rung that are learnt from together, and the forms that occur in them."""

    forms: FormTable  # [n_forms, ...]
    positions: npt.NDArray[np.int32]  # [batch, time], rows of `forms`; 0 is padding, and only on the right
    tag_ids: npt.NDArray[np.int32]  # [batch, time], 0 where the tag is unknown
    taught: npt.NDArray[np.bool_]  # [batch, time], True: a kept token of known tag, enters the loss
    rows: npt.NDArray[np.int64]  # [batch], the sequences' rows in the snapshot

    @property
    def shape(self) -> Shape:
        return Shape(*self.positions.shape, n_forms=len(self.forms["word_ids"]))

    @property
    def n_taught(self) -> int:
        """The number of tokens that enter the loss."""
        return int(np.count_nonzero(self.taught))

    def filled(self, shape: Shape) -> Batch:
        """Return the batch with empty sequences and forms that nothing refers to, which teach nothing."""
        n_rows, n_forms = shape.batch - len(self.positions), shape.n_forms - len(self.forms["word_ids"])
        positions, tag_ids, taught = (
            np.pad(array, ((0, n_rows), (0, 0))) for array in (self.positions, self.tag_ids, self.taught)
        )
        forms = {
            name: np.pad(table, ((0, n_forms), *[(0, 0)] * (table.ndim - 1)))
            for name, table in self.forms.items()
        }
        return replace(self, forms=forms, positions=positions, tag_ids=tag_ids, taught=taught)


@dataclass(frozen=True, order=True)
class Shape:
    """The sizes of a batch."""

    batch: int
    time: int
    n_forms: int

    def holds(self, other: Shape) -> bool:
        return self.time == other.time and self.batch >= other.batch and self.n_forms >= other.n_forms


@dataclass(frozen=True)
class Drawing:
    """How batches are drawn from rungs.

    A batch holds `batch_size` sequences of one rung, fewer where they would be more than `batch_cells`
    tokens and padding.
    """

    rungs: Sequence[Rung]
    forms: FormTable  # of the split, by form id
    batch_size: int
    batch_cells: int
    seed: int

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield every window once, in batches of one rung each, windows and batches shuffled.

        A rung's last batch is as small as it comes out.
        """
        for rung, chosen in self._drawn(number):
            yield _batch(rung, chosen, self.forms)

    def rows_at_once(self, rung: Rung) -> int:
        """Return how many windows of a rung make a batch."""
        return min(len(rung), self.batch_size, max(1, self.batch_cells // rung.length))

    def n_batches(self, rung: Rung) -> int:
        """Return how many batches an epoch draws from a rung."""
        return -(-len(rung) // self.rows_at_once(rung))

    def shape_of(self, rung: Rung) -> Shape:
        """Return a shape that holds the batches of a rung: all of the first epoch's, nearly all of later ones."""
        most = max(len(np.unique(rung.form_ids[chosen])) for r, chosen in self._drawn(1) if r is rung)
        rows = self.rows_at_once(rung)
        return Shape(rows, rung.length, min(rows * rung.length + 1, _rounded(1.1 * most + 1)))

    def _drawn(self, epoch: int) -> Iterator[tuple[Rung, npt.NDArray[np.int64]]]:
        random = np.random.default_rng([self.seed, epoch])
        drawn = []
        for rung in self.rungs:
            order, size = random.permutation(len(rung)), self.rows_at_once(rung)
            drawn += [(rung, order[i : i + size]) for i in range(0, len(order), size)]
        for i in random.permutation(len(drawn)):
            yield drawn[i]


def _batch(rung: Rung, chosen: npt.NDArray[np.int64], forms: FormTable) -> Batch:
    cut, time = rung.windows, np.arange(rung.length)
    kept = (time >= cut.keep_start[chosen, None]) & (time < cut.keep_stop[chosen, None])  # [batch, time]
    tag_ids = rung.tag_ids[chosen]  # [batch, time]
    padding_first = np.append(np.zeros(1, np.int32), rung.form_ids[chosen])
    form_ids, positions = np.unique(padding_first, return_inverse=True)
    return Batch(
        forms={name: table[form_ids] for name, table in forms.items()},
        positions=positions[1:].reshape(tag_ids.shape).astype(np.int32),
        tag_ids=np.maximum(tag_ids, 0),
        taught=kept & (tag_ids >= 0),
        rows=rung.row[chosen],
    )


def _rounded(n: float) -> int:
    return 32 * (int(n) // 32 + 1)
