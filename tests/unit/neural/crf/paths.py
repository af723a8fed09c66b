"""Test problems for a linear-chain CRF, and a referee that enumerates all paths in float64."""

from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from seqtag.neural._tensorflow import tf
from seqtag.neural.crf.linear_chain import ILLEGAL, TransitionScores, legal_transition_scores
from seqtag.tagging import legal_transitions

TIME = 5
IOB2 = legal_transitions(["O", "B-X", "I-X"], "IOB2")


@dataclass(frozen=True)
class Problem:
    """Sequences `[batch, time]` with emissions, tags, masks and transition scores."""

    emissions: np.ndarray
    tag_ids: np.ndarray
    mask: np.ndarray
    known: np.ndarray
    begins: np.ndarray
    chain: TransitionScores

    @property
    def scores(self):
        return self.emissions, self.mask, self.chain

    @property
    def labelled(self):
        return self.emissions, self.tag_ids, self.mask, self.chain


def make_problem(*, seed=0, n_tags=3, lengths=(5, 3, 1, 0), scale=2.0, legal=None, time=TIME):
    rng, shape = np.random.default_rng(seed), (len(lengths), time)
    chain = TransitionScores(
        *(scale * rng.uniform(-1, 1, s) for s in ((n_tags, n_tags), (n_tags,), (n_tags,)))
    )
    if legal is not None:
        chain = TransitionScores(
            *(
                np.where(ban < 0, ILLEGAL, own)
                for ban, own in zip(legal_transition_scores(legal), chain, strict=True)
            )
        )
    return Problem(
        emissions=(scale * rng.uniform(-1, 1, (*shape, n_tags))).astype(np.float32),
        tag_ids=rng.integers(0, n_tags, shape).astype(np.int32),
        mask=np.arange(time) < np.array(lengths)[:, None],
        known=rng.random(shape) < 0.5,
        begins=rng.random(shape) < 0.5,
        chain=TransitionScores(*(scores.astype(np.float32) for scores in chain)),
    )


@st.composite
def problems(draw):
    """Draw problems in which tag 0 may be adjacent to every tag and at either end."""
    n_tags, seed = draw(st.integers(1, 4)), draw(st.integers(0, 2**32 - 1))
    legal = np.random.default_rng(seed).random((n_tags + 1, n_tags + 1)) < draw(st.sampled_from([0.5, 1.0]))
    legal[0] = legal[:, 0] = True
    lengths = draw(st.lists(st.integers(0, TIME), min_size=1, max_size=4))
    scale = draw(st.sampled_from([2.0, 50.0]))
    return make_problem(seed=seed, n_tags=n_tags, lengths=lengths, scale=scale, legal=legal)


few = settings(max_examples=25, deadline=None)


@cache
def all_paths(n_tags, length):
    """Return all paths, `<int>[n_paths, length]`."""
    return np.array(list(product(range(n_tags), repeat=length)), dtype=int).reshape(n_tags**length, length)


def brute_scores(emissions, chain):
    """Return all paths and their scores, for one sequence without padding."""
    transitions, start, end = (np.asarray(scores, dtype=np.float64) for scores in chain)
    length, n_tags = emissions.shape
    paths = all_paths(n_tags, length)
    if length == 0:
        return paths, np.zeros(1)
    scores = start[paths[:, 0]] + end[paths[:, -1]]
    scores = scores + emissions.astype(np.float64)[np.arange(length), paths].sum(axis=1)
    return paths, scores + transitions[paths[:, :-1], paths[:, 1:]].sum(axis=1)


def log_sum(scores):
    return scores.max() + np.log(np.exp(scores - scores.max()).sum()) if len(scores) else -np.inf


def each_sequence(problem):
    """Yield row, length, all paths and their scores."""
    for row, (emissions, length) in enumerate(zip(problem.emissions, problem.mask.sum(axis=1), strict=True)):
        yield row, length, *brute_scores(emissions[:length], problem.chain)


def brute_log_partition(problem):
    return np.array([log_sum(scores) for *_, scores in each_sequence(problem)])


def brute_log_likelihood(problem, known):
    likelihoods = []
    for row, length, paths, scores in each_sequence(problem):
        agree = ((paths == problem.tag_ids[row, :length]) | ~known[row, :length]).all(axis=1)
        likelihoods.append(log_sum(scores[agree]) - log_sum(scores))
    return np.array(likelihoods)


def brute_marginals(problem):
    expected = np.zeros(problem.emissions.shape)
    for row, length, paths, scores in each_sequence(problem):
        probabilities = np.exp(scores - log_sum(scores))
        for t in range(length):
            np.add.at(expected[row, t], paths[:, t], probabilities)
    return expected


def assert_close(ours, theirs, *, atol=1e-4):
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=atol)


def gradients(function, problem, *, upstream=None):
    """Return the gradients at the emissions and the chain."""
    watched = [tf.convert_to_tensor(array) for array in (problem.emissions, *problem.chain)]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        values = function(replace(problem, emissions=watched[0], chain=TransitionScores(*watched[1:])))
        total = tf.reduce_sum(values if upstream is None else values * tf.cast(upstream, values.dtype))
    return tape.gradient(total, watched)


def plain_log_partition(problem):
    """Return the log partition by the textbook recursion, with the sum taken at the end of each sequence."""
    emissions = tf.cast(problem.emissions, tf.float64)
    transitions, start, end = (tf.cast(scores, tf.float64) for scores in problem.chain)
    alpha = start + emissions[:, 0]
    for t in range(1, emissions.shape[1]):
        onward = tf.reduce_logsumexp(alpha[:, :, None] + transitions, axis=1) + emissions[:, t]
        alpha = tf.where(problem.mask[:, t, None], onward, alpha)
    total = tf.reduce_logsumexp(alpha + end, axis=-1)
    return tf.where(problem.mask[:, 0], total, tf.zeros_like(total))


def finite_differences(function, problem, *, step=1e-4):
    """Return the numerical gradients of the sum of a function, at the emissions and the chain."""
    arrays = [np.asarray(array, dtype=np.float64) for array in (problem.emissions, *problem.chain)]
    slopes = [np.zeros(array.shape) for array in arrays]
    for array, slope in zip(arrays, slopes, strict=True):
        for place in np.ndindex(array.shape):
            totals = []
            for shift in (step, -2 * step):
                array[place] += shift
                totals.append(
                    function(replace(problem, emissions=arrays[0], chain=TransitionScores(*arrays[1:]))).sum()
                )
            array[place] += step
            slope[place] = (totals[0] - totals[1]) / (2 * step)
    return slopes
