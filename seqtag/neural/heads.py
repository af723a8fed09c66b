"""Output heads, from tag scores to tags: softmax, softmax with Viterbi decoding, or a CRF.

Each head has a training loss and a decoder with confidences. The tag scheme defines the legal transitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtag.config import Output, SchemeName
from seqtag.neural._keras import keras
from seqtag.neural._tensorflow import tf
from seqtag.neural.crf import linear_chain
from seqtag.tagging.schemes import begin_mask, legal_transitions, read_tags


class Decoded(NamedTuple):
    """Decoded tags and their confidences; undefined at padding."""

    tag_ids: Any  # <int32>[batch, time]
    confidence: Any  # <float32>[batch, time], probability of the tag
    # <float32>[batch, time], probability of all tags of the span that contains the token. In schemes that do
    # not mark the end of a span (IOB2), the probability that the span ends there is not included.
    span_confidence: Any


class SoftmaxHead(keras.layers.Layer):  # type: ignore[misc]  # keras is untyped
    """Independent tags: cross-entropy loss, and the most probable tag at each token."""

    is_trained_by_token = True  # the loss of a token depends on its own scores only

    def __init__(self, tags: Sequence[str], scheme: SchemeName) -> None:
        super().__init__(name="output")
        self.n_tags = len(tags)
        self._begins = tf.constant(span_begins(tags, scheme))  # [n_tags + 1, n_tags]

    def loss(self, emissions: Any, tag_ids: Any, loss_mask: Any, mask: Any) -> Any:  # noqa: ARG002
        """Return the loss in nats, summed over tokens.

        Args:
            emissions: `<float32>[batch, time, n_tags]`.
            tag_ids: `<int32>[batch, time]`.
            loss_mask: `<float32>[batch, time]`, weight of each token; 0 where the gold tag is unknown.
            mask: `<bool>[batch, time]`, True at tokens.
        """
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tag_ids, emissions)  # [batch, time]
        return tf.reduce_sum(losses * loss_mask)

    def decode(self, emissions: Any, mask: Any, temperature: Any = 1.0) -> Decoded:
        """Return the best tags, with confidences at the temperature."""
        log_probability = self.log_probability(emissions, mask, temperature)  # [batch, time, n_tags]
        tag_ids = self._best(log_probability, mask)  # [batch, time]
        log_confidence = tf.gather(log_probability, tag_ids, batch_dims=2)  # [batch, time]
        begins = self._begins_at(tag_ids)  # [batch, time]
        log_span_confidence = sum_over_segments(tf.where(mask, log_confidence, 0.0), begins)  # [batch, time]
        return Decoded(tag_ids, tf.exp(log_confidence), tf.exp(log_span_confidence))

    def log_probability(self, emissions: Any, mask: Any, temperature: Any) -> Any:  # noqa: ARG002 - CRFHead's
        """Return the log probability of each tag at each token, `<float32>[batch, time, n_tags]`."""
        return tf.nn.log_softmax(emissions / temperature)

    def _best(self, log_probability: Any, mask: Any) -> Any:  # noqa: ARG002
        return tf.argmax(log_probability, axis=-1, output_type=tf.int32)

    def _begins_at(self, tag_ids: Any) -> Any:
        at_start = tf.fill([tf.shape(tag_ids)[0], 1], self._begins.shape[1])
        before = tf.concat([at_start, tag_ids[:, :-1]], axis=1)
        return tf.gather_nd(self._begins, tf.stack([before, tag_ids], axis=2))  # <bool>[batch, time]


class ViterbiHead(SoftmaxHead):
    """Softmax training; decodes to the most probable tag sequence that the scheme allows.

    This recovers nearly all of a CRF's gain on spans (Lester et al. 2020).
    """

    def __init__(self, tags: Sequence[str], scheme: SchemeName) -> None:
        super().__init__(tags, scheme)
        self._chain = linear_chain.legal_transition_scores(legal_transitions(tags, scheme))

    def _best(self, log_probability: Any, mask: Any) -> Any:
        return linear_chain.viterbi(log_probability, mask, self._chain)[0]


class CRFHead(SoftmaxHead):
    """A linear-chain CRF that learns the transitions which the scheme allows."""

    is_trained_by_token = False

    def __init__(self, tags: Sequence[str], scheme: SchemeName) -> None:
        super().__init__(tags, scheme)
        legal = legal_transitions(tags, scheme)
        self.crf = linear_chain.CRF(len(tags), legal=legal, name="crf")
        self._may_begin, self._may_end = tf.constant(legal[-1, :-1]), tf.constant(legal[:-1, -1])

    def loss(self, emissions: Any, tag_ids: Any, loss_mask: Any, mask: Any) -> Any:
        """Return the loss in nats, summed over sequences, each with the mean weight of its tokens.

        The loss marginalises over tokens of weight 0. It also marginalises over the first and last token of
        a window that cuts a span, because their tags could not begin or end a complete sequence.
        """
        known = (loss_mask > 0) & ~self._is_cut(tag_ids, mask)
        # [batch]
        likelihood = linear_chain.log_likelihood(emissions, tag_ids, mask, self.crf.chain, known=known)
        n_known = tf.reduce_sum(tf.cast(known, tf.float32), axis=1)  # [batch]
        weight = tf.reduce_sum(tf.where(known, loss_mask, 0.0), axis=1)  # [batch]
        return -tf.reduce_sum(likelihood * tf.math.divide_no_nan(weight, n_known))

    def decode(self, emissions: Any, mask: Any, temperature: Any = 1.0) -> Decoded:
        """Return the best tags, with exact marginals at the temperature as confidences."""
        tag_ids, _ = linear_chain.viterbi(emissions, mask, self.crf.chain)
        log_probability = self.log_probability(emissions, mask, temperature)  # [batch, time, n_tags]
        confidence = tf.exp(tf.gather(log_probability, tag_ids, batch_dims=2))  # [batch, time]
        begins, chain = self._begins_at(tag_ids), self._chain_at(temperature)
        # [batch, time]
        log_span_confidence = linear_chain.segment_log_probability(
            emissions / temperature, tag_ids, mask, chain, begins=begins
        )
        return Decoded(tag_ids, confidence, tf.exp(log_span_confidence))

    def log_probability(self, emissions: Any, mask: Any, temperature: Any) -> Any:
        marginals = linear_chain.marginals(emissions / temperature, mask, self._chain_at(temperature))
        return tf.math.log(tf.maximum(marginals, 1e-30))

    def _is_cut(self, tag_ids: Any, mask: Any) -> Any:
        is_last = mask & ~tf.pad(mask[:, 1:], [[0, 0], [0, 1]])
        is_first = tf.range(tf.shape(mask)[1]) == 0
        return (is_first & ~tf.gather(self._may_begin, tag_ids)) | (
            is_last & ~tf.gather(self._may_end, tag_ids)
        )

    def _chain_at(self, temperature: Any) -> linear_chain.TransitionScores:
        return linear_chain.TransitionScores(*(part / temperature for part in self.crf.chain))


def build_head(kind: Literal["auto"] | Output, tags: Sequence[str], scheme: SchemeName) -> SoftmaxHead:
    """Return an output head; "auto" means "viterbi" if the tags have a scheme, else "softmax"."""
    if kind == "auto":
        kind = "softmax" if scheme == "none" else "viterbi"
    return HEADS[kind](tags, scheme)


HEADS: dict[Output, type[SoftmaxHead]] = {
    "softmax": SoftmaxHead,
    "viterbi": ViterbiHead,
    "crf": CRFHead,
}


def span_begins(tags: Sequence[str], scheme: SchemeName) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_tags + 1, n_tags]`, True if the column's tag after the row's tag begins a new span.

    The last row is the start of a sequence. A token outside any span counts as a separate span.

    >>> span_begins(["O", "B-X", "I-X"], "IOB2").astype(int)
    array([[1, 1, 1],
           [1, 1, 0],
           [1, 1, 0],
           [1, 1, 1]])
    """
    n = len(tags)
    if scheme == "none":
        return np.ones((n + 1, n), np.bool_)
    prefix, type_id, _ = read_tags(tags)
    before, here = np.divmod(np.arange(n * n), n)
    pairs = np.stack([before, here], axis=1).reshape(-1)  # sequences of two tags
    begins = begin_mask(prefix[pairs], type_id[pairs], np.arange(n * n + 1) * 2)[1::2].reshape(n, n)
    outside = np.array([tag == "O" for tag in tags])
    return np.concatenate([begins | outside, np.ones((1, n), np.bool_)])


def sum_over_segments(values: Any, begins: Any) -> Any:
    """Return the sum of `values` over the segment of each token, `<float32>[batch, time]`.

    Args:
        values: `<float32>[batch, time]`.
        begins: `<bool>[batch, time]`, True where a segment begins; must be True at the first token of a row.
    """
    begins = tf.cast(tf.reshape(begins, [-1]), tf.int32)  # [batch * time]
    numbers = tf.cumsum(begins) - 1  # [batch * time], segment of each token
    sums = tf.math.unsorted_segment_sum(tf.reshape(values, [-1]), numbers, tf.size(numbers))  # [batch * time]
    return tf.reshape(tf.gather(sums, numbers), tf.shape(values))  # [batch, time]
