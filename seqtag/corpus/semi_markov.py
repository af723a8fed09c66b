"""A hidden semi-Markov model: phases of random duration, each with its own distribution of actions.

The model draws sequences, and computes the exact posterior probabilities of their phases.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt

from seqtag.errors import ConfigError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_Name = TypeVar("_Name", str, int, str | None)


@dataclass(frozen=True)
class Phase:
    """One phase, as weights that need not sum to one.

    Attributes:
        lasts: weight by duration in actions.
        shows: weight by action.
        then: weight by next phase; None is the end of the sequence.
    """

    lasts: Mapping[int, float]
    shows: Mapping[str, float]
    then: Mapping[str | None, float]


@dataclass(frozen=True)
class Posteriors:
    """Probabilities of the phases at each position; zero on padding.

    Attributes:
        smoothed: `<float64>[batch, time, n_phases]`, P(phase at t | the whole sequence).
        filtered: `<float64>[batch, time, n_phases]`, P(phase at t | actions up to t).
    """

    smoothed: Floats
    filtered: Floats


@dataclass(frozen=True)
class Sample:
    """Drawn sequences, padded on the right with 0.

    Attributes:
        actions: `<int64>[batch, time]`.
        phases: `<int64>[batch, time]`.
        lengths: `<int64>[batch]`.
    """

    actions: Ints
    phases: Ints
    lengths: Ints


@dataclass(frozen=True)
class SemiMarkovModel:
    """The model as arrays of probabilities; sequences are truncated after `longest` actions.

    Attributes:
        starts: `<float64>[n_phases]`.
        ends_in: `<float64>[n_phases, n_phases + 1]`; the last column is the end of the sequence.
        durations: `<float64>[n_phases, longest_phase]`; column d: P(the phase lasts d + 1 actions).
        emissions: `<float64>[n_phases, n_actions]`.
    """

    phases: tuple[str, ...]
    actions: tuple[str, ...]
    starts: Floats
    ends_in: Floats
    durations: Floats
    emissions: Floats
    longest: int

    @classmethod
    def of(cls, phases: Mapping[str, Phase], *, starts: Mapping[str, float], longest: int) -> Self:
        """Build the arrays from phases by name; actions are numbered in order of first mention."""
        names = tuple(phases)
        actions = tuple(dict.fromkeys(action for phase in phases.values() for action in phase.shows))
        lasts = range(1, 1 + max(max(phase.lasts) for phase in phases.values()))
        return cls(
            phases=names,
            actions=actions,
            starts=_shares([starts], names)[0],
            ends_in=_shares([phase.then for phase in phases.values()], (*names, None)),
            durations=_shares([phase.lasts for phase in phases.values()], lasts),
            emissions=_shares([phase.shows for phase in phases.values()], actions),
            longest=longest,
        )

    def sample(self, n: int, *, seed: Sequence[int]) -> Sample:
        """Draw `n` sequences together, position by position.

        Only uniform numbers are drawn, so that the sequences do not depend on how a NumPy release
        implements other distributions.
        """
        uniform = np.random.default_rng(seed).random((3, self.longest, n))
        actions, phases = np.zeros((2, n, self.longest), np.int64)
        lengths = np.zeros(n, np.int64)
        phase, remaining = np.zeros((2, n), np.int64)
        for t in range(self.longest):
            over = remaining == 0
            following = _draw(self.ends_in[phase] if t else np.tile(self.starts, (n, 1)), uniform[0, t])
            continues = (lengths == t) & ~(over & (following == len(self.phases)))
            phase = np.where(over & continues, following, phase)
            remaining = np.where(over, 1 + _draw(self.durations[phase], uniform[1, t]), remaining)
            actions[:, t] = np.where(continues, _draw(self.emissions[phase], uniform[2, t]), 0)
            phases[:, t] = np.where(continues, phase, 0)
            lengths += continues
            remaining = remaining - 1
        return Sample(actions, phases, lengths)

    def posteriors(self, actions: Ints, lengths: Ints) -> Posteriors:
        """Compute P(phase) at every position by forward-backward on the chain of (phase, remaining).

        Exact: a semi-Markov chain is a Markov chain if the state includes the remaining actions of the phase
        (Yu 2010, section 3). All probabilities of a sequence that the model cannot draw are zero.

        Args:
            actions: `<int64>[batch, time]`, right-padded with any action.
            lengths: `<int64>[batch]`, from 1 to `longest`.
        """
        chain = _Chain.of(self)
        n, time = actions.shape
        likelihood = chain.emissions[:, actions].transpose(2, 1, 0)  # [time, batch, state]
        forward = np.zeros((time, n, len(chain.phase)))
        for t in range(time):
            predicted = chain.starts if t == 0 else forward[t - 1] @ chain.steps  # [batch, state]
            forward[t] = _normalised(predicted * likelihood[t])
        last = np.where((lengths == self.longest)[:, None], 1.0, chain.ends)  # [batch, state]
        backward = np.zeros_like(forward)
        for t in reversed(range(time)):
            if t == time - 1:
                backward[t] = last
                continue
            onward = _normalised((likelihood[t + 1] * backward[t + 1]) @ chain.steps.T)
            backward[t] = np.where((lengths == t + 1)[:, None], last, onward)
        real = (np.arange(time)[:, None] < lengths)[:, :, None]
        return Posteriors(
            smoothed=(_normalised(forward * backward) * real @ chain.membership).swapaxes(0, 1),
            filtered=(forward * real @ chain.membership).swapaxes(0, 1),
        )


@dataclass(frozen=True)
class _Chain:
    """The equivalent Markov chain with states (phase, remaining actions of it, including the current one).

    A row of `steps: [state, state]` sums to less than one if a sequence may end; `ends: [state]` is the rest.
    """

    phase: Ints
    starts: Floats
    steps: Floats
    ends: Floats
    emissions: Floats
    membership: Floats  # [state, n_phases], 1 where the state belongs to the phase

    @classmethod
    def of(cls, model: SemiMarkovModel) -> Self:
        possible = model.durations[:, ::-1].cumsum(axis=1)[:, ::-1]  # > 0 up to the longest duration
        phase, before_last = np.nonzero(possible)
        enters = model.durations[phase, before_last]  # [state], P(the phase begins with this much remaining)
        begins = model.ends_in[phase][:, phase] * enters  # [state, state]
        is_last = (before_last == 0)[:, None]
        counts_down = (phase[:, None] == phase) & (before_last[:, None] - 1 == before_last)
        return cls(
            phase=phase,
            starts=model.starts[phase] * enters,
            steps=np.where(is_last, begins, counts_down),
            ends=np.where(is_last[:, 0], model.ends_in[phase, -1], 0.0),
            emissions=model.emissions[phase],
            membership=np.eye(len(model.phases))[phase],
        )


def _shares(weights: Iterable[Mapping[_Name, float]], columns: Sequence[_Name]) -> Floats:
    """Return `<float64>[row, column]`, the weights of each row divided by their sum."""
    rows = list(weights)
    unknown = [name for row in rows for name in row if name not in columns]
    if unknown:
        raise ConfigError(f"unknown name in the weights: expected one of {list(columns)}, got {unknown[0]!r}")
    table = np.array([[row.get(column, 0.0) for column in columns] for row in rows], np.float64)
    shares: Floats = table / table.sum(axis=1, keepdims=True)
    return shares


def _draw(shares: Floats, uniform: Floats) -> Ints:
    """Draw one column per row of `shares: [n, column]` by inverse transform sampling; return `<int64>[n]`."""
    reached = shares.cumsum(axis=1)
    drawn: Ints = (uniform[:, None] >= reached / reached[:, -1:]).sum(axis=1)
    return drawn


def _normalised(weights: Floats) -> Floats:
    """Divide by the sum over the last axis; rows of zeros stay zero."""
    total = weights.sum(axis=-1, keepdims=True)
    shares: Floats = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    return shares
