"""The moving average of weights, brought up to date every few steps and looked at in between."""

import pytest

from seqtag.neural._tensorflow import keras
from seqtag.neural.training.ema import ExponentialMovingAverage, NoMovingAverage


@pytest.mark.parametrize("n_steps", [1, 5, 8, 20])
def test_an_average_after_few_steps_is_that_of_all_of_them(n_steps):
    """It is brought up to date every few steps, with the last weights for all of them."""
    one = keras.Variable([0.0], name="one")
    average = ExponentialMovingAverage([one], span=4)
    for number in range(1, n_steps + 1):
        one.assign([1.0])  # and so it stays
        average.after_step(number)
    assert average.weights()[one.path] == pytest.approx(1 - 0.75**n_steps, rel=1e-5)


def test_looking_at_an_average_changes_nothing():
    one = keras.Variable([0.0], name="one")
    average, looked_at = ExponentialMovingAverage([one], span=4), ExponentialMovingAverage([one], span=4)
    for number in range(1, 12):
        one.assign([float(number)])
        average.after_step(number)
        looked_at.after_step(number)
        looked_at.weights()
    assert average.weights() == looked_at.weights()


def test_the_average_over_one_step_is_the_last_weight():
    one = keras.Variable([0.0], name="one")
    average = ExponentialMovingAverage([one], span=1)
    one.assign([3.0])
    average.after_step(1)
    assert average.weights()[one.path].tolist() == [3.0]
    assert NoMovingAverage([one]).weights()[one.path].tolist() == [3.0]
