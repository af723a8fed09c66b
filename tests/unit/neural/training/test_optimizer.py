"""Keras' Adam is the referee, with the gradients of tables spread out over all their rows."""

import numpy as np
import pytest

from seqtag.neural._tensorflow import keras, tf
from seqtag.neural.training.optimizer import Optimizer
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
        take_step(optimizer, of_rows, of_dense, rows=rows)
    optimizer.catch_up()
    return table.numpy(), dense.numpy()


def take_step(optimizer, of_rows, of_dense, *, rows, squares=None):
    rows = np.array(rows, np.int32)
    looked_up = optimizer.looked_up({"words": rows}, optimizer.missed({"words": rows}))
    gradient = tf.constant(of_rows, tf.float32)
    squares = tf.square(gradient) if squares is None else tf.constant(squares, tf.float32)
    optimizer.apply([tf.constant(of_dense, tf.float32)], looked_up, {"words": gradient}, {"words": squares})


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


def test_squares_may_be_other_than_those_of_the_gradient():
    """A first step is gradient / sqrt(square) long: 2 / sqrt(2) for two tokens with a gradient of 1."""
    table, dense = variables()
    optimizer = Optimizer(train_config(optimizer="adam", learning_rate=0.1), [dense], {"words": table})
    take_step(optimizer, [[2.0, 2.0]], [0.0] * 3, rows=[2], squares=[[2.0, 2.0]])
    np.testing.assert_allclose(table.numpy()[2], np.array(TABLE[2]) - 0.1 * np.sqrt(2), rtol=1e-4)


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e-7])  # of gradients: epsilon is 1e-7
def test_rows_that_were_missed_make_up_for_it(scale):
    """Over 600 steps, rarely looked up, with a rate that changes, all is as if every step had been made."""
    draw = np.random.default_rng(2)
    table, dense = variables()
    theirs, their_dense = variables()
    ours = Optimizer(
        train_config(optimizer="adam", learning_rate=0.1, clip_norm=0), [dense], {"words": table}
    )
    adam = keras.optimizers.Adam(0.1)
    for number in range(600):
        rate = 0.1 / (1 + number // 200)
        ours.set_learning_rate(rate)
        adam.learning_rate = rate
        chance = [0.5, 0.05, 0.01, 0.002]
        rows = np.flatnonzero(draw.random(4) < chance)
        of_rows, spread = scale * draw.normal(size=(len(rows), 2)), np.zeros([4, 2], np.float32)
        spread[rows] = of_rows
        take_step(ours, of_rows, [0.0] * 3, rows=rows)
        adam.apply([tf.constant(spread), tf.zeros(3)], [theirs, their_dense])
        if number in (3, 300):  # looking changes nothing
            ours.catch_up()
            np.testing.assert_allclose(table.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-5)
    ours.catch_up()
    np.testing.assert_allclose(table.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-5)


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
    take_step(one, [[1, 1]], [1] * 3, rows=[1])
    one.catch_up()
    assert (table.numpy().tolist(), dense.numpy().tolist()) == (TABLE, DENSE)
