"""The semi-Markov model, checked by enumerating all segmentations and by counting draws."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from seqtag.corpus.semi_markov import Phase, SemiMarkovModel
from seqtag.errors import ConfigError

LONGEST = 6


@pytest.fixture(scope="module")
def model() -> SemiMarkovModel:
    """Three phases; "look" and "idle" show the same actions, and only the next phase distinguishes them."""
    return SemiMarkovModel.of(
        {
            "look": Phase(lasts={1: 1, 3: 2}, shows={"a": 3, "b": 1}, then={"buy": 3, "idle": 1}),
            "idle": Phase(lasts={1: 1, 2: 1, 3: 1}, shows={"a": 3, "b": 1}, then={None: 2, "look": 1}),
            "buy": Phase(lasts={2: 4, 1: 1}, shows={"b": 1, "c": 2}, then={None: 1, "look": 1, "buy": 1}),
        },
        starts={"look": 2, "idle": 1},
        longest=LONGEST,
    )


@pytest.fixture(scope="module")
def drawn(model):
    return model.sample(20_000, seed=(11,))


def segmentations(model: SemiMarkovModel, steps: int) -> Iterator[tuple[list[int], bool, float]]:
    """Yield every way to fill at least `steps` positions: the phases, whether the last one is over, P."""

    def extend(phases: list[int], probability: float, following: np.ndarray) -> Iterator:
        for phase in range(len(model.phases)):
            for index, lasting in enumerate(model.durations[phase]):
                grown = [*phases, *[phase] * (index + 1)]
                p = probability * following[phase] * lasting
                if p == 0:
                    continue
                if len(grown) >= steps:
                    yield grown[:steps], len(grown) == steps, p
                else:
                    yield from extend(grown, p, model.ends_in[phase])

    yield from extend([], 1.0, model.starts)


def enumerated(model: SemiMarkovModel, actions: list[int], *, whole: bool) -> np.ndarray:
    """P(phase at each position), by summing over all segmentations; `whole`: the sequence ends here."""
    total = np.zeros((len(actions), len(model.phases)))
    for phases, over, probability in segmentations(model, len(actions)):
        if whole and len(actions) < LONGEST:
            probability *= model.ends_in[phases[-1], -1] * over
        for phase, action in zip(phases, actions, strict=True):
            probability *= model.emissions[phase, action]
        total[np.arange(len(actions)), phases] += probability
    return total / total.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("text", ["a", "ab", "aab", "abcb", "aabbc", "aaaaaa", "bcbaab", "aacabc"])
def test_smoothing_equals_the_sum_over_all_segmentations(model, text):
    actions = [model.actions.index(letter) for letter in text]

    smoothed = model.posteriors(np.array([actions]), np.array([len(actions)])).smoothed

    np.testing.assert_allclose(smoothed[0], enumerated(model, actions, whole=True), atol=1e-12)


@pytest.mark.parametrize("text", ["aabbc", "aaaaaa", "bcbaab"])
def test_filtering_equals_the_sum_over_all_segmentations_of_the_past(model, text):
    actions = [model.actions.index(letter) for letter in text]

    filtered = model.posteriors(np.array([actions]), np.array([len(actions)])).filtered

    for t in range(len(actions)):
        expected = enumerated(model, actions[: t + 1], whole=False)[t]
        np.testing.assert_allclose(filtered[0, t], expected, atol=1e-12)


def test_padding_changes_no_posterior(model):
    alone = model.posteriors(np.array([[0, 1, 2]]), np.array([3]))
    padded = model.posteriors(np.array([[0, 1, 2, 2, 2, 2], [0, 0, 0, 1, 2, 2]]), np.array([3, 6]))

    np.testing.assert_allclose(padded.smoothed[0, :3], alone.smoothed[0])
    np.testing.assert_allclose(padded.filtered[0, :3], alone.filtered[0])
    assert not padded.smoothed[0, 3:].any()
    assert not padded.filtered[0, 3:].any()


def test_a_sequence_that_cannot_be_drawn_has_a_posterior_of_zero(model):
    starts_with_c = model.posteriors(np.array([[2, 0]]), np.array([2]))

    assert not starts_with_c.smoothed.any()


def test_posteriors_are_calibrated_on_drawn_sequences(model, drawn):
    known = model.posteriors(drawn.actions, drawn.lengths)
    real = np.arange(LONGEST) < drawn.lengths[:, None]
    n_tokens = real.sum()
    for posterior in (known.smoothed, known.filtered):
        expected = posterior.max(axis=2).sum() / n_tokens
        realised = (posterior.argmax(axis=2) == drawn.phases)[real].sum() / n_tokens
        assert realised == pytest.approx(expected, abs=0.006)  # 4 standard errors of 20,000 sequences


def test_drawn_phases_last_as_long_as_declared():
    alone = SemiMarkovModel.of(
        {"look": Phase(lasts={1: 1, 3: 3}, shows={"a": 1}, then={None: 1})}, starts={"look": 1}, longest=5
    )

    lengths = alone.sample(20_000, seed=(5,)).lengths

    assert np.bincount(lengths) / len(lengths) == pytest.approx([0, 0.25, 0, 0.75], abs=0.015)


def test_drawn_sequences_are_truncated_at_the_longest():
    endless = SemiMarkovModel.of(
        {"look": Phase(lasts={3: 1}, shows={"a": 1}, then={"look": 1})}, starts={"look": 1}, longest=5
    )

    assert endless.sample(3, seed=(5,)).lengths.tolist() == [5, 5, 5]


def test_drawn_phases_follow_one_another_as_declared(model, drawn):
    looks_once = (drawn.phases[:, 0] == 0) & (drawn.phases[:, 1] != 0)
    goes_on = drawn.phases[looks_once][:, 1]

    assert (drawn.phases[:, 0] == 0).mean() == pytest.approx(2 / 3, abs=0.015)
    assert (goes_on == model.phases.index("buy")).mean() == pytest.approx(3 / 4, abs=0.02)


def test_drawn_actions_follow_their_phase(model, drawn):
    real = np.arange(LONGEST) < drawn.lengths[:, None]
    bought = drawn.actions[real & (drawn.phases == model.phases.index("buy"))]

    assert np.bincount(bought, minlength=3) / len(bought) == pytest.approx([0, 1 / 3, 2 / 3], abs=0.02)


def test_an_unknown_phase_is_refused():
    with pytest.raises(ConfigError, match="got 'bye'"):
        SemiMarkovModel.of(
            {"look": Phase(lasts={1: 1}, shows={"a": 1}, then={"bye": 1})}, starts={"look": 1}, longest=2
        )
