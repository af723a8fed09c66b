"""The referee is brute force: every path of every sequence, in float64."""

import doctest
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtag.errors import ConfigError
from seqtag.neural._tensorflow import keras, tf
from seqtag.neural.crf import forward_backward as chain_module
from seqtag.neural.crf.linear_chain import (
    CRF,
    ILLEGAL,
    TransitionScores,
    legal_transition_scores,
    log_likelihood,
    log_partition,
    marginals,
    n_best,
    negative_log_likelihood,
    path_score,
    segment_log_probability,
    viterbi,
)
from seqtag.tagging import legal_transitions
from tests.unit.neural.crf.paths import (
    IOB2,
    TIME,
    Problem,
    assert_close,
    brute_log_likelihood,
    brute_log_partition,
    brute_marginals,
    each_sequence,
    few,
    finite_differences,
    gradients,
    log_sum,
    plain_log_partition,
    problem,
    problems,
)


@few
@given(asked=problems())
def test_log_partition_sums_over_all_paths(asked):
    assert_close(log_partition(*asked.scores), brute_log_partition(asked))


@few
@given(asked=problems())
def test_path_score_is_that_of_the_path(asked):
    ours = path_score(*asked.labelled)
    for row, length, paths, scores in each_sequence(asked):
        (at,) = np.flatnonzero((paths == asked.tag_ids[row, :length]).all(axis=1))
        assert_close(ours[row], scores[at])


@pytest.mark.parametrize("legal", [None, IOB2])
def test_gradients_of_the_log_partition_are_the_slopes_of_brute_force(legal):
    asked = problem(legal=legal)
    slopes = finite_differences(brute_log_partition, asked)
    for ours, theirs in zip(gradients(lambda a: log_partition(*a.scores), asked), slopes, strict=True):
        assert_close(ours, theirs)


@few
@given(asked=problems())
def test_gradients_of_the_log_partition_are_those_of_the_plain_recursion(asked):
    upstream = np.linspace(-1, 2, len(asked.mask))
    ours = gradients(lambda a: log_partition(*a.scores), asked, upstream=upstream)
    theirs = gradients(plain_log_partition, asked, upstream=upstream)
    for own, other in zip(ours, theirs, strict=True):
        assert_close(own, other)


@pytest.mark.parametrize("partial", [False, True])
def test_gradients_of_the_log_likelihood_are_the_slopes_of_brute_force(partial):
    asked = problem(seed=1, legal=IOB2)
    asked = replace(asked, tag_ids=np.minimum(asked.tag_ids, 1))  # O and B-X: all legal
    known = asked.known if partial else np.ones_like(asked.known)
    slopes = finite_differences(lambda a: brute_log_likelihood(a, known), asked)
    ours = gradients(lambda a: log_likelihood(*a.labelled, known=known if partial else None), asked)
    for own, other in zip(ours, slopes, strict=True):
        assert_close(own, other)


def test_gradients_of_the_marginals_are_the_slopes_of_brute_force():
    asked, upstream = problem(legal=IOB2), np.linspace(-1, 2, 4 * TIME * 3).reshape(4, TIME, 3)
    slopes = finite_differences(lambda a: brute_marginals(a) * upstream, asked)
    for ours, theirs in zip(
        gradients(lambda a: marginals(*a.scores), asked, upstream=upstream), slopes, strict=True
    ):
        assert_close(ours, theirs)


@few
@given(asked=problems())
def test_viterbi_finds_the_best_path(asked):
    tag_ids, scores = viterbi(*asked.scores)
    assert_close(scores, [scores.max() for *_, scores in each_sequence(asked)])
    assert_close(path_score(asked.emissions, tag_ids, asked.mask, asked.chain), scores)
    assert not np.any(tag_ids.numpy()[~asked.mask])


@few
@given(asked=problems(), n=st.integers(1, 6))
def test_n_best_are_the_n_best_paths_in_order(asked, n):
    tag_ids, ours = (tensor.numpy() for tensor in n_best(*asked.scores, n=n))
    for row, length, paths, scores in each_sequence(asked):
        there = min(n, len(paths))
        assert_close(ours[row, :there], np.sort(scores)[::-1][:there])
        decoded = tag_ids[row, :there, :length]
        assert len(np.unique(decoded, axis=0)) == there
        for path, score in zip(decoded, ours[row], strict=False):
            assert_close(score, scores[(paths == path).all(axis=1)][0])
        assert (ours[row, there:] < -1e8).all()
        assert not tag_ids[row, :, length:].any()


@few
@given(asked=problems())
def test_marginals_are_the_share_of_the_paths_through_a_tag(asked):
    assert_close(marginals(*asked.scores), brute_marginals(asked))


@few
@given(asked=problems())
def test_a_segment_is_as_probable_as_the_paths_through_it(asked):
    asked = replace(asked, tag_ids=np.where(asked.known, asked.tag_ids, 0))  # 0 may follow everything
    ours = segment_log_probability(*asked.labelled, begins=asked.begins).numpy()
    for row, length, paths, scores in each_sequence(asked):
        starts = [t for t in range(length) if t == 0 or asked.begins[row, t]]
        for start, stop in pairwise([*starts, length]):
            agree = (paths[:, start:stop] == asked.tag_ids[row, start:stop]).all(axis=1)
            share = log_sum(scores[agree]) - log_sum(scores)
            if share > ILLEGAL / 2:
                assert_close(ours[row, start:stop], share)
            else:
                assert (ours[row, start:stop] < ILLEGAL / 2).all()
    assert not ours[~asked.mask].any()


def test_a_segment_of_all_tokens_is_the_path_and_one_of_one_token_a_marginal():
    asked = problem(scale=50.0)
    whole = segment_log_probability(*asked.labelled, begins=np.zeros_like(asked.mask))
    assert_close(whole, asked.mask * log_likelihood(*asked.labelled).numpy()[:, None])
    single = np.exp(segment_log_probability(*asked.labelled, begins=np.ones_like(asked.mask)))
    taken = np.take_along_axis(marginals(*asked.scores).numpy(), asked.tag_ids[..., None], axis=2)[..., 0]
    assert_close(single[asked.mask], taken[asked.mask], atol=1e-6)


@few
@given(asked=problems())
def test_unknown_tags_are_summed_over(asked):
    asked = replace(asked, tag_ids=np.zeros_like(asked.tag_ids))  # 0 may follow everything
    assert_close(log_likelihood(*asked.labelled, known=asked.known), brute_log_likelihood(asked, asked.known))


def test_a_path_of_known_tags_alone_is_as_probable_as_without_saying_so():
    asked = problem()
    everywhere = log_likelihood(*asked.labelled, known=np.ones_like(asked.mask))
    assert_close(everywhere, log_likelihood(*asked.labelled))


def test_sequences_without_a_known_tag_have_no_loss():
    asked = problem()
    asked = replace(asked, tag_ids=np.full_like(asked.tag_ids, -1))
    nowhere = np.zeros_like(asked.mask)
    loss = negative_log_likelihood(*asked.labelled, known=nowhere, tag_weights=np.ones(3, np.float32))
    assert loss.numpy().tolist() == [0.0] * 4


def test_weights_multiply_the_loss_by_the_sequence_and_by_the_mean_of_its_known_tags():
    asked = problem(lengths=(2, 2, 1, 0))
    asked = replace(asked, tag_ids=np.array([[0, 2, 9, 9, 9]] * 4, np.int32))
    plain = negative_log_likelihood(*asked.labelled).numpy()
    assert_close(plain, -log_likelihood(*asked.labelled))
    tag_weights = np.array([1, 100, 4], np.float32)
    sequence_weights = np.array([1, 10, 1, 1], np.float32)
    both = {"tag_weights": tag_weights, "sequence_weights": sequence_weights}
    assert_close(negative_log_likelihood(*asked.labelled, **both), plain * [2.5, 25, 1, 1])
    second = np.array([[False, True, True, True, True]] * 4)
    partial = negative_log_likelihood(*asked.labelled, known=second).numpy()
    weighted = negative_log_likelihood(*asked.labelled, known=second, tag_weights=tag_weights)
    assert_close(weighted, partial * [4, 4, 0, 0])


def test_a_tag_far_behind_may_be_on_the_best_path():
    """B-X is 90 behind O, and I-X, which only B-X leads to, 100 ahead of all others after it."""
    emissions = np.array([[[40, -50, -50], [-50, -50, 50], [-50, -50, 50]]], np.float32)
    mask, chain = np.ones((1, 3), np.bool_), legal_transition_scores(IOB2)
    assert viterbi(emissions, mask, chain)[0].numpy().tolist() == [[1, 2, 2]]
    assert_close(log_partition(emissions, mask, chain), [50.0])
    assert_close(marginals(emissions, mask, chain)[0, :, 2], [0.0, 1.0, 1.0])


def test_what_is_illegal_is_neither_decoded_nor_learnt():
    layer = CRF(3, IOB2)
    layer.transitions.assign([[0.0, 0.0, 30.0]] * 3)  # O to I-X, which is not legal, seems the best
    asked = problem(scale=50.0, lengths=(5, 4, 3, 2))
    best, _ = viterbi(asked.emissions, asked.mask, layer.chain)
    five, _ = n_best(asked.emissions, asked.mask, layer.chain, n=5)
    for row, length in enumerate((5, 4, 3, 2)):
        for path in (best.numpy()[row, :length], *five.numpy()[row, :, :length]):
            assert IOB2[np.append(-1, path), np.append(path, -1)].all()
    with tf.GradientTape() as tape:
        loss = negative_log_likelihood(asked.emissions, asked.tag_ids, asked.mask, layer.chain)
    transitions, start, end = tape.gradient(loss, [layer.transitions, layer.start, layer.end])
    assert transitions[0, 2] == 0.0
    assert start[2] == 0.0
    assert np.count_nonzero(transitions) + np.count_nonzero(start) + np.count_nonzero(end) > 5


def test_an_illegal_transition_has_gradient_0_however_probable_its_two_tags_are():
    """O and then I-X would be 707 ahead of all that is legal, and a hundred times e^707 is infinite."""
    emissions = np.array([[[0, -707, -707], [-707, -707, 0]]] * 100, np.float32)
    asked = replace(
        problem(), emissions=emissions, mask=np.ones((100, 2), np.bool_), chain=legal_transition_scores(IOB2)
    )
    _, transitions, start, _ = gradients(lambda a: log_partition(*a.scores), asked)
    assert transitions[0, 2] == 0.0
    assert start[2] == 0.0
    assert np.isfinite(transitions).all()


def test_where_no_path_is_legal_scores_and_gradients_stay_finite():
    legal = legal_transitions(["B-X", "I-X", "E-X"], "IOBES")
    asked = problem(legal=legal, lengths=(1, 2, 1, 5))
    assert_close(log_partition(*asked.scores)[:3], brute_log_partition(asked)[:3], atol=10.0)
    known = np.ones_like(asked.mask)
    for slopes in (
        gradients(lambda a: log_partition(*a.scores), asked),
        gradients(lambda a: log_likelihood(*a.labelled), asked),
        gradients(lambda a: log_likelihood(*a.labelled, known=known), asked),
    ):
        assert all(np.isfinite(slope).all() for slope in slopes)
    assert_close(np.sum(marginals(*asked.scores), axis=-1), asked.mask, atol=1e-6)


def answers(asked):
    """Everything that there is to know, one row a sequence."""
    return [
        log_partition(*asked.scores),
        log_likelihood(*asked.labelled),
        log_likelihood(*asked.labelled, known=asked.known),
        *viterbi(*asked.scores),
        *n_best(*asked.scores, n=3),
        marginals(*asked.scores),
        segment_log_probability(*asked.labelled, begins=asked.begins),
        gradients(lambda a: log_likelihood(*a.labelled, known=a.known), asked)[0],
    ]


def test_padding_and_batch_order_change_nothing():
    asked, order = problem(legal=IOB2), [2, 0, 3, 1]
    anything = {"emissions": np.nan, "tag_ids": 99, "mask": False, "known": True, "begins": True}
    wider = {}
    for name, value in anything.items():
        array = getattr(asked, name)[order]
        wider[name] = np.concatenate([array, array[:, :2]], axis=1)
        wider[name][np.arange(TIME + 2) >= np.array([1, 5, 0, 3])[:, None]] = value
    for plain, padded in zip(answers(asked), answers(replace(asked, **wider)), strict=True):
        expected = np.zeros(padded.shape)  # what is wider only is padding
        expected[tuple(slice(size) for size in plain.shape)] = plain.numpy()[order]
        np.testing.assert_allclose(padded, expected, rtol=1e-5, atol=1e-5)


@cache
def graph(*, jit):
    """`answers` with all axes but the tags' unknown."""
    ragged = [tf.TensorSpec([None, None, 3])]
    ragged += [tf.TensorSpec([None, None], dtype) for dtype in (tf.int32, tf.bool, tf.bool, tf.bool)]
    chain = TransitionScores(*(tf.TensorSpec(shape) for shape in ((3, 3), (3,), (3,))))

    @tf.function(input_signature=[*ragged, chain], jit_compile=jit)
    def answer(*arrays):
        return answers(Problem(*arrays))

    return lambda asked: answer(*(getattr(asked, name) for name in Problem.__dataclass_fields__))


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("time", [TIME, 1])
def test_graphs_say_what_eager_calls_say(jit, time):
    asked = problem(legal=IOB2, lengths=(time, time // 2, 0), time=time)
    for ours, theirs in zip(graph(jit=jit)(asked), answers(asked), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_a_step_compiled_for_static_shapes_learns_what_an_eager_one_learns():
    asked = problem(legal=IOB2)
    slopes = gradients(lambda a: negative_log_likelihood(*a.labelled, known=a.known), asked)
    compiled = tf.function(
        lambda emissions, chain: gradients(
            lambda a: negative_log_likelihood(*a.labelled, known=a.known),
            replace(asked, emissions=emissions, chain=chain),
        ),
        jit_compile=True,
    )(asked.emissions, asked.chain)
    for ours, theirs in zip(compiled, slopes, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_no_token_scores_0_and_one_token_its_start_emission_and_end():
    emissions = np.array([[[9.0, 9.0]], [[1.0, 2.0]]], np.float32)
    mask = np.array([[False], [True]])
    chain = TransitionScores(
        np.full((2, 2), 7, np.float32), np.array([10, 20], np.float32), np.array([100, 200], np.float32)
    )
    tag_ids, scores = viterbi(emissions, mask, chain)
    assert tag_ids.numpy().tolist() == [[0], [1]]
    assert scores.numpy().tolist() == [0.0, 222.0]
    assert log_partition(emissions, mask, chain).numpy().tolist() == [0.0, 222.0]
    assert path_score(emissions, np.zeros((2, 1), np.int32), mask, chain).numpy().tolist() == [0.0, 111.0]
    assert n_best(emissions, mask, chain, n=2)[1].numpy().tolist() == [[0.0, -1e9], [222.0, 111.0]]


def test_a_single_tag_is_certain():
    asked = problem(n_tags=1)
    assert_close(log_likelihood(*asked.labelled), np.zeros(4), atol=1e-6)
    assert marginals(*asked.scores).numpy()[..., 0].tolist() == asked.mask.tolist()


def test_a_long_sequence_stays_finite_and_its_marginals_sum_to_1():
    asked = problem(scale=50.0, lengths=(2000, 1999), time=2000, legal=IOB2)

    @tf.function
    def read():
        slopes = gradients(lambda a: log_partition(*a.scores), asked)
        return marginals(*asked.scores), log_partition(*asked.scores) - viterbi(*asked.scores)[1], slopes

    probabilities, excess, slopes = read()
    np.testing.assert_allclose(tf.reduce_sum(probabilities, axis=-1), asked.mask, rtol=1e-5)
    assert all(np.isfinite(slope).all() for slope in slopes)
    assert (excess.numpy() > -1e-2).all()  # float32 has steps of 0.008 there
    assert (excess.numpy() < 2000 * np.log(3)).all()


def test_legal_transitions_score_0_and_others_illegal():
    chain = legal_transition_scores(IOB2)
    assert chain.transitions.tolist() == [[0, 0, ILLEGAL], [0, 0, 0], [0, 0, 0]]
    assert chain.start.tolist() == [0, 0, ILLEGAL]
    assert chain.end.tolist() == [0, 0, 0]
    assert doctest.testmod(chain_module).failed == 0


def test_the_layer_reads_marginals_and_takes_its_mask_from_the_embedding():
    token_ids = keras.Input((None,), dtype="int32")
    emissions = keras.layers.Embedding(7, 3, mask_zero=True)(token_ids)
    layer = CRF(3, IOB2, name="crf")
    model = keras.Model(token_ids, [emissions, layer(emissions)])
    assert [weight.path for weight in layer.weights] == ["crf/transitions", "crf/start", "crf/end"]
    layer.end.assign([1.0, 2.0, 3.0])
    batch = np.array([[2, 3, 4], [5, 0, 0]], np.int32)
    emissions, probabilities = model(batch)
    assert model.output_shape[1] == (None, None, 3)
    assert_close(probabilities, marginals(emissions, batch > 0, layer.chain), atol=1e-6)
    assert_close(layer(emissions.numpy())[0], probabilities[0], atol=1e-6)


def test_a_layer_is_rebuilt_from_its_configuration():
    layer = CRF(3, IOB2, name="tags")
    again = CRF.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.name == "tags"
    assert again.legal.tolist() == IOB2.tolist()
    assert CRF(2).legal.all()


def test_legal_transitions_of_other_tags_are_refused():
    with pytest.raises(ConfigError, match=r"\(3, 3\) were required. Received: \(4, 4\)"):
        CRF(2, IOB2)
