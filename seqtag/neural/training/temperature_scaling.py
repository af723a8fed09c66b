"""Temperature scaling: calibrates confidences on dev with a single number (Guo et al. 2017)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from seqtag.features import Bucket
from seqtag.neural._tensorflow import graph_function, tf
from seqtag.neural.network import TaggerNetwork
from seqtag.neural.windowed_inference import CELLS

_MOST_CELLS = 200_000  # tokens and padding sampled from dev: enough to fit one number
_COLDEST, _HOTTEST = 0.5, 10.0  # bounds; on a dev split without errors the optimum would be 0


def fitted_temperature(network: TaggerNetwork, buckets: Sequence[Bucket], vectors: Any) -> float:
    """Return the temperature that maximises the likelihood of dev's gold tags, 1 if none is known.

    Args:
        network: the trained network.
        buckets: windows of dev.
        vectors: `<float32>[1 + n_word_types, size]`, vectors of dev's word types.
    """
    from scipy.optimize import minimize_scalar

    output = network.output

    @partial(graph_function, reduce_retracing=True)
    def emitted(positions: tf.Tensor, columns: dict[str, tf.Tensor]) -> tf.Tensor:
        return network.emissions(vectors, positions, columns)

    @partial(graph_function, reduce_retracing=True)
    def negative_log_likelihood(
        emissions: tf.Tensor, mask: tf.Tensor, tag_ids: tf.Tensor, temperature: tf.Tensor
    ) -> tf.Tensor:
        log_probability = output.log_probability(emissions, mask, temperature)  # [batch, time, n_tags]
        gold = tf.gather(log_probability, tf.maximum(tag_ids, 0), batch_dims=2)  # [batch, time]
        return -tf.reduce_sum(tf.where(mask & (tag_ids >= 0), gold, 0.0))

    sample = [(*emitted(positions, columns), tag_ids) for positions, columns, tag_ids in _sample(buckets)]
    if not any(bool(np.any(np.asarray(mask) & (tag_ids >= 0))) for _, mask, tag_ids in sample):
        return 1.0

    def loss(log_temperature: float) -> float:
        temperature = tf.constant(math.exp(log_temperature), tf.float32)
        return float(sum(float(negative_log_likelihood(*batch, temperature)) for batch in sample))

    found = minimize_scalar(
        loss, bounds=(math.log(_COLDEST), math.log(_HOTTEST)), method="bounded", options={"xatol": 1e-3}
    )
    return round(math.exp(found.x), 4)


def _sample(
    buckets: Sequence[Bucket],
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]]:
    """Yield positions, columns and tag ids, `[batch, time]` each, of windows sampled evenly from dev."""
    every = max(1, math.ceil(sum(len(bucket) * bucket.length for bucket in buckets) / _MOST_CELLS))
    for bucket in buckets:
        word_type_ids, tag_ids = bucket.word_type_ids[::every], bucket.tag_ids[::every]
        rows = max(1, CELLS // bucket.length)
        for first in range(0, len(word_type_ids), rows):
            chosen = slice(first, first + rows)
            columns = {name: values[::every][chosen] for name, values in bucket.columns.items()}
            yield word_type_ids[chosen], columns, tag_ids[chosen]
