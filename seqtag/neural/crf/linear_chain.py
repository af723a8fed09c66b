"""Linear-chain conditional random fields (Lafferty, McCallum and Pereira 2001), for any TensorFlow model.

Unless noted otherwise, the functions work eagerly, in graphs with dynamic shapes and under XLA. `time` is at
least 1. Emissions may come from any encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from seqtag.errors import ConfigError
from seqtag.neural._keras import keras
from seqtag.neural._tensorflow import tf
from seqtag.neural.crf.forward_backward import (
    ILLEGAL,
    NEVER,
    TransitionScores,
    all_paths,
    at_next,
    backward,
    forward,
    legal_parts,
    legal_transition_scores,
    occupancy,
    one_hot,
    one_path,
    scan,
    scan_back,
    time_major,
    token_scores,
)

__all__ = [
    "CRF",
    "ILLEGAL",
    "TransitionScores",
    "legal_transition_scores",
    "log_likelihood",
    "log_partition",
    "marginals",
    "n_best",
    "negative_log_likelihood",
    "path_score",
    "segment_log_probability",
    "viterbi",
]


class CRF(keras.layers.Layer):  # type: ignore[misc]  # keras is untyped
    """Trainable transition scores; a call turns emissions into marginal tag probabilities.

    For training, or to decode whole paths, pass the emissions and the layer's `chain` to the functions below.

    Args:
        n_tags: number of tag ids.
        legal: `<bool>[n_tags + 1, n_tags + 1]`, as for `legal_transition_scores`; None if all transitions are
            legal. Illegal transitions score `ILLEGAL` whatever their weights, and get no gradient.

    Call arguments:
        inputs: `<float32>[batch, time, n_tags]`, emissions.
        mask: `<bool>[batch, time]`, True at real tokens; None if there is no padding.

    Returns: `<float32>[batch, time, n_tags]`, marginals.

    Raises:
        ConfigError: `legal` has the wrong shape.
    """

    def __init__(self, n_tags: int, legal: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        expected = (n_tags + 1, n_tags + 1)
        self.n_tags = n_tags
        self.legal = np.ones(expected, np.bool_) if legal is None else np.array(legal, np.bool_)
        if self.legal.shape != expected:
            raise ConfigError(f"`legal` has shape {self.legal.shape}; expected {expected}")
        self.supports_masking = True
        self.transitions = self.add_weight((n_tags, n_tags), initializer="zeros", name="transitions")
        self.start = self.add_weight((n_tags,), initializer="zeros", name="start")
        self.end = self.add_weight((n_tags,), initializer="zeros", name="end")

    @property
    def chain(self) -> TransitionScores:
        """The current scores; illegal transitions have no gradient."""
        legal, weights = legal_parts(self.legal), (self.transitions, self.start, self.end)
        return TransitionScores(
            *(tf.where(part, weight, ILLEGAL) for part, weight in zip(legal, weights, strict=True))
        )

    def call(self, inputs: Any, mask: Any = None) -> Any:
        return marginals(inputs, tf.ones(tf.shape(inputs)[:2], tf.bool) if mask is None else mask, self.chain)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> Mapping[str, Any]:
        return {**super().get_config(), "n_tags": self.n_tags, "legal": self.legal.tolist()}


def log_partition(emissions: Any, mask: Any, chain: TransitionScores) -> Any:
    """Return `<float32>[batch]`, the log of the sum of exp(score) over all paths; 0 for an empty sequence.

    Gradients are exact and take one backward pass (Rabiner 1989): marginals for the emissions, expected
    counts for the chain. Transitions that score below -690 get gradient 0.

    Args:
        emissions: `<float32>[batch, time, n_tags]`.
        mask: `<bool>[batch, time]`, True at real tokens; padding is on the right and ignored.
    """
    return tf.cast(all_paths(*time_major(emissions, mask, chain)), tf.float32)


def path_score(emissions: Any, tag_ids: Any, mask: Any, chain: TransitionScores) -> Any:
    """Return `<float32>[batch]`, the score of one path per sequence; 0 for an empty sequence.

    Args:
        emissions: `<float32>[batch, time, n_tags]`.
        tag_ids: `<int32>[batch, time]`, the path.
        mask: `<bool>[batch, time]`, True at real tokens.
    """
    emissions, mask, chain = time_major(emissions, mask, chain)
    return tf.cast(one_path(emissions, one_hot(tag_ids, mask, chain), mask, chain), tf.float32)


def log_likelihood(
    emissions: Any, tag_ids: Any, mask: Any, chain: TransitionScores, *, known: Any = None
) -> Any:
    """Return `<float32>[batch]`, the log probability of all paths that agree with the gold tags.

    Args:
        emissions: `<float32>[batch, time, n_tags]`.
        tag_ids: `<int32>[batch, time]`, gold tags.
        mask: `<bool>[batch, time]`, True at real tokens.
        known: `<bool>[batch, time]`, True if the gold tag is known; elsewhere any tag agrees (Tsuboi et al.
            2008). None if all are known.
    """
    emissions, mask, chain = time_major(emissions, mask, chain)
    path = one_hot(tag_ids, mask, chain)
    if known is None:
        score = one_path(emissions, path, mask, chain)
        return tf.cast(score - all_paths(emissions, mask, chain), tf.float32)
    agrees = (path > 0.0) | ~(mask & tf.transpose(known))[..., None]
    agreeing = tf.where(agrees, emissions, NEVER)  # [time, batch, n_tags]
    both = tf.concat([agreeing, emissions], axis=1)  # [time, 2 * batch, n_tags], in one loop
    agreeing, every = tf.split(all_paths(both, tf.concat([mask, mask], axis=1), chain), 2)
    return tf.cast(agreeing - every, tf.float32)


def negative_log_likelihood(
    emissions: Any,
    tag_ids: Any,
    mask: Any,
    chain: TransitionScores,
    *,
    known: Any = None,
    sequence_weights: Any = None,
    tag_weights: Any = None,
) -> Any:
    """Return `<float32>[batch]`, the loss of each sequence: the negative `log_likelihood`, weighted.

    Args:
        emissions: `<float32>[batch, time, n_tags]`.
        tag_ids: `<int32>[batch, time]`, gold tags.
        mask: `<bool>[batch, time]`, True at real tokens.
        known: `<bool>[batch, time]`, as for `log_likelihood`.
        sequence_weights: `<float32>[batch]`, factors of the loss.
        tag_weights: `<float32>[n_tags]`; the loss of a sequence is multiplied by the mean weight of its known
            gold tags, because the probability of a path does not factor into tokens.
    """
    loss = -log_likelihood(emissions, tag_ids, mask, chain, known=known)
    if sequence_weights is not None:
        loss *= sequence_weights
    if tag_weights is not None:
        counted = mask if known is None else mask & known
        counts = tf.cast(counted, tf.float32)  # [batch, time]
        weights = tf.gather(tag_weights, tf.where(counted, tag_ids, 0)) * counts
        loss *= tf.math.divide_no_nan(tf.reduce_sum(weights, axis=-1), tf.reduce_sum(counts, axis=-1))
    return loss


def viterbi(emissions: Any, mask: Any, chain: TransitionScores) -> tuple[Any, Any]:
    """Return the best path `<int32>[batch, time]`, 0 at padding, and its score `<float32>[batch]`.

    Args:
        emissions: `<float32>[batch, time, n_tags]`.
        mask: `<bool>[batch, time]`, True at real tokens.
    """
    emissions, mask, chain = time_major(emissions, mask, chain)
    into = tf.transpose(chain.transitions)

    def onward(best: Any, emission: Any, real: Any) -> Any:
        reached = tf.reduce_max(best[:, :, None] + chain.transitions, axis=1)  # [batch, n_tags]
        return tf.where(real[:, None], reached + emission, best)

    def back(tag_id: Any, best: Any, goes_on: Any) -> Any:  # cheaper than back-pointers
        before = tf.argmax(best + tf.gather(into, tag_id), axis=-1, output_type=tf.int32)  # [batch]
        return tf.where(goes_on, before, tag_id)

    best = scan(onward, chain.start + emissions[0], emissions, mask)  # [time, batch, n_tags]
    ended = best[-1] + chain.end
    last = tf.argmax(ended, axis=-1, output_type=tf.int32)  # [batch]
    tag_ids = tf.where(mask, scan_back(back, last, best, at_next(mask)), 0)  # [time, batch]
    scores = tf.where(mask[0], tf.reduce_max(ended, axis=-1), 0.0)
    return tf.transpose(tag_ids), tf.cast(scores, tf.float32)


def n_best(emissions: Any, mask: Any, chain: TransitionScores, *, n: int) -> tuple[Any, Any]:
    """Return the n best paths `<int32>[batch, n, time]`, best first, and their scores `<float32>[batch, n]`.

    Tag ids are 0 at padding. If there are fewer than n paths, the remaining entries score below -1e8 and
    have undefined tag ids. Slow under XLA, which sorts all candidates instead of selecting the best.

    Args:
        emissions: `<float32>[batch, time, n_tags]`.
        mask: `<bool>[batch, time]`, True at real tokens.
        n: number of paths, at least 1.
    """
    emissions, mask, chain = time_major(emissions, mask, chain)
    # Index tag * n + rank: the path of that rank to a tag (list Viterbi, Seshadri and Sundberg 1994).
    n_states = chain.start.shape[0] * n
    into = tf.repeat(tf.transpose(chain.transitions), n, axis=1)  # [n_tags, n_states]

    def onward(state: tuple[Any, Any], emission: Any, real: Any) -> tuple[Any, Any]:
        best, pointers = tf.math.top_k(state[0][:, None, :] + into, n)  # [batch, n_tags, n]
        best = tf.reshape(best + emission[..., None], (-1, n_states))
        pointers = tf.reshape(pointers, (-1, n_states))
        return tf.where(real[:, None], best, state[0]), tf.where(real[:, None], pointers, tf.range(n_states))

    def back(state: Any, pointers: Any) -> Any:
        return tf.gather(pointers, state, batch_dims=1)  # [batch, n]

    sole = tf.range(n) == 0  # there is one path to each tag of the first token, and one of length 0
    first = tf.where(sole, (chain.start + emissions[0])[..., None], NEVER)  # [batch, n_tags, n]
    first = tf.reshape(first, (-1, n_states))
    best, pointers = scan(onward, (first, tf.zeros_like(first, tf.int32)), emissions, mask)
    scores, last = tf.math.top_k(best[-1] + tf.repeat(chain.end, n), n)  # [batch, n]
    tag_ids = scan_back(back, last, at_next(pointers)) // n  # [time, batch, n]
    tag_ids = tf.transpose(tf.where(mask[..., None], tag_ids, 0), (1, 2, 0))  # [batch, n, time]
    scores = tf.where(mask[0][:, None], tf.cast(scores, tf.float32), tf.where(sole, 0.0, NEVER))
    return tag_ids, scores


def marginals(emissions: Any, mask: Any, chain: TransitionScores) -> Any:
    """Return `<float32>[batch, time, n_tags]`, the probability of each tag at each token; 0 at padding.

    Args:
        emissions: `<float32>[batch, time, n_tags]`.
        mask: `<bool>[batch, time]`, True at real tokens.
    """
    emissions, mask, chain = time_major(emissions, mask, chain)
    occupied = occupancy(forward(emissions, mask, chain), backward(emissions, mask, chain), mask)
    return tf.cast(tf.transpose(occupied, (1, 0, 2)), tf.float32)


def segment_log_probability(
    emissions: Any, tag_ids: Any, mask: Any, chain: TransitionScores, *, begins: Any
) -> Any:
    """Return `<float32>[batch, time]`, the log probability of `tag_ids` over the segment of each token.

    Exact, summed over all tags outside the segment (Culotta and McCallum 2004). Segments tile the sequence;
    all tokens of a segment get the same value. 0 at padding.

    Args:
        emissions: `<float32>[batch, time, n_tags]`.
        tag_ids: `<int32>[batch, time]`.
        mask: `<bool>[batch, time]`, True at real tokens.
        begins: `<bool>[batch, time]`, True where a segment begins; the first token always begins one.
    """
    emissions, mask, chain = time_major(emissions, mask, chain)
    begins = mask & tf.concat([mask[:1], tf.transpose(begins)[1:]], axis=0)  # [time, batch]
    path = one_hot(tag_ids, mask, chain)
    alphas, betas = forward(emissions, mask, chain), backward(emissions, mask, chain)
    entered = tf.reduce_sum(path * alphas, axis=-1) - tf.reduce_logsumexp(alphas + betas, axis=-1)
    left = tf.where(at_next(mask & ~begins), tf.zeros((), betas.dtype), tf.reduce_sum(path * betas, axis=-1))
    parts = tf.where(begins, entered, token_scores(emissions, path, chain)) + left  # [time, batch]
    time, batch = tf.unstack(tf.shape(parts))
    number = tf.maximum(tf.cumsum(tf.cast(begins, tf.int32)) - 1, 0) + time * tf.range(batch)  # [time, batch]
    sums = tf.gather(tf.math.unsorted_segment_sum(tf.where(mask, parts, 0.0), number, time * batch), number)
    return tf.cast(tf.transpose(tf.where(mask, tf.minimum(sums, 0.0), 0.0)), tf.float32)
