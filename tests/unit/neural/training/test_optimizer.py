"""Keras' Adam is the referee, with dense gradients of the tables."""

import numpy as np
import pytest

from seqtag.neural._keras import keras
from seqtag.neural._tensorflow import tf
from seqtag.neural.training.optimizer import Optimizer
from tests.unit.neural.toy import train_config

TABLE, DENSE = [[1.0, -1.0], [2.0, 0.5], [0.25, 3.0], [-2.0, 1.0]], [0.5, -0.5, 2.0]


def variables():
    return keras.Variable(TABLE, name="table"), keras.Variable(DENSE, name="dense")


def steps(n, *, rows, seed=0):
    """Draw gradients of the table's rows and of the dense variable for n steps."""
    draw = np.random.default_rng(seed)
    return [(draw.normal(size=(len(rows), 2)), draw.normal(size=3)) for _ in range(n)]


def learn(taken, *, rows, learning_rate=0.1, **config):
    table, dense = variables()
    settings = {"decay": 0, "clip_norm": 0, "learning_rate": learning_rate} | config
    optimizer = Optimizer(train_config(**settings), [dense], {"words": table})
    for row_gradients, dense_gradients in taken:
        take_step(optimizer, row_gradients, dense_gradients, rows=rows)
    optimizer.catch_up()
    return table.numpy(), dense.numpy()


def take_step(optimizer, row_gradients, dense_gradients, *, rows, squares=None):
    rows = np.array(rows, np.int32)
    inputs = optimizer.start_step({"words": rows})
    looked_up = optimizer.looked_up({"words": rows}, inputs.missed)
    gradient = tf.constant(row_gradients, tf.float32)
    squares = tf.square(gradient) if squares is None else tf.constant(squares, tf.float32)
    optimizer.apply(
        [tf.constant(dense_gradients, tf.float32)],
        looked_up,
        {"words": gradient},
        {"words": squares},
        inputs.rate,
    )


def learn_with_keras(taken, *, rows, clip_norm=None):
    table, dense = variables()
    adam = keras.optimizers.Adam(0.1, global_clipnorm=clip_norm)
    for row_gradients, dense_gradients in taken:
        dense_rows = np.zeros([4, 2], np.float32)
        dense_rows[rows] = row_gradients
        adam.apply([tf.constant(dense_rows), tf.constant(dense_gradients, tf.float32)], [table, dense])
    return table.numpy(), dense.numpy()


@pytest.mark.parametrize("clip_norm", [0, 0.75])
@pytest.mark.parametrize(
    ("optimizer", "rows"), [("adam", [0, 2, 3]), ("lazy-adam", [0, 1, 2, 3]), ("adam", [0, 1, 2, 3])]
)
def test_steps_equal_those_of_keras_adam(optimizer, rows, clip_norm):
    taken = steps(5, rows=rows)
    ours = learn(taken, rows=rows, optimizer=optimizer, clip_norm=clip_norm)
    theirs = learn_with_keras(taken, rows=rows, clip_norm=clip_norm or None)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-4, atol=1e-6)


def test_squares_may_differ_from_those_of_the_gradient():
    """The first step has length gradient / sqrt(square): 2 / sqrt(2) for two tokens with a gradient of 1."""
    table, dense = variables()
    optimizer = Optimizer(train_config(optimizer="adam", learning_rate=0.1), [dense], {"words": table})
    take_step(optimizer, [[2.0, 2.0]], [0.0] * 3, rows=[2], squares=[[2.0, 2.0]])
    np.testing.assert_allclose(table.numpy()[2], np.array(TABLE[2]) - 0.1 * np.sqrt(2), rtol=1e-4)


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e-7])  # of gradients: epsilon is 1e-7
def test_deferred_updates_equal_immediate_ones(scale):
    """600 steps with rarely used rows and a changing learning rate."""
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
        row_gradients, dense_rows = scale * draw.normal(size=(len(rows), 2)), np.zeros([4, 2], np.float32)
        dense_rows[rows] = row_gradients
        take_step(ours, row_gradients, [0.0] * 3, rows=rows)
        adam.apply([tf.constant(dense_rows), tf.zeros(3)], [theirs, their_dense])
        if number in (3, 300):  # catching up early has no effect
            ours.catch_up()
            np.testing.assert_allclose(table.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-5)
    ours.catch_up()
    np.testing.assert_allclose(table.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-5)


def test_lazy_adam_updates_only_the_rows_of_the_batch():
    table, _ = learn(steps(3, rows=[0, 2]), rows=[0, 2], optimizer="lazy-adam")
    np.testing.assert_array_equal(table[[1, 3]], np.array(TABLE, np.float32)[[1, 3]])
    assert (table[[0, 2]] != np.array(TABLE)[[0, 2]]).all()


def test_the_first_step_of_each_weight_has_the_size_of_the_learning_rate():
    (row_gradients, dense_gradients) = steps(1, rows=[1])[0]
    table, dense = learn([(row_gradients, dense_gradients)], rows=[1], optimizer="lazy-adam")
    np.testing.assert_allclose(table[1], TABLE[1] - 0.1 * np.sign(row_gradients[0]), atol=1e-5)
    np.testing.assert_allclose(dense, DENSE - 0.1 * np.sign(dense_gradients), atol=1e-5)


@pytest.mark.parametrize("optimizer", ["adam", "lazy-adam"])
def test_rows_without_a_gradient_may_repeat(optimizer):
    once, _ = learn([([[0, 0], [1, 2]], [0, 0, 1])], rows=[0, 2], optimizer=optimizer)
    repeated, _ = learn(
        [([[0, 0], [1, 2], [0, 0], [0, 0]], [0, 0, 1])], rows=[0, 2, 0, 0], optimizer=optimizer
    )
    np.testing.assert_array_equal(once, repeated)
    assert once[0].tolist() == TABLE[0]


@pytest.mark.parametrize("optimizer", ["adam", "lazy-adam"])
def test_a_new_learning_rate_applies_to_all_variables(optimizer):
    table, dense = variables()
    one = Optimizer(train_config(optimizer=optimizer), [dense], {"words": table})
    one.set_learning_rate(0.0)
    take_step(one, [[1, 1]], [1] * 3, rows=[1])
    one.catch_up()
    assert (table.numpy().tolist(), dense.numpy().tolist()) == (TABLE, DENSE)
