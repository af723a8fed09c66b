"""Linear-chain conditional random fields (Lafferty, McCallum and Pereira 2001), for any TensorFlow model.

Every function works eagerly, in graphs of dynamic shapes and compiled by XLA; `time` is at least 1. What
emits the scores and what learns from them is left to others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from seqtag.errors import ConfigError
from seqtag.neural._tensorflow import keras, tf
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
    """Learns a chain, and reads emissions as the probability of each tag at each token.

    To learn, or to decode whole paths, hand the emissions and the layer's `chain` to the functions below.

    Args:
        n_tags: tag ids.
        legal: `<bool>[n_tags + 1, n_tags + 1]` as for `legal_transition_scores`; None: all. One that is not
            legal scores `ILLEGAL`, whatever its weight is, and is not learnt.

    Call arguments:
        inputs: `<float32>[batch, time, n_tags]`, emissions.
        mask: `<bool>[batch, time]`, True at real tokens; None where all are.

    Returns: `<float32>[batch, time, n_tags]`, marginals.

    Raises:
        ConfigError: `legal` is of another shape.
    """

    def __init__(self, n_tags: int, legal: Any = None, **how: Any) -> None:
        super().__init__(**how)
        required = (n_tags + 1, n_tags + 1)
        self.n_tags = n_tags
        self.legal = np.ones(required, np.bool_) if legal is None else np.array(legal, np.bool_)
        if self.legal.shape != required:
            raise ConfigError(f"legal transitions {required} were required. Received: {self.legal.shape}")
        self.supports_masking = True
        self.transitions = self.add_weight((n_tags, n_tags), initializer="zeros", name="transitions")
        self.start = self.add_weight((n_tags,), initializer="zeros", name="start")
        self.end = self.add_weight((n_tags,), initializer="zeros", name="end")

    @property
    def chain(self) -> TransitionScores:
        """The scores as they are now; none of a transition that is not legal has a gradient."""
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

    Its gradients are exact and take one more pass, backward (Rabiner 1989): marginals for the emissions,
    expected counts for the chain. A transition that scores below -690 gets the gradient 0.

    Args:
        emissions: `<float32>[batch, time, n_tags]`.
        mask: `<bool>[batch, time]`, True at real tokens. Padding is on the right and never read.
    """
    return tf.cast(all_paths(*time_major(emissions, mask, chain)), tf.float32)


def path_score(emissions: Any, tag_ids: Any, mask: Any, chain: TransitionScores) -> Any:
    """Return `<float32>[batch]`, the score of one path each; 0 for an empty sequence.

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
        known: `<bool>[batch, time]`, tokens whose gold tag is known: at others every tag agrees (Tsuboi et
            al. 2008). None: all are known.
    """
    emissions, mask, chain = time_major(emissions, mask, chain)
    path = one_hot(tag_ids, mask, chain)
    if known is None:
        score = one_path(emissions, path, mask, chain)
        return tf.cast(score - all_paths(emissions, mask, chain), tf.float32)
    agrees = (path > 0.0) | ~(mask & tf.transpose(known))[..., None]
    agreeing = tf.where(agrees, emissions, NEVER)  # [time, batch, n_tags]
    both = tf.concat([agreeing, emissions], axis=1)  # [time, 2 * batch, n_tags], so that one loop does
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
    """Return `<float32>[batch]`, the loss of each sequence: minus `log_likelihood`, weighted.

    Args:
        emissions: `<float32>[batch, time, n_tags]`.
        tag_ids: `<int32>[batch, time]`, gold tags.
        mask: `<bool>[batch, time]`, True at real tokens.
        known: `<bool>[batch, time]`, as for `log_likelihood`.
        sequence_weights: `<float32>[batch]`, a factor each.
        tag_weights: `<float32>[n_tags]`; a sequence's mean over its known gold tags is a factor as well,
            since a path has one probability, which does not come apart into tokens.
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

    def back(tag_id: Any, best: Any, goes_on: Any) -> Any:  # cheaper than pointers from every tag
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

    Tag ids are 0 at padding. Where there are fewer than n paths, what follows them scores below -1e8 and
    its tag ids mean nothing. Leave this one out of XLA, which sorts where TensorFlow selects.

    Args:
        emissions: `<float32>[batch, time, n_tags]`.
        mask: `<bool>[batch, time]`, True at real tokens.
        n: paths, at least 1.
    """
    emissions, mask, chain = time_major(emissions, mask, chain)
    # Place tag * n + rank: the rank-th best path to a tag (list Viterbi, Seshadri and Sundberg 1994).
    n_places = chain.start.shape[0] * n
    into = tf.repeat(tf.transpose(chain.transitions), n, axis=1)  # [n_tags, n_places]

    def onward(state: tuple[Any, Any], emission: Any, real: Any) -> tuple[Any, Any]:
        best, pointers = tf.math.top_k(state[0][:, None, :] + into, n)  # [batch, n_tags, n]
        best = tf.reshape(best + emission[..., None], (-1, n_places))
        pointers = tf.reshape(pointers, (-1, n_places))
        return tf.where(real[:, None], best, state[0]), tf.where(real[:, None], pointers, tf.range(n_places))

    def back(place: Any, pointers: Any) -> Any:
        return tf.gather(pointers, place, batch_dims=1)  # [batch, n]

    sole = tf.range(n) == 0  # one path leads to a first token's tag, one to an empty sequence
    first = tf.where(sole, (chain.start + emissions[0])[..., None], NEVER)  # [batch, n_tags, n]
    first = tf.reshape(first, (-1, n_places))
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
    """Return `<float32>[batch, time]`, the log probability of taking `tag_ids` all over a token's segment.

    Segments tile a sequence. Exact: what is outside of the segment is summed over (Culotta and McCallum
    2004). Each of its tokens gets the segment's log probability, padding gets 0.

    Args:
        emissions: `<float32>[batch, time, n_tags]`.
        tag_ids: `<int32>[batch, time]`.
        mask: `<bool>[batch, time]`, True at real tokens.
        begins: `<bool>[batch, time]`, True where a segment begins; one begins at the first token anyway.
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
