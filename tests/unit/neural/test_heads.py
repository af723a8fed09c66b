"""Brute force over all paths is the referee for best paths, probabilities and losses."""

import doctest
import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtag.neural import heads
from seqtag.neural._tensorflow import tf
from seqtag.neural.heads import (
    CRFHead,
    SoftmaxHead,
    ViterbiHead,
    build_head,
    span_begins,
    sum_over_segments,
)
from seqtag.tagging.schemes import legal_transitions

IOB2 = ("O", "B-X", "I-X", "B-Y", "I-Y")
IOBES = ("O", "B-X", "I-X", "E-X", "S-X")
TAGS = {"IOB2": IOB2, "IOBES": IOBES}


@cache
def traced(kind, scheme):
    """Return an output head and its decoder, traced once for batches of every shape."""
    output = kind(TAGS[scheme], scheme)
    if kind is CRFHead:
        draw = np.random.default_rng(7)
        for weight in output.trainable_variables:
            weight.assign(draw.normal(size=weight.shape))
    signature = [tf.TensorSpec([None, None, 5]), tf.TensorSpec([None, None], tf.bool), tf.TensorSpec([])]
    return output, tf.function(output.decode, input_signature=signature)


def decoded(kind, scheme, emissions, *, mask=None, temperature=1.0):
    mask = np.ones(emissions.shape[:2], np.bool_) if mask is None else mask
    return [values.numpy() for values in traced(kind, scheme)[1](emissions, mask, temperature)]


def drawn(*shape, seed=0, scale=2.0):
    return (scale * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def is_legal(tag_ids, scheme):
    n = len(TAGS[scheme])
    steps = itertools.pairwise([n, *tag_ids, n])
    return all(legal_transitions(TAGS[scheme], scheme)[before, here] for before, here in steps)


def legal_paths(scheme, time):
    return [path for path in itertools.product(range(5), repeat=time) if is_legal(path, scheme)]


def crf_probabilities(scheme, emissions, *, temperature=1.0):
    """Return the probability of each legal path; illegal ones have probability 0."""
    chain = [np.array(part, np.float64) for part in traced(CRFHead, scheme)[0].crf.chain]
    transitions, start, end = chain
    paths = legal_paths(scheme, len(emissions))
    scores = [
        start[path[0]]
        + end[path[-1]]
        + sum(emissions[t, tag] for t, tag in enumerate(path))
        + sum(transitions[step] for step in itertools.pairwise(path))
        for path in paths
    ]
    weights = np.exp((np.array(scores) - max(scores)) / temperature)
    return dict(zip(paths, weights / weights.sum(), strict=True))


def test_the_example_in_the_docstring_holds():
    assert doctest.testmod(heads).failed == 0


def test_span_begins_in_iobes():
    #         O  B  I  E  S
    expected = [
        [1, 1, 1, 1, 1],  # O
        [1, 1, 0, 0, 1],  # B
        [1, 1, 0, 0, 1],  # I
        [1, 1, 1, 1, 1],  # E
        [1, 1, 1, 1, 1],  # S
        [1, 1, 1, 1, 1],  # start
    ]
    assert span_begins(IOBES, "IOBES").astype(int).tolist() == expected


def test_another_type_begins_a_span_and_without_a_scheme_every_token_does():
    begins = span_begins(IOB2, "IOB2")
    assert not begins[1, 2]  # B-X I-X
    assert begins[1, 4]  # B-X I-Y
    assert begins[4, 2]  # I-Y I-X
    assert span_begins(["NN", "VB"], "none").all()


def test_segment_sums_do_not_cross_segments_or_rows():
    values = tf.constant([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])
    begins = tf.constant([[True, False, True, False], [True, True, False, False]])
    assert sum_over_segments(values, begins).numpy().tolist() == [[3, 3, 7, 7], [5, 21, 21, 21]]


@pytest.mark.parametrize("kind", [SoftmaxHead, ViterbiHead])
def test_the_confidence_of_a_span_is_the_product_over_its_tokens(kind):
    # O, B-X, I-X at three tokens; the other two tags have probability close to 0
    likely = [[0.2, 0.7, 0.1], [0.1, 0.2, 0.7], [0.9, 0.05, 0.05]]
    emissions = np.pad(np.log(likely), ((0, 0), (0, 2)), constant_values=-50).astype(np.float32)[None]
    tag_ids, confidence, span_confidence = decoded(kind, "IOB2", emissions)
    assert tag_ids.tolist() == [[1, 2, 0]]
    np.testing.assert_allclose(confidence, [[0.7, 0.7, 0.9]], rtol=1e-5)
    np.testing.assert_allclose(span_confidence, [[0.49, 0.49, 0.9]], rtol=1e-5)


def test_viterbi_predicts_a_legal_tag_if_the_best_one_is_illegal():
    # I-X is the best first tag but illegal there; B-X I-X is the best legal path
    emissions = np.log([[[0.3, 0.2, 0.4, 0.06, 0.04], [0.1, 0.1, 0.6, 0.1, 0.1]]]).astype(np.float32)
    assert decoded(SoftmaxHead, "IOB2", emissions)[0].tolist() == [[2, 2]]
    tag_ids, confidence, span_confidence = decoded(ViterbiHead, "IOB2", emissions)
    assert tag_ids.tolist() == [[1, 2]]  # 0.2 * 0.6 beats O O with 0.3 * 0.1
    np.testing.assert_allclose(confidence, [[0.2, 0.6]], rtol=1e-5)
    np.testing.assert_allclose(span_confidence, [[0.12, 0.12]], rtol=1e-5)


@pytest.mark.parametrize("scheme", ["IOB2", "IOBES"])
@pytest.mark.parametrize("kind", [ViterbiHead, CRFHead])
@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 12), min_size=1, max_size=4),
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([0.0, 1.0, 10.0, 100.0]),
)
def test_no_illegal_sequence_is_ever_predicted(kind, scheme, lengths, seed, scale):
    time = max(*lengths, 1)
    mask = np.arange(time) < np.array(lengths)[:, None]
    emissions = drawn(len(lengths), time, 5, seed=seed, scale=scale)
    tag_ids = decoded(kind, scheme, emissions, mask=mask)[0]
    for n, row in zip(lengths, tag_ids, strict=True):
        assert n == 0 or is_legal(row[:n], scheme)


@pytest.mark.parametrize("scheme", ["IOB2", "IOBES"])
def test_viterbi_predicts_the_most_probable_legal_sequence(scheme):
    for seed in range(10):
        emissions = drawn(1, 4, 5, seed=seed)
        log_probability = np.log(np.exp(emissions[0]) / np.exp(emissions[0]).sum(axis=-1, keepdims=True))
        best = max(legal_paths(scheme, 4), key=lambda path: log_probability[range(4), path].sum())
        tag_ids, confidence, _ = decoded(ViterbiHead, scheme, emissions)
        assert tuple(tag_ids[0]) == best
        np.testing.assert_allclose(np.log(confidence[0]), log_probability[range(4), best], atol=1e-4)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("scheme", ["IOB2", "IOBES"])
def test_confidences_of_a_crf_are_the_total_probability_of_agreeing_paths(scheme, temperature):
    for seed in range(5):
        emissions = drawn(1, 4, 5, seed=seed)
        probability = crf_probabilities(scheme, emissions[0], temperature=temperature)
        best = max(probability, key=probability.get)
        tag_ids, confidence, span_confidence = decoded(CRFHead, scheme, emissions, temperature=temperature)
        assert tuple(tag_ids[0]) == best  # at every temperature
        begins = span_begins(TAGS[scheme], scheme)
        starts = [t for t in range(4) if begins[best[t - 1] if t else 5, best[t]]]
        for t in range(4):
            share = sum(p for path, p in probability.items() if path[t] == best[t])
            assert confidence[0, t] == pytest.approx(share, abs=1e-5)
            first = max(s for s in starts if s <= t)
            stop = min([s for s in starts if s > t], default=4)
            share = sum(p for path, p in probability.items() if path[first:stop] == best[first:stop])
            assert span_confidence[0, t] == pytest.approx(share, abs=1e-5)


def test_padding_does_not_change_confidences():
    emissions = drawn(2, 6, 5)
    mask = np.arange(6) < np.array([[6], [3]])
    for kind in (SoftmaxHead, ViterbiHead, CRFHead):
        together, alone = (
            decoded(kind, "IOB2", emissions, mask=mask),
            decoded(kind, "IOB2", emissions[1:, :3]),
        )
        for whole, part in zip(together, alone, strict=True):
            np.testing.assert_allclose(whole[1, :3], part[0], rtol=1e-5)


LIKELY = np.array([[[0.2, 0.7, 0.1], [0.5, 0.25, 0.25], [0.9, 0.05, 0.05]]])  # O, B-X, I-X
THREE = ("O", "B-X", "I-X")


@pytest.mark.parametrize("kind", [SoftmaxHead, ViterbiHead])
@pytest.mark.parametrize(
    ("loss_mask", "loss"),
    [
        ([1, 1, 1], -np.log(0.7 * 0.25 * 0.9)),
        ([1, 0, 1], -np.log(0.7 * 0.9)),
        ([2, 0, 0.5], -2 * np.log(0.7) - 0.5 * np.log(0.9)),
        ([0, 0, 0], 0.0),
    ],
)
def test_softmax_loss_is_the_weighted_negative_log_likelihood_of_the_gold_tags(kind, loss_mask, loss):
    emissions = tf.constant(np.log(LIKELY) + 3.0, tf.float32)  # a constant offset has no effect
    mask = np.ones([1, 3], np.bool_)
    actual = kind(THREE, "IOB2").loss(
        emissions, np.array([[1, 2, 0]]), tf.constant([loss_mask], tf.float32), mask
    )
    assert float(actual) == pytest.approx(loss, rel=1e-5, abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=8), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_tokens_of_unknown_tag_do_not_contribute_to_the_softmax_loss(tokens, seed):
    emissions = tf.constant(drawn(1, len(tokens), 5, seed=seed))
    tag_ids = np.array([[tag for tag, _ in tokens]])
    known = np.array([[is_known for _, is_known in tokens]])
    output, mask = SoftmaxHead(IOB2, "IOB2"), np.ones_like(known)
    with tf.GradientTape() as tape:
        tape.watch(emissions)
        loss = output.loss(emissions, np.where(known, tag_ids, 0), tf.cast(known, tf.float32), mask)
    terms = [
        float(output.loss(emissions[:, t : t + 1], tag_ids[:, t : t + 1], 1.0, mask))
        for t in np.flatnonzero(known)
    ]
    assert float(loss) == pytest.approx(sum(terms), rel=1e-5, abs=1e-5)
    slopes = tape.gradient(loss, emissions).numpy()
    assert not slopes[~known].any()
    assert np.abs(slopes[known]).sum(axis=-1).all()


def crf_loss(tag_ids, loss_mask, *, emissions=None, lengths=None):
    emissions = drawn(1, len(tag_ids), 5) if emissions is None else emissions
    mask = np.ones([1, len(tag_ids)], np.bool_) if lengths is None else np.arange(len(tag_ids)) < lengths
    output = traced(CRFHead, "IOB2")[0]
    return float(output.loss(emissions, np.array([tag_ids]), tf.constant([loss_mask], tf.float32), mask))


def agreeing_share(emissions, known):
    """Return the total probability of all paths with the known tags, given by position."""
    probability = crf_probabilities("IOB2", emissions)
    return sum(p for path, p in probability.items() if all(path[t] == tag for t, tag in known.items()))


@pytest.mark.parametrize(
    ("tag_ids", "known"),
    [
        ([0, 1, 2, 0], {0: 0, 1: 1, 2: 2, 3: 0}),
        ([0, 0, 2, 0], {0: 0, 2: 2, 3: 0}),  # tag 1 is unknown: B-X or I-X
        ([0, 0, 0, 3], {3: 3}),
        ([0, 0, 0, 0], {}),
    ],
)
def test_crf_loss_marginalises_over_unknown_tags(tag_ids, known):
    emissions = drawn(1, 4, 5)
    loss_mask = [float(t in known) for t in range(4)]
    loss = -np.log(agreeing_share(emissions[0], known))
    assert crf_loss(tag_ids, loss_mask, emissions=emissions) == pytest.approx(loss, rel=1e-4, abs=1e-5)


def test_crf_loss_is_weighted_by_the_mean_weight_of_known_tokens():
    emissions = drawn(1, 4, 5)
    loss = -np.log(agreeing_share(emissions[0], {0: 0, 1: 1, 3: 0}))
    weighted = crf_loss([0, 1, 0, 0], [1.0, 3.0, 0.0, 0.5], emissions=emissions)
    assert weighted == pytest.approx(1.5 * loss, rel=1e-4)


def test_crf_loss_marginalises_over_the_first_tag_of_a_window_that_begins_within_a_span():
    emissions = drawn(1, 4, 5)
    loss = -np.log(agreeing_share(emissions[0], {1: 2, 2: 0, 3: 0}))  # no complete sequence begins with I-X
    assert crf_loss([2, 2, 0, 0], [1.0] * 4, emissions=emissions) == pytest.approx(loss, rel=1e-4)


def test_a_window_of_one_token_within_a_span_has_no_crf_loss():
    assert crf_loss([2], [1.0]) == 0.0


def test_crf_loss_marginalises_over_the_last_tag_of_a_window_that_ends_within_a_span():
    output, emissions = traced(CRFHead, "IOBES")[0], drawn(2, 3, 5)
    mask = np.array([[True, True, True], [True, True, False]])  # O B I, and O B
    loss = output.loss(emissions, np.array([[0, 1, 2], [0, 1, 0]]), tf.cast(mask, tf.float32), mask)
    one, other = (crf_probabilities("IOBES", row[:n]) for row, n in zip(emissions, (3, 2), strict=True))
    shares = (
        sum(p for path, p in one.items() if path[:2] == (0, 1)),
        sum(p for path, p in other.items() if path[0] == 0),
    )
    assert float(loss) == pytest.approx(-np.log(shares[0]) - np.log(shares[1]), rel=1e-4)


@pytest.mark.parametrize("kind", [SoftmaxHead, ViterbiHead, CRFHead])
@pytest.mark.parametrize(("tag", "scheme"), [("O", "IOB2"), ("NN", "none"), ("S-X", "IOBES")])
def test_a_single_tag_is_certain_and_has_no_loss(kind, tag, scheme):
    output = kind((tag,), scheme)
    mask = np.array([[True, True], [True, False]])
    emissions = drawn(2, 2, 1)
    loss = output.loss(emissions, np.zeros([2, 2], np.int32), tf.cast(mask, tf.float32), mask)
    assert float(loss) == pytest.approx(0.0, abs=1e-6)
    tag_ids, confidence, span_confidence = (values.numpy()[mask] for values in output.decode(emissions, mask))
    assert tag_ids.tolist() == [0, 0, 0]
    np.testing.assert_allclose([confidence, span_confidence], 1.0, atol=1e-6)


@pytest.mark.parametrize("kind", [SoftmaxHead, ViterbiHead, CRFHead])
def test_a_high_temperature_lowers_confidences_and_does_not_change_tags(kind):
    emissions = drawn(3, 5, 5, scale=1.0)
    tag_ids, confidence, _ = decoded(kind, "IOB2", emissions)
    hot_tag_ids, hot_confidence, _ = decoded(kind, "IOB2", emissions, temperature=1000.0)
    assert (tag_ids == hot_tag_ids).all()
    assert hot_confidence.mean() < confidence.mean()


@pytest.mark.parametrize(
    ("kind", "scheme", "built"),
    [
        ("auto", "IOB2", ViterbiHead),
        ("auto", "none", SoftmaxHead),
        ("softmax", "IOBES", SoftmaxHead),
        ("viterbi", "none", ViterbiHead),
        ("crf", "none", CRFHead),
    ],
)
def test_a_head_is_built_by_name(kind, scheme, built):
    assert type(build_head(kind, ("O",), scheme)) is built
