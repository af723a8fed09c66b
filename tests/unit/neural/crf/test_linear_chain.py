"""Brute force over all paths in float64 is the referee."""

import doctest
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtag.errors import ConfigError
from seqtag.neural._keras import keras
from seqtag.neural._tensorflow import tf
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
    make_problem,
    plain_log_partition,
    problems,
)


@few
@given(problem=problems())
def test_log_partition_sums_over_all_paths(problem):
    assert_close(log_partition(*problem.scores), brute_log_partition(problem))


@few
@given(problem=problems())
def test_path_score_equals_brute_force(problem):
    ours = path_score(*problem.labelled)
    for row, length, paths, scores in each_sequence(problem):
        (at,) = np.flatnonzero((paths == problem.tag_ids[row, :length]).all(axis=1))
        assert_close(ours[row], scores[at])


@pytest.mark.parametrize("legal", [None, IOB2])
def test_gradients_of_the_log_partition_equal_finite_differences(legal):
    problem = make_problem(legal=legal)
    slopes = finite_differences(brute_log_partition, problem)
    for ours, theirs in zip(gradients(lambda a: log_partition(*a.scores), problem), slopes, strict=True):
        assert_close(ours, theirs)


@few
@given(problem=problems())
def test_gradients_of_the_log_partition_equal_those_of_the_plain_recursion(problem):
    upstream = np.linspace(-1, 2, len(problem.mask))
    ours = gradients(lambda a: log_partition(*a.scores), problem, upstream=upstream)
    theirs = gradients(plain_log_partition, problem, upstream=upstream)
    for own, other in zip(ours, theirs, strict=True):
        assert_close(own, other)


@pytest.mark.parametrize("partial", [False, True])
def test_gradients_of_the_log_likelihood_equal_finite_differences(partial):
    problem = make_problem(seed=1, legal=IOB2)
    problem = replace(problem, tag_ids=np.minimum(problem.tag_ids, 1))  # O and B-X: all legal
    known = problem.known if partial else np.ones_like(problem.known)
    slopes = finite_differences(lambda a: brute_log_likelihood(a, known), problem)
    ours = gradients(lambda a: log_likelihood(*a.labelled, known=known if partial else None), problem)
    for own, other in zip(ours, slopes, strict=True):
        assert_close(own, other)


def test_gradients_of_the_marginals_equal_finite_differences():
    problem, upstream = make_problem(legal=IOB2), np.linspace(-1, 2, 4 * TIME * 3).reshape(4, TIME, 3)
    slopes = finite_differences(lambda a: brute_marginals(a) * upstream, problem)
    for ours, theirs in zip(
        gradients(lambda a: marginals(*a.scores), problem, upstream=upstream), slopes, strict=True
    ):
        assert_close(ours, theirs)


@few
@given(problem=problems())
def test_viterbi_finds_the_best_path(problem):
    tag_ids, scores = viterbi(*problem.scores)
    assert_close(scores, [scores.max() for *_, scores in each_sequence(problem)])
    assert_close(path_score(problem.emissions, tag_ids, problem.mask, problem.chain), scores)
    assert not np.any(tag_ids.numpy()[~problem.mask])


@few
@given(problem=problems(), n=st.integers(1, 6))
def test_n_best_are_the_n_best_paths_in_order(problem, n):
    tag_ids, ours = (tensor.numpy() for tensor in n_best(*problem.scores, n=n))
    for row, length, paths, scores in each_sequence(problem):
        there = min(n, len(paths))
        assert_close(ours[row, :there], np.sort(scores)[::-1][:there])
        decoded = tag_ids[row, :there, :length]
        assert len(np.unique(decoded, axis=0)) == there
        for path, score in zip(decoded, ours[row], strict=False):
            assert_close(score, scores[(paths == path).all(axis=1)][0])
        assert (ours[row, there:] < -1e8).all()
        assert not tag_ids[row, :, length:].any()


@few
@given(problem=problems())
def test_marginals_are_the_probability_of_all_paths_through_a_tag(problem):
    assert_close(marginals(*problem.scores), brute_marginals(problem))


@few
@given(problem=problems())
def test_segment_probabilities_equal_brute_force(problem):
    problem = replace(problem, tag_ids=np.where(problem.known, problem.tag_ids, 0))  # 0 may follow everything
    ours = segment_log_probability(*problem.labelled, begins=problem.begins).numpy()
    for row, length, paths, scores in each_sequence(problem):
        starts = [t for t in range(length) if t == 0 or problem.begins[row, t]]
        for start, stop in pairwise([*starts, length]):
            agree = (paths[:, start:stop] == problem.tag_ids[row, start:stop]).all(axis=1)
            log_probability = log_sum(scores[agree]) - log_sum(scores)
            if log_probability > ILLEGAL / 2:
                assert_close(ours[row, start:stop], log_probability)
            else:
                assert (ours[row, start:stop] < ILLEGAL / 2).all()
    assert not ours[~problem.mask].any()


def test_a_segment_of_all_tokens_is_a_path_and_one_of_one_token_a_marginal():
    problem = make_problem(scale=50.0)
    whole = segment_log_probability(*problem.labelled, begins=np.zeros_like(problem.mask))
    assert_close(whole, problem.mask * log_likelihood(*problem.labelled).numpy()[:, None])
    single = np.exp(segment_log_probability(*problem.labelled, begins=np.ones_like(problem.mask)))
    taken = np.take_along_axis(marginals(*problem.scores).numpy(), problem.tag_ids[..., None], axis=2)[..., 0]
    assert_close(single[problem.mask], taken[problem.mask], atol=1e-6)


@few
@given(problem=problems())
def test_the_log_likelihood_marginalises_over_unknown_tags(problem):
    problem = replace(problem, tag_ids=np.zeros_like(problem.tag_ids))  # 0 may follow everything
    assert_close(
        log_likelihood(*problem.labelled, known=problem.known), brute_log_likelihood(problem, problem.known)
    )


def test_a_mask_of_known_tags_only_does_not_change_the_log_likelihood():
    problem = make_problem()
    everywhere = log_likelihood(*problem.labelled, known=np.ones_like(problem.mask))
    assert_close(everywhere, log_likelihood(*problem.labelled))


def test_sequences_without_a_known_tag_have_no_loss():
    problem = make_problem()
    problem = replace(problem, tag_ids=np.full_like(problem.tag_ids, -1))
    nowhere = np.zeros_like(problem.mask)
    loss = negative_log_likelihood(*problem.labelled, known=nowhere, tag_weights=np.ones(3, np.float32))
    assert loss.numpy().tolist() == [0.0] * 4


def test_loss_is_multiplied_by_sequence_weight_and_mean_weight_of_known_tags():
    problem = make_problem(lengths=(2, 2, 1, 0))
    problem = replace(problem, tag_ids=np.array([[0, 2, 9, 9, 9]] * 4, np.int32))
    plain = negative_log_likelihood(*problem.labelled).numpy()
    assert_close(plain, -log_likelihood(*problem.labelled))
    tag_weights = np.array([1, 100, 4], np.float32)
    sequence_weights = np.array([1, 10, 1, 1], np.float32)
    both = {"tag_weights": tag_weights, "sequence_weights": sequence_weights}
    assert_close(negative_log_likelihood(*problem.labelled, **both), plain * [2.5, 25, 1, 1])
    second = np.array([[False, True, True, True, True]] * 4)
    partial = negative_log_likelihood(*problem.labelled, known=second).numpy()
    weighted = negative_log_likelihood(*problem.labelled, known=second, tag_weights=tag_weights)
    assert_close(weighted, partial * [4, 4, 0, 0])


def test_a_tag_with_a_very_low_score_may_be_on_the_best_path():
    """B-X scores 90 less than O, but leads to I-X, which scores 100 more than the other tags."""
    emissions = np.array([[[40, -50, -50], [-50, -50, 50], [-50, -50, 50]]], np.float32)
    mask, chain = np.ones((1, 3), np.bool_), legal_transition_scores(IOB2)
    assert viterbi(emissions, mask, chain)[0].numpy().tolist() == [[1, 2, 2]]
    assert_close(log_partition(emissions, mask, chain), [50.0])
    assert_close(marginals(emissions, mask, chain)[0, :, 2], [0.0, 1.0, 1.0])


def test_illegal_transitions_are_neither_decoded_nor_learned():
    layer = CRF(3, IOB2)
    layer.transitions.assign([[0.0, 0.0, 30.0]] * 3)  # favours O to I-X, which is illegal
    problem = make_problem(scale=50.0, lengths=(5, 4, 3, 2))
    best, _ = viterbi(problem.emissions, problem.mask, layer.chain)
    five, _ = n_best(problem.emissions, problem.mask, layer.chain, n=5)
    for row, length in enumerate((5, 4, 3, 2)):
        for path in (best.numpy()[row, :length], *five.numpy()[row, :, :length]):
            assert IOB2[np.append(-1, path), np.append(path, -1)].all()
    with tf.GradientTape() as tape:
        loss = negative_log_likelihood(problem.emissions, problem.tag_ids, problem.mask, layer.chain)
    transitions, start, end = tape.gradient(loss, [layer.transitions, layer.start, layer.end])
    assert transitions[0, 2] == 0.0
    assert start[2] == 0.0
    assert np.count_nonzero(transitions) + np.count_nonzero(start) + np.count_nonzero(end) > 5


def test_an_illegal_transition_between_probable_tags_has_gradient_0():
    """O I-X would score 707 more than any legal path, and 100 * e^707 overflows."""
    emissions = np.array([[[0, -707, -707], [-707, -707, 0]]] * 100, np.float32)
    problem = replace(
        make_problem(),
        emissions=emissions,
        mask=np.ones((100, 2), np.bool_),
        chain=legal_transition_scores(IOB2),
    )
    _, transitions, start, _ = gradients(lambda a: log_partition(*a.scores), problem)
    assert transitions[0, 2] == 0.0
    assert start[2] == 0.0
    assert np.isfinite(transitions).all()


def test_scores_and_gradients_stay_finite_if_no_path_is_legal():
    legal = legal_transitions(["B-X", "I-X", "E-X"], "IOBES")
    problem = make_problem(legal=legal, lengths=(1, 2, 1, 5))
    assert_close(log_partition(*problem.scores)[:3], brute_log_partition(problem)[:3], atol=10.0)
    known = np.ones_like(problem.mask)
    for slopes in (
        gradients(lambda a: log_partition(*a.scores), problem),
        gradients(lambda a: log_likelihood(*a.labelled), problem),
        gradients(lambda a: log_likelihood(*a.labelled, known=known), problem),
    ):
        assert all(np.isfinite(slope).all() for slope in slopes)
    assert_close(np.sum(marginals(*problem.scores), axis=-1), problem.mask, atol=1e-6)


def answers(problem):
    """Return the results of all functions, one row per sequence."""
    return [
        log_partition(*problem.scores),
        log_likelihood(*problem.labelled),
        log_likelihood(*problem.labelled, known=problem.known),
        *viterbi(*problem.scores),
        *n_best(*problem.scores, n=3),
        marginals(*problem.scores),
        segment_log_probability(*problem.labelled, begins=problem.begins),
        gradients(lambda a: log_likelihood(*a.labelled, known=a.known), problem)[0],
    ]


def test_padding_and_batch_order_have_no_effect():
    problem, order = make_problem(legal=IOB2), [2, 0, 3, 1]
    padding = {"emissions": np.nan, "tag_ids": 99, "mask": False, "known": True, "begins": True}
    wider = {}
    for name, value in padding.items():
        array = getattr(problem, name)[order]
        wider[name] = np.concatenate([array, array[:, :2]], axis=1)
        wider[name][np.arange(TIME + 2) >= np.array([1, 5, 0, 3])[:, None]] = value
    for plain, padded in zip(answers(problem), answers(replace(problem, **wider)), strict=True):
        expected = np.zeros(padded.shape)  # the additional columns are padding
        expected[tuple(slice(size) for size in plain.shape)] = plain.numpy()[order]
        np.testing.assert_allclose(padded, expected, rtol=1e-5, atol=1e-5)


@cache
def graph(*, jit):
    """Return `answers` as a graph in which only the number of tags is static."""
    ragged = [tf.TensorSpec([None, None, 3])]
    ragged += [tf.TensorSpec([None, None], dtype) for dtype in (tf.int32, tf.bool, tf.bool, tf.bool)]
    chain = TransitionScores(*(tf.TensorSpec(shape) for shape in ((3, 3), (3,), (3,))))

    @tf.function(input_signature=[*ragged, chain], jit_compile=jit)
    def answer(*arrays):
        return answers(Problem(*arrays))

    return lambda problem: answer(*(getattr(problem, name) for name in Problem.__dataclass_fields__))


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("time", [TIME, 1])
def test_graphs_and_eager_calls_agree(jit, time):
    problem = make_problem(legal=IOB2, lengths=(time, time // 2, 0), time=time)
    for ours, theirs in zip(graph(jit=jit)(problem), answers(problem), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_gradients_compiled_for_static_shapes_equal_eager_ones():
    problem = make_problem(legal=IOB2)
    slopes = gradients(lambda a: negative_log_likelihood(*a.labelled, known=a.known), problem)
    compiled = tf.function(
        lambda emissions, chain: gradients(
            lambda a: negative_log_likelihood(*a.labelled, known=a.known),
            replace(problem, emissions=emissions, chain=chain),
        ),
        jit_compile=True,
    )(problem.emissions, problem.chain)
    for ours, theirs in zip(compiled, slopes, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_scores_of_no_token_and_of_one_token():
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
    problem = make_problem(n_tags=1)
    assert_close(log_likelihood(*problem.labelled), np.zeros(4), atol=1e-6)
    assert marginals(*problem.scores).numpy()[..., 0].tolist() == problem.mask.tolist()


def test_a_long_sequence_stays_finite_and_its_marginals_sum_to_1():
    problem = make_problem(scale=50.0, lengths=(2000, 1999), time=2000, legal=IOB2)

    @tf.function
    def read():
        slopes = gradients(lambda a: log_partition(*a.scores), problem)
        return (
            marginals(*problem.scores),
            log_partition(*problem.scores) - viterbi(*problem.scores)[1],
            slopes,
        )

    probabilities, excess, slopes = read()
    np.testing.assert_allclose(tf.reduce_sum(probabilities, axis=-1), problem.mask, rtol=1e-5)
    assert all(np.isfinite(slope).all() for slope in slopes)
    assert (excess.numpy() > -1e-2).all()  # the spacing of float32 is 0.008 there
    assert (excess.numpy() < 2000 * np.log(3)).all()


def test_legal_transitions_score_0_and_others_illegal():
    chain = legal_transition_scores(IOB2)
    assert chain.transitions.tolist() == [[0, 0, ILLEGAL], [0, 0, 0], [0, 0, 0]]
    assert chain.start.tolist() == [0, 0, ILLEGAL]
    assert chain.end.tolist() == [0, 0, 0]
    assert doctest.testmod(chain_module).failed == 0


def test_the_layer_returns_marginals_and_takes_its_mask_from_the_embedding():
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


def test_legal_transitions_of_the_wrong_shape_are_rejected():
    with pytest.raises(ConfigError, match=r"`legal` has shape \(4, 4\); expected \(3, 3\)"):
        CRF(2, IOB2)
