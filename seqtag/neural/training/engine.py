"""Training engine: compiled training steps, and inference with the weights learned so far."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtag.config import TrainConfig
from seqtag.features import EncodedColumns
from seqtag.neural._tensorflow import graph_function, tf
from seqtag.neural.encoders import column_specs
from seqtag.neural.joint_network import JointNetwork
from seqtag.neural.layers.look_up import look_up
from seqtag.neural.network import NetworkPredictor, TaggerNetwork
from seqtag.neural.training.batch_sampler import Batch, Shape
from seqtag.neural.training.ema import ExponentialMovingAverage
from seqtag.neural.training.optimizer import Optimizer, StepInputs
from seqtag.neural.training.packed_inputs import packed, unpacked
from seqtag.neural.training.worker_group import WorkerGroup
from seqtag.neural.weights import Arrays, Weights, set_weights, weights_of, with_prefix, without_prefix
from seqtag.neural.windowed_inference import NO_VALUES, Predictor, WordTypeTable


class Engine:
    """Trains a network with Adam.

    One traced step serves batches of every shape. The shapes in `compiled` each get a step compiled by XLA,
    which takes a second or more to compile. Without native operations it is many times as fast.

    Args:
        build: builds a network; called twice, once for training and once for inference.
        config: optimizer settings.
        seed: seed of the dropout; the masks of a step are a function of (seed, step) only.
        steps_per_epoch: number of steps per epoch, the unit of `config.average`.
        weight_per_step: total token weight of an average batch; the loss of every batch is divided by it, so
            that a token counts the same in every batch. If the loss were the mean over the tokens of a batch,
            a token in a small batch would count twenty times as much as one in a large batch.
        tag_weights: weight of each tag in the loss, as for `weights_of_tags`.
        compiled: frequent batch shapes; empty with native operations or several processes, which XLA cannot
            compile.
        group: the processes that train together; None for this one.
    """

    def __init__(
        self,
        build: Callable[[], TaggerNetwork | JointNetwork],
        *,
        config: TrainConfig,
        seed: int,
        steps_per_epoch: int,
        weight_per_step: float,
        tag_weights: npt.NDArray[np.float32],
        compiled: Collection[Shape] = (),
        group: WorkerGroup | None = None,
    ) -> None:
        self.network, self._group = build(), group or WorkerGroup()
        self._predicting, self._predicting_is_stale = build(), True
        self._predictors = [NetworkPredictor(network) for network in self._predicting.networks]
        self._seed, self._n_steps, self._tag_weights = seed, 0, tag_weights
        self._weight_per_step = tf.constant(weight_per_step, tf.float32)
        model, variables = self.network.model, self.network.variables
        in_tables = {id(table) for table in model.tables().values()}
        self._dense = [variable for variable in variables if id(variable) not in in_tables]
        self._optimizer = Optimizer(config, self._dense, model.tables())
        span = config.average * steps_per_epoch
        self._average = ExponentialMovingAverage(variables, span=span) if span else None
        self._any_shape = self._step_for_any_shape()
        self._compiled = [(shape, self._step_for(shape)) for shape in compiled]

    def train_step(self, batch: Batch) -> float:
        """Train on one batch; return its loss before the step, summed over tokens."""
        self._predicting_is_stale = True
        self._n_steps += 1
        seed, batch = self._group.seed(self._seed, self._n_steps, batch), self._group.part(batch)
        step = None
        for shape, compiled in self._compiled:
            if shape.holds(batch.shape):
                step, batch = compiled, batch.filled(shape)
                break
        word_types = {name: batch.word_types[name] for name in self.network.model.required_features}
        rows_of = {name: batch.rows_of[name] for name in self.network.model.tables()}
        weights = batch.token_weights(self._tag_weights)
        cells = (batch.positions, batch.columns, batch.tag_ids, weights)
        inputs = (word_types, rows_of, self._optimizer.start_step(rows_of), *cells, seed)
        if step is None:
            loss = float(self._any_shape(tf.constant(packed(tf.nest.flatten(inputs)))))
        else:
            loss = float(step(*tf.nest.map_structure(tf.constant, inputs)))
        if self._average is not None:
            if self._average.is_due(self._n_steps):
                self._optimizer.catch_up()
            self._average.after_step(self._n_steps)
        return loss

    def set_learning_rate(self, rate: float) -> None:
        self._optimizer.set_learning_rate(rate)

    def word_type_vectors(self, word_types: WordTypeTable) -> Any:
        """Return `<float32>[n_word_types, size]`, computed with the current weights."""
        if self._predicting_is_stale:
            set_weights(self._predicting.variables, self.weights())
            self._predicting_is_stale = False
        return self._predictors[0].word_type_vectors(word_types)

    def predict(
        self, vectors: Any, positions: npt.NDArray[np.int32], columns: EncodedColumns = NO_VALUES
    ) -> npt.NDArray[Any]:
        """Return `OUTPUT[batch, time]`; call `word_type_vectors` first, which updates the weights."""
        return self._predictors[0].predict(vectors, positions, columns)

    def predictor(self, number: int) -> Predictor:
        """Return what predicts with one of the networks that are trained together, numbered from 0."""
        return _EnginePredictor(self, self._predictors[number])

    def weights(self) -> Weights:
        """Return copies of the current weights, or of their moving average if `config.average` is set."""
        self._optimizer.catch_up()
        return weights_of(self.network.variables) if self._average is None else self._average.weights()

    def state(self) -> Arrays:
        """Return everything the next steps depend on, by name, without changing it."""
        return {
            "n_steps": np.array(self._n_steps),
            **with_prefix("network", weights_of(self.network.variables)),
            **with_prefix("optimizer", self._optimizer.state()),
            **with_prefix("average", {} if self._average is None else self._average.state()),
        }

    def restore(self, state: Arrays) -> None:
        """Restore the state of an engine for the same network."""
        self._n_steps, self._predicting_is_stale = int(state["n_steps"]), True
        set_weights(self.network.variables, without_prefix("network", state))
        self._optimizer.restore(without_prefix("optimizer", state))
        if self._average is not None:
            self._average.restore(without_prefix("average", state))

    def _learn(
        self,
        word_types: Any,
        rows_of: Any,
        inputs: StepInputs,
        positions: Any,
        columns: Any,
        tag_ids: Any,
        weights: Any,
        seed: Any,
    ) -> Any:
        """Run one optimizer step; `weights` are those of the tokens in the loss."""
        model, dense = self.network.model, self._dense
        looked_up = self._optimizer.looked_up(rows_of, inputs.missed)
        rows = {name: of_table.values for name, of_table in looked_up.items()}
        with tf.GradientTape() as tape:
            tape.watch(rows)
            vectors = model.word_type_vectors(word_types, rows, seed)  # [n_word_types, size]
            x = look_up(vectors, positions, training=True)  # [batch, time, size]
            mask = positions > 0  # [batch, time]
            tokens = model.with_columns(x, columns, training=True)  # [batch, time, size]
            loss_sum = self.network.loss(tokens, mask, tag_ids, weights, seed)
            loss = tf.math.divide_no_nan(loss_sum, self._weight_per_step)
        dense_gradients, row_gradients, x_gradient = tape.gradient(loss, [dense, rows, x])
        token_rows = tf.gather(word_types["word_ids"], positions)  # [batch, time], row of each token's word
        n_rows = {name: of.shape[0] or tf.shape(of)[0] for name, of in rows_of.items()}
        squares = model.sums_of_squares(x_gradient, token_rows, n_rows)
        gradients = tf.nest.map_structure(
            tf.convert_to_tensor, (loss_sum, dense_gradients, row_gradients, squares)
        )
        summed = self._group.sums(tf.nest.flatten(gradients))
        loss_sum, dense_gradients, row_gradients, squares = tf.nest.pack_sequence_as(gradients, summed)
        squares = {**{name: tf.square(of) for name, of in row_gradients.items()}, **squares}
        self._optimizer.apply(dense_gradients, looked_up, row_gradients, squares, inputs.rate)
        return loss_sum

    def _step_for(self, shape: Shape) -> Any:
        """Return a step compiled for a shape."""
        step = graph_function(self._learn, jit_compile=True)
        return step.get_concrete_function(*self._input_specs(shape))

    def _step_for_any_shape(self) -> Any:
        """Return a step for all shapes, which is not compiled; it takes `packed` inputs."""
        specs = self._input_specs(None)

        def learn(inputs: Any) -> Any:
            tensors = unpacked(inputs, tf.nest.flatten(specs))
            return self._group.run(self._learn, *tf.nest.pack_sequence_as(specs, tensors))

        return graph_function(learn).get_concrete_function(tf.TensorSpec([None], tf.int32))

    def _input_specs(self, shape: Shape | None) -> tuple[Any, ...]:
        """Return the specifications of the inputs of a step for a shape; for None, for all shapes."""
        model = self.network.model
        batch, time, n_word_types = (
            (shape.batch, shape.time, shape.n_word_types) if shape else (None, None, None)
        )
        n_rows = shape.n_rows if shape else dict.fromkeys(model.tables())
        word_types = {
            name: tf.TensorSpec([n_word_types, *size], dtype)
            for name, (size, dtype) in model.required_features.items()
        }
        rows_of = {name: tf.TensorSpec([n_rows[name]], tf.int32) for name in model.tables()}
        missed = {name: tf.TensorSpec([n_rows[name], 4]) for name in rows_of}
        inputs = StepInputs(tf.TensorSpec([]), {} if self._optimizer.is_lazy else missed)
        positions = tf.TensorSpec([batch, time], tf.int32)
        tags_shape = [batch, time, *self.network.tags_shape]
        tag_ids, weights = (tf.TensorSpec(tags_shape, dtype) for dtype in (tf.int32, tf.float32))
        cells = (positions, column_specs(self.network.sizes, batch, time), tag_ids, weights)
        return (word_types, rows_of, inputs, *cells, tf.TensorSpec([self._group.seed_size], tf.int32))


class _EnginePredictor:
    """Predicts with one network and the current weights of an engine."""

    def __init__(self, engine: Engine, predictor: NetworkPredictor) -> None:
        self._engine, self._predictor = engine, predictor

    def word_type_vectors(self, word_types: WordTypeTable) -> Any:
        return self._engine.word_type_vectors(word_types)

    def predict(
        self, vectors: Any, positions: npt.NDArray[np.int32], columns: EncodedColumns = NO_VALUES
    ) -> npt.NDArray[Any]:
        return self._predictor.predict(vectors, positions, columns)
