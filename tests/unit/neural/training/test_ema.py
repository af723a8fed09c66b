"""Exponential moving average of weights, updated every few steps and readable in between."""

import pytest

from seqtag.neural._keras import keras
from seqtag.neural.training.ema import ExponentialMovingAverage


@pytest.mark.parametrize("n_steps", [1, 5, 8, 20])
def test_an_average_includes_steps_since_its_last_update(n_steps):
    """Updates happen every few steps and use the latest weights for all of these steps."""
    one = keras.Variable([0.0], name="one")
    average = ExponentialMovingAverage([one], span=4)
    for number in range(1, n_steps + 1):
        one.assign([1.0])  # at every step
        average.after_step(number)
    assert average.weights()[one.path] == pytest.approx(1 - 0.75**n_steps, rel=1e-5)


def test_reading_an_average_does_not_change_it():
    one = keras.Variable([0.0], name="one")
    average, often_read = ExponentialMovingAverage([one], span=4), ExponentialMovingAverage([one], span=4)
    for number in range(1, 12):
        one.assign([float(number)])
        average.after_step(number)
        often_read.after_step(number)
        often_read.weights()
    assert average.weights() == often_read.weights()


def test_an_average_over_one_step_is_the_latest_weight():
    one = keras.Variable([0.0], name="one")
    average = ExponentialMovingAverage([one], span=1)
    one.assign([3.0])
    average.after_step(1)
    assert average.weights()[one.path].tolist() == [3.0]
