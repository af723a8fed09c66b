"""Data-parallel training: each process computes the gradients of a part of every batch, and all add them up.

All hold the whole network, draw the same batches and apply the same updates, so their weights are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtag.neural._tensorflow import graph_function, tf
from seqtag.neural.training.batch_sampler import Batch


class WorkerGroup:
    """The processes of a training; by default only this one.

    They exchange sums by TensorFlow's collective operations. Create it before any other use of TensorFlow.
    If one of the processes dies, the others get `tf.errors.UnavailableError`.

    Args:
        addresses: `host:port` at which each process is to listen, in the order of their ranks.
        rank: number of this process, from 0.
    """

    def __init__(self, addresses: Sequence[str] = (), rank: int = 0) -> None:
        self.size, self.rank, self._strategy = max(1, len(addresses)), rank, None
        if self.size > 1:
            cluster = tf.train.ClusterSpec({"worker": list(addresses)})
            resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
                cluster, task_type="worker", task_id=rank, rpc_layer="grpc"
            )
            self._strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
            self._exchange = graph_function(lambda numbers: self.run(_sum_of_all, numbers))

    @property
    def is_first(self) -> bool:
        """True for the process that writes the checkpoints and the bundle."""
        return self.rank == 0

    def part(self, batch: Batch) -> Batch:
        """Return every n-th sequence of a batch, with all of its word types and rows of tables.

        If there are fewer sequences than processes, the last processes get one without tokens.
        """
        if self.size == 1:
            return batch
        own = slice(self.rank, None, self.size)
        part = replace(
            batch,
            positions=batch.positions[own],
            columns={name: values[own] for name, values in batch.columns.items()},
            tag_ids=batch.tag_ids[own],
            loss_mask=batch.loss_mask[own],
            weights=batch.weights[own],
            rows=batch.rows[own],
        )
        return part if len(part.positions) else part.filled(replace(batch.shape, batch=1))

    @property
    def seed_size(self) -> int:
        """Length of `seed`."""
        return 2 if self.size == 1 else 5

    def seed(self, seed: int, step: int, batch: Batch) -> npt.NDArray[np.int32]:
        """Return the seed of the dropout of a step, for `keep_mask`, `<int32>[seed_size]`.

        Args:
            batch: all of it.
        """
        n_sequences = max(len(batch.positions), self.rank + 1)  # with the one without tokens that `part` adds
        of_part = [] if self.size == 1 else [self.rank, self.size, n_sequences]
        return np.array([seed, step, *of_part], np.int32)

    def run(self, function: Callable[..., Any], *inputs: Any) -> Any:
        """Call a function that may call `sums`, as part of a graph."""
        return function(*inputs) if self._strategy is None else self._strategy.run(function, args=inputs)

    def sums(self, arrays: Sequence[Any]) -> list[Any]:
        """Return the sum of each `<float32>` array over all processes, equal in all of them bit by bit."""
        if self._strategy is None:
            return list(arrays)
        flat = tf.concat([tf.reshape(array, [-1]) for array in arrays], axis=0)  # one exchange for all
        parts = tf.split(_sum_of_all(flat), [tf.size(array) for array in arrays])
        return [tf.reshape(part, tf.shape(array)) for part, array in zip(parts, arrays, strict=True)]

    def wait(self) -> None:
        """Wait until all processes have called this."""
        self.from_first(0.0)

    def from_first(self, *numbers: float) -> list[float]:
        """Return numbers of the first process, after all processes have called this."""
        if self._strategy is None:
            return list(numbers)
        given = tf.constant(numbers if self.is_first else [0.0] * len(numbers), tf.float64)
        return self._exchange(given).numpy().tolist()


def _sum_of_all(array: Any) -> Any:
    """Return the sum of an array over all processes; within `WorkerGroup.run`."""
    here = tf.identity(array)  # an input of a graph is on no device, which all_reduce refuses
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, here)
