"""From scores at each token to tags: softmax, softmax with legal transitions alone, or a CRF.

Each output has a loss to train by and a decoding with confidences. Legality is that of the tag scheme.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtag.config import Output, SchemeName
from seqtag.neural._tensorflow import keras, tf
from seqtag.neural.crf import linear_chain
from seqtag.tagging.schemes import begin_mask, legal_transitions, read_tags


class Decoded(NamedTuple):
    """What a model says; at padding it means nothing."""

    tag_ids: Any  # <int32>[batch, time]
    confidence: Any  # <float32>[batch, time], probability of the tag
    # <float32>[batch, time], probability of the tags of the whole span that the token is in; where these do
    # not say where a span ends (IOB2), whether it goes on is not asked
    span_confidence: Any


class SoftmaxHead(keras.layers.Layer):  # type: ignore[misc]  # keras is untyped
    """Each token by itself: cross-entropy, and the most probable tag."""

    def __init__(self, tags: Sequence[str], scheme: SchemeName) -> None:
        super().__init__(name="output")
        self.n_tags = len(tags)
        self._begins = tf.constant(span_begins(tags, scheme))  # [n_tags + 1, n_tags]

    def loss(self, emissions: Any, tag_ids: Any, loss_mask: Any, mask: Any) -> Any:  # noqa: ARG002
        """Return the loss in nats, summed over the taught tokens.

        Args:
            emissions: `<float32>[batch, time, n_tags]`.
            tag_ids: `<int32>[batch, time]`.
            loss_mask: `<float32>[batch, time]`, the weight of each token; 0 where the tag is unknown.
            mask: `<bool>[batch, time]`, True at tokens.
        """
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tag_ids, emissions)  # [batch, time]
        return tf.reduce_sum(losses * loss_mask)

    def decode(self, emissions: Any, mask: Any, temperature: Any = 1.0) -> Decoded:
        """Return the best tags of `emissions / temperature`."""
        log_probability = self.log_probability(emissions, mask, temperature)  # [batch, time, n_tags]
        tag_ids = self._best(log_probability, mask)  # [batch, time]
        log_confidence = tf.gather(log_probability, tag_ids, batch_dims=2)  # [batch, time]
        begins = self._begins_at(tag_ids)
        of_span = sum_over_segments(tf.where(mask, log_confidence, 0.0), begins)
        return Decoded(tag_ids, tf.exp(log_confidence), tf.exp(of_span))

    def log_probability(self, emissions: Any, mask: Any, temperature: Any) -> Any:  # noqa: ARG002 - as a CRF's
        """Return the log probability of each tag at each token, `<float32>[batch, time, n_tags]`."""
        return tf.nn.log_softmax(emissions / temperature)

    def _best(self, log_probability: Any, mask: Any) -> Any:  # noqa: ARG002
        return tf.argmax(log_probability, axis=-1, output_type=tf.int32)

    def _begins_at(self, tag_ids: Any) -> Any:
        at_start = tf.fill([tf.shape(tag_ids)[0], 1], self._begins.shape[1])
        before = tf.concat([at_start, tag_ids[:, :-1]], axis=1)
        return tf.gather_nd(self._begins, tf.stack([before, tag_ids], axis=2))  # <bool>[batch, time]


class ViterbiHead(SoftmaxHead):
    """Trained like softmax; decoded to the most probable sequence of tags that the scheme allows.

    That recovers nearly all that a CRF gains on spans (Lester et al. 2020).
    """

    def __init__(self, tags: Sequence[str], scheme: SchemeName) -> None:
        super().__init__(tags, scheme)
        self._chain = linear_chain.legal_transition_scores(legal_transitions(tags, scheme))

    def _best(self, log_probability: Any, mask: Any) -> Any:
        return linear_chain.viterbi(log_probability, mask, self._chain)[0]


class CRFHead(SoftmaxHead):
    """A linear-chain CRF with learnt transitions between the tags that the scheme lets follow each other."""

    def __init__(self, tags: Sequence[str], scheme: SchemeName) -> None:
        super().__init__(tags, scheme)
        legal = legal_transitions(tags, scheme)
        self.crf = linear_chain.CRF(len(tags), legal=legal, name="crf")
        self._may_begin, self._may_end = tf.constant(legal[-1, :-1]), tf.constant(legal[:-1, -1])

    def loss(self, emissions: Any, tag_ids: Any, loss_mask: Any, mask: Any) -> Any:
        """As above; tags that are not taught are marginalised over; a sequence has its tokens' mean weight.

        So are those with which a window begins or ends in the middle of a span: no whole sequence could.
        """
        known = (loss_mask > 0) & ~self._is_cut(tag_ids, mask)
        likelihood = linear_chain.log_likelihood(
            emissions, tag_ids, mask, self.crf.chain, known=known
        )  # [batch]
        n_known = tf.reduce_sum(tf.cast(known, tf.float32), axis=1)
        weight = tf.reduce_sum(tf.where(known, loss_mask, 0.0), axis=1)
        return -tf.reduce_sum(likelihood * tf.math.divide_no_nan(weight, n_known))

    def decode(self, emissions: Any, mask: Any, temperature: Any = 1.0) -> Decoded:
        """Return the best tags; confidences are exact marginals at the temperature."""
        tag_ids, _ = linear_chain.viterbi(emissions, mask, self.crf.chain)
        log_probability = self.log_probability(emissions, mask, temperature)
        confidence = tf.exp(tf.gather(log_probability, tag_ids, batch_dims=2))
        begins, chain = self._begins_at(tag_ids), self._chain_at(temperature)
        of_span = linear_chain.segment_log_probability(
            emissions / temperature, tag_ids, mask, chain, begins=begins
        )
        return Decoded(tag_ids, confidence, tf.exp(of_span))

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
    """Return the output layer; "auto" is viterbi where tags have a scheme, else softmax."""
    if kind == "auto":
        kind = "softmax" if scheme == "none" else "viterbi"
    return OUTPUTS[kind](tags, scheme)


OUTPUTS: dict[Output, type[SoftmaxHead]] = {
    "softmax": SoftmaxHead,
    "viterbi": ViterbiHead,
    "crf": CRFHead,
}


def span_begins(tags: Sequence[str], scheme: SchemeName) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_tags + 1, n_tags]`: does a new span begin at the column's tag after the row's?

    The last row is the start of a sequence. A token outside of spans begins, and is, one of its own.

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
    """Return, at each token, the sum of `values` over its segment; a row's first token begins one.

    Args:
        values: `<float32>[batch, time]`.
        begins: `<bool>[batch, time]`.
    """
    numbers = tf.cumsum(tf.cast(tf.reshape(begins, [-1]), tf.int32)) - 1  # [batch * time], rows apart
    sums = tf.math.unsorted_segment_sum(tf.reshape(values, [-1]), numbers, tf.size(numbers))
    return tf.reshape(tf.gather(sums, numbers), tf.shape(values))
