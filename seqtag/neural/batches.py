"""Training batches from padded windows: what an epoch draws is a pure function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqtag.features import Rung


@dataclass(frozen=True)
class Batch:
    """Windows of one rung that are learnt from together."""

    token_ids: npt.NDArray[np.int32]  # [batch, time], right-padded with 0
    tag_ids: npt.NDArray[np.int32]  # [batch, time], 0 where the tag is unknown
    taught: npt.NDArray[np.bool_]  # [batch, time], True: a kept token of known tag, enters the loss
    rows: npt.NDArray[np.int64]  # [batch], the sequences' rows in the snapshot

    @property
    def length(self) -> int:
        """The padded length, in tokens."""
        return self.token_ids.shape[1]

    @property
    def n_taught(self) -> int:
        """The number of tokens that enter the loss."""
        return int(np.count_nonzero(self.taught))


def training_batches(rungs: Sequence[Rung], *, batch_size: int, seed: int, epoch: int) -> Iterator[Batch]:
    """Yield every window once, in batches of one rung each, windows and batches shuffled.

    A rung's last batch is as small as it comes out.
    """
    random = np.random.default_rng([seed, epoch])
    drawn = []
    for rung in rungs:
        order = random.permutation(len(rung))
        drawn += [(rung, order[i : i + batch_size]) for i in range(0, len(order), batch_size)]
    for i in random.permutation(len(drawn)):
        yield _batch(*drawn[i])


def n_batches(rung: Rung, *, batch_size: int) -> int:
    """Return how many batches an epoch draws from a rung."""
    return -(-len(rung) // batch_size)


def _batch(rung: Rung, chosen: npt.NDArray[np.int64]) -> Batch:
    cut, time = rung.windows, np.arange(rung.length)
    kept = (time >= cut.keep_start[chosen, None]) & (time < cut.keep_stop[chosen, None])  # [batch, time]
    tag_ids = rung.tag_ids[chosen]  # [batch, time]
    return Batch(
        token_ids=rung.token_ids[chosen],
        tag_ids=np.maximum(tag_ids, 0),
        taught=kept & (tag_ids >= 0),
        rows=rung.row[chosen],
    )
