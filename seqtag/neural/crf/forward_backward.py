"""Forward-backward algorithm for linear-chain CRFs, time-major and in float64.

`seqtag.neural.crf.linear_chain` offers the same batch-major and in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtag.neural._tensorflow import tf

ILLEGAL = -1e4  # finite, because minus infinity becomes NaN in sums of scores and in gradients
NEVER = -1e9  # below the score of any path, however many illegal transitions it contains
_LEAST = 1e-300  # keeps the gradient of the logarithm finite


class TransitionScores(NamedTuple):
    """Scores of adjacent tags, independent of the tokens.

    All scores must be finite. Sums over paths treat scores below -690 as `ILLEGAL`.

    Attributes:
        transitions: `<float32>[n_tags, n_tags]`, from the row's tag to the column's tag.
        start: `<float32>[n_tags]`, score of each tag as the first one.
        end: `<float32>[n_tags]`, score of each tag as the last one.
    """

    transitions: Any
    start: Any
    end: Any


def legal_transition_scores(legal: npt.NDArray[np.bool_]) -> TransitionScores:
    """Return a chain that scores legal transitions 0 and all others `ILLEGAL`.

    Args:
        legal: `<bool>[n_tags + 1, n_tags + 1]`, True if the column's tag may follow the row's tag. The last
            row is the start of a sequence, the last column its end, as in `seqtag.tagging.legal_transitions`.

    >>> import numpy as np
    >>> legal_transition_scores(np.array([[True, True], [False, True]])).start  # the tag may not be first
    array([-10000.], dtype=float32)
    """
    return TransitionScores(*(np.where(part, 0.0, ILLEGAL).astype(np.float32) for part in legal_parts(legal)))


def legal_parts(legal: npt.NDArray[np.bool_]) -> TransitionScores:
    """Split a matrix of legal transitions into `<bool>` transitions, start and end."""
    return TransitionScores(legal[:-1, :-1], legal[-1, :-1], legal[:-1, -1])


def time_major(emissions: Any, mask: Any, chain: TransitionScores) -> tuple[Any, Any, TransitionScores]:
    """Return emissions `<float64>[time, batch, n_tags]`, mask `<bool>[time, batch]` and chain (float64).

    Emissions are 0 at padding. exp(x) underflows below x = -708 in float64, but below -87 in float32, which
    would lose a tag that scores 100 less than the best one although the best path may contain it. Besides,
    a GPU may compute float32 products in TF32.
    """
    emissions = tf.where(tf.convert_to_tensor(mask)[..., None], tf.cast(emissions, tf.float64), 0.0)
    wide = TransitionScores(*(tf.cast(scores, tf.float64) for scores in chain))
    return tf.transpose(emissions, (1, 0, 2)), tf.transpose(mask), wide


def one_hot(tag_ids: Any, mask: Any, chain: TransitionScores) -> Any:
    """Return `<float64>[time, batch, n_tags]` for `tag_ids: <int32>[batch, time]`; all 0 at padding."""
    path = tf.one_hot(tf.transpose(tag_ids), chain.start.shape[0], dtype=tf.float64)
    return tf.where(mask[..., None], path, 0.0)


def one_path(emissions: Any, path: Any, mask: Any, chain: TransitionScores) -> Any:
    """Return `<float64>[batch]`, the score of a `one_hot` path; 0 for an empty one."""
    last = tf.where(~at_next(mask), tf.linalg.matvec(path, chain.end), 0.0)  # [time, batch]
    return tf.reduce_sum(token_scores(emissions, path, chain) + last, axis=0)


def token_scores(emissions: Any, path: Any, chain: TransitionScores) -> Any:
    """Return `[time, batch]`, the score of each token on a path: its emission and the transition into it."""
    into = tf.einsum("tbi,ij->tbj", path[:-1], chain.transitions)
    into = tf.concat([chain.start + tf.zeros_like(emissions[:1]), into], axis=0)  # [time, batch, n_tags]
    return tf.reduce_sum(path * (emissions + into), axis=-1)


@tf.custom_gradient  # type: ignore[untyped-decorator]  # tensorflow is untyped
def all_paths(emissions: Any, mask: Any, chain: TransitionScores) -> tuple[Any, Callable[..., Any]]:
    """Return `<float64>[batch]`, log sum exp(score) over all paths (0 if empty), and its gradient."""
    alphas = forward(emissions, mask, chain)  # [time, batch, n_tags]
    total = tf.reduce_logsumexp(alphas[-1] + chain.end, axis=-1)

    def gradient(upstream: Any) -> tuple[Any, None, TransitionScores]:
        betas = backward(emissions, mask, chain)
        occupied = occupancy(alphas, betas, mask) * upstream[:, None]  # [time, batch, n_tags]
        goes_on = at_next(mask)  # [time, batch]
        weights = tf.where(goes_on, upstream, 0.0)
        transitions = _transition_counts(alphas, at_next(emissions + betas), weights, chain)
        start = tf.reduce_sum(occupied[0], axis=0)
        end = tf.reduce_sum(tf.where(goes_on[..., None], tf.zeros((), occupied.dtype), occupied), axis=(0, 1))
        return occupied, None, TransitionScores(transitions, start, end)

    return tf.where(mask[0], total, 0.0), gradient


def forward(emissions: Any, mask: Any, chain: TransitionScores) -> Any:
    """Return `[time, batch, n_tags]`, the log sum over paths up to each token; constant over padding."""
    gains = tf.exp(chain.transitions)

    def onward(alpha: Any, emission: Any, real: Any) -> Any:
        return tf.where(real[:, None], _through(alpha, gains) + emission, alpha)

    return scan(onward, chain.start + emissions[0], emissions, mask)


def backward(emissions: Any, mask: Any, chain: TransitionScores) -> Any:
    """Return `[time, batch, n_tags]`, the log sum over paths after each token, up to the end."""
    gains = tf.exp(tf.transpose(chain.transitions))

    def back(beta: Any, emission: Any, goes_on: Any) -> Any:
        return tf.where(goes_on[:, None], _through(beta + emission, gains), chain.end)

    return scan_back(back, chain.end + tf.zeros_like(emissions[0]), at_next(emissions), at_next(mask))


def occupancy(alphas: Any, betas: Any, mask: Any) -> Any:
    """Return the marginals `[time, batch, n_tags]`, 0 at padding.

    They sum to 1 even if no path is legal, in which case `alphas` and `betas` may disagree.
    """
    return tf.where(mask[..., None], tf.nn.softmax(alphas + betas), 0.0)


def at_next(tensor: Any) -> Any:
    """Shift a tensor by one time step: values of the next token, `[time, ...]`; 0 or False after the last."""
    return tf.concat([tensor[1:], tf.zeros_like(tensor[:1])], axis=0)


def scan(step: Callable[..., Any], first: Any, *inputs: Any) -> Any:
    """Apply `step(state, *inputs[t])` from t = 1 on, and return all states including `first`.

    Faster than `tf.scan`.

    Args:
        step: returns the next state.
        first: initial state, a tensor or a structure of tensors.
        inputs: `[time, ...]`.

    Returns: `[time, ...]`, in the structure of `first`.
    """
    static = inputs[0].shape[0]
    time = tf.shape(inputs[0])[0] if static is None else static

    def array(state: Any) -> Any:
        return tf.TensorArray(state.dtype, time, element_shape=state.shape).write(0, state)

    def body(t: Any, state: Any, arrays: Any) -> tuple[Any, Any, Any]:
        state = step(state, *(tensor[t] for tensor in inputs))
        return t + 1, state, tf.nest.map_structure(lambda a, s: a.write(t, s), arrays, state)

    start = (tf.constant(1), first, tf.nest.map_structure(array, first))
    _, _, arrays = tf.while_loop(lambda t, *_: t < time, body, start, maximum_iterations=static)
    return tf.nest.map_structure(lambda a: a.stack(), arrays)


def scan_back(step: Callable[..., Any], last: Any, *inputs: Any) -> Any:
    """Apply `scan` from the last time step to the first; the states are returned in order of time."""
    states = scan(step, last, *(tf.reverse(tensor, [0]) for tensor in inputs))
    return tf.reverse(states, [0])


def _through(scores: Any, gains: Any) -> Any:
    """Return log(exp(scores) @ gains), `[batch, n_tags]`, without an array `[batch, n_tags, n_tags]`.

    A tag that cannot be reached from any tag within 690 of the best score counts as reached illegally.
    """
    best = tf.stop_gradient(tf.reduce_max(scores, axis=-1, keepdims=True))
    reached = tf.exp(scores - best) @ gains
    return best + tf.where(reached > _LEAST, tf.math.log(tf.maximum(reached, _LEAST)), ILLEGAL)


def _transition_counts(before: Any, after: Any, weights: Any, chain: TransitionScores) -> Any:
    """Return the expected count of each transition, `[n_tags, n_tags]`.

    Args:
        before: `[time, batch, n_tags]`, log sums up to each token.
        after: `[time, batch, n_tags]`, log sums from the next token on.
        weights: `[time, batch]`.
        chain: the scores of transitions.
    """
    gains = tf.exp(chain.transitions)
    before = tf.exp(before - tf.reduce_max(before, axis=-1, keepdims=True))
    after = tf.exp(after - tf.reduce_max(after, axis=-1, keepdims=True))
    total = tf.reduce_sum(tf.einsum("tbi,ij->tbj", before, gains) * after, axis=-1)
    share = tf.math.divide_no_nan(weights, total)[..., None]
    # `share` may be infinite at an illegal transition between two likely tags.
    return tf.math.multiply_no_nan(tf.einsum("tbi,tbj->ij", before, after * share), gains)
