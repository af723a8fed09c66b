"""Keras' Adam is the referee, with the gradients of tables spread out over all their rows."""

import numpy as np
import pytest

from seqtag.neural._tensorflow import keras, tf
from seqtag.neural.optimizer import Average, NoAverage, Optimizer
from tests.unit.neural.toy import train_config

TABLE, DENSE = [[1.0, -1.0], [2.0, 0.5], [0.25, 3.0], [-2.0, 1.0]], [0.5, -0.5, 2.0]


def variables():
    return keras.Variable(TABLE, name="table"), keras.Variable(DENSE, name="dense")


def steps(n, *, rows, seed=0):
    """Draw the gradients of n steps: of the table's rows and of the dense variable."""
    draw = np.random.default_rng(seed)
    return [(draw.normal(size=(len(rows), 2)), draw.normal(size=3)) for _ in range(n)]


def learnt(taken, *, rows, learning_rate=0.1, **config):
    table, dense = variables()
    said = {"decay": 0, "clip_norm": 0, "learning_rate": learning_rate} | config
    optimizer = Optimizer(train_config(**said), [dense], {"words": table})
    for of_rows, of_dense in taken:
        optimizer.apply([tf.constant(of_dense, tf.float32)], {"words": slices(of_rows, rows)})
    return table.numpy(), dense.numpy()


def slices(values, rows):
    return tf.IndexedSlices(tf.constant(values, tf.float32), tf.constant(rows, tf.int32), [4, 2])


def learnt_by_keras(taken, *, rows, clip_norm=None):
    table, dense = variables()
    adam = keras.optimizers.Adam(0.1, global_clipnorm=clip_norm)
    for of_rows, of_dense in taken:
        spread = np.zeros([4, 2], np.float32)
        spread[rows] = of_rows
        adam.apply([tf.constant(spread), tf.constant(of_dense, tf.float32)], [table, dense])
    return table.numpy(), dense.numpy()


@pytest.mark.parametrize("clip_norm", [0, 0.75])
@pytest.mark.parametrize(
    ("optimizer", "rows"), [("adam", [0, 2, 3]), ("lazy-adam", [0, 1, 2, 3]), ("adam", [0, 1, 2, 3])]
)
def test_steps_are_those_of_keras_adam(optimizer, rows, clip_norm):
    taken = steps(5, rows=rows)
    ours = learnt(taken, rows=rows, optimizer=optimizer, clip_norm=clip_norm)
    theirs = learnt_by_keras(taken, rows=rows, clip_norm=clip_norm or None)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-4, atol=1e-6)


def test_slices_of_one_row_are_squared_before_they_are_summed_as_keras_does():
    """A first step is gradient / sqrt(sum of squares) long: 2 / sqrt(2) for two slices of 1."""
    table, _ = learnt([([[1.0, 1.0], [1.0, 1.0]], [0, 0, 0])], rows=[2, 2], optimizer="adam")
    np.testing.assert_allclose(table[2], np.array(TABLE[2]) - 0.1 * np.sqrt(2), rtol=1e-4)


def test_lazily_only_the_rows_that_are_looked_up_move():
    table, _ = learnt(steps(3, rows=[0, 2]), rows=[0, 2], optimizer="lazy-adam")
    np.testing.assert_array_equal(table[[1, 3]], np.array(TABLE, np.float32)[[1, 3]])
    assert (table[[0, 2]] != np.array(TABLE)[[0, 2]]).all()


def test_a_first_step_is_as_long_as_the_learning_rate_on_every_side():
    (of_rows, of_dense) = steps(1, rows=[1])[0]
    table, dense = learnt([(of_rows, of_dense)], rows=[1], optimizer="lazy-adam")
    np.testing.assert_allclose(table[1], TABLE[1] - 0.1 * np.sign(of_rows[0]), atol=1e-5)
    np.testing.assert_allclose(dense, DENSE - 0.1 * np.sign(of_dense), atol=1e-5)


@pytest.mark.parametrize("optimizer", ["adam", "lazy-adam"])
def test_row_zero_may_come_several_times_where_it_has_no_gradient(optimizer):
    once, _ = learnt([([[0, 0], [1, 2]], [0, 0, 1])], rows=[0, 2], optimizer=optimizer)
    often, _ = learnt([([[0, 0], [1, 2], [0, 0], [0, 0]], [0, 0, 1])], rows=[0, 2, 0, 0], optimizer=optimizer)
    np.testing.assert_array_equal(once, often)
    assert once[0].tolist() == TABLE[0]


@pytest.mark.parametrize("optimizer", ["adam", "lazy-adam"])
def test_a_learning_rate_that_is_set_counts_for_all(optimizer):
    table, dense = variables()
    one = Optimizer(train_config(optimizer=optimizer), [dense], {"words": table})
    one.set_learning_rate(0.0)
    one.apply([tf.ones(3)], {"words": slices([[1, 1]], [1])})
    assert (table.numpy().tolist(), dense.numpy().tolist()) == (TABLE, DENSE)


@pytest.mark.parametrize("n_steps", [1, 5, 8, 20])
def test_an_average_after_few_steps_is_that_of_all_of_them(n_steps):
    """It is brought up to date every few steps, with the last weights for all of them."""
    one = keras.Variable([0.0], name="one")
    average = Average([one], span=4)
    for number in range(1, n_steps + 1):
        one.assign([1.0])  # and so it stays
        average.after_step(number)
    assert average.weights()[one.path] == pytest.approx(1 - 0.75**n_steps, rel=1e-5)


def test_looking_at_an_average_changes_nothing():
    one = keras.Variable([0.0], name="one")
    average, looked_at = Average([one], span=4), Average([one], span=4)
    for number in range(1, 12):
        one.assign([float(number)])
        average.after_step(number)
        looked_at.after_step(number)
        looked_at.weights()
    assert average.weights() == looked_at.weights()


def test_the_average_over_one_step_is_the_last_weight():
    one = keras.Variable([0.0], name="one")
    average = Average([one], span=1)
    one.assign([3.0])
    average.after_step(1)
    assert average.weights()[one.path].tolist() == [3.0]
    assert NoAverage([one]).weights()[one.path].tolist() == [3.0]
