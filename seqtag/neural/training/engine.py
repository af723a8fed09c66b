"""How a network learns from a batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtag.config import TrainConfig
from seqtag.neural._tensorflow import tf
from seqtag.neural.network import NetworkPredictor, TaggerNetwork
from seqtag.neural.training.batch_sampler import Batch, Shape
from seqtag.neural.training.ema import ExponentialMovingAverage, NoMovingAverage
from seqtag.neural.training.optimizer import Optimizer
from seqtag.neural.weights import Arrays, Weights, below, named, set_weights, weights_of
from seqtag.neural.windowed_inference import WordTypeTable


@dataclass(frozen=True, eq=False)
class Prepared:
    """A batch as a step takes it."""

    step: Callable[..., Any]
    rows_of: Mapping[str, npt.NDArray[np.int32]]  # of the model's tables
    word_types: Mapping[str, Any]
    looked_up: Mapping[str, Any]  # `rows_of` again, for TensorFlow
    cells: Sequence[Any]


class Engine:
    """Teaches a network with Adam.

    One traced step serves batches of every shape. For the shapes in `compiled` XLA makes a step of its own:
    many times as fast, for a second or more of compiling each.

    Args:
        build: gives a network; called twice, the second one reads.
        config: of the optimizer.
        seed: of the dropout: a step's masks are a function of (seed, step) alone.
        steps_an_epoch: what the moving average of the weights is counted in.
        weight_a_step: the weight of the tokens of a mean batch, by which the loss of every batch is divided.
            A token counts the same in whatever batch it comes: in a mean over the tokens of its own batch, it
            would count twenty times as much in a small batch as in a large one.
        compiled: shapes of batches that come often.
        tag_weights: `<float32>[n_tags]`, of each tag in the loss.
    """

    def __init__(
        self,
        build: Callable[[], TaggerNetwork],
        *,
        config: TrainConfig,
        seed: int,
        steps_an_epoch: int,
        weight_a_step: float,
        tag_weights: npt.NDArray[np.float32],
        compiled: Collection[Shape] = (),
    ) -> None:
        self.network = build()
        self._reader, self._reader_is_behind = NetworkPredictor(build()), True
        self._seed, self._n_steps, self._tag_weights = seed, 0, tf.constant(tag_weights)
        self._weight_a_step = tf.constant(weight_a_step, tf.float32)
        model, variables = self.network.model, self.network.variables
        in_tables = {id(table) for table in model.tables().values()}
        self._dense = [variable for variable in variables if id(variable) not in in_tables]
        self._optimizer = Optimizer(config, self._dense, model.tables())
        span = config.average * steps_an_epoch
        self._average = ExponentialMovingAverage(variables, span=span) if span else NoMovingAverage(variables)
        self._any_shape = tf.function(self._learn, reduce_retracing=True)
        self._compile = tf.function(self._learn, jit_compile=True)
        self._compiled = [(shape, self._step_for(shape)) for shape in compiled]

    def prepared(self, batch: Batch) -> Prepared:
        """Do what can be done for a batch before its turn comes, in another thread too."""
        step = self._any_shape
        for shape, compiled in self._compiled:
            if shape.holds(batch.shape):
                step, batch = compiled, batch.filled(shape)
                break
        word_types = {name: batch.word_types[name] for name in self.network.model.inputs_needed}
        rows_of = {name: batch.rows_of[name] for name in self.network.model.tables()}
        cells = (batch.positions, batch.tag_ids, batch.loss_mask, batch.weights)
        word_types, looked_up, *cells = tf.nest.map_structure(tf.constant, (word_types, rows_of, *cells))
        return Prepared(step, rows_of, word_types, looked_up, cells)

    def train_step(self, batch: Prepared) -> float:
        """Learn from one batch; return the sum of the loss over its taught tokens, from before the step."""
        self._reader_is_behind = True
        self._n_steps += 1
        seed = np.array([self._seed, self._n_steps], np.int32)
        missed = self._optimizer.missed(batch.rows_of)
        missed, seed = tf.nest.map_structure(tf.constant, (missed, seed))
        loss = float(batch.step(batch.word_types, batch.looked_up, missed, *batch.cells, seed))
        if self._average.is_due(self._n_steps):
            self._optimizer.catch_up()
        self._average.after_step(self._n_steps)
        return loss

    def set_learning_rate(self, rate: float) -> None:
        self._optimizer.set_learning_rate(rate)

    def word_type_vectors(self, word_types: WordTypeTable) -> Any:
        """Return `<float32>[n_forms, size]` of a table of forms, as learnt so far."""
        if self._reader_is_behind:
            set_weights(self._reader.network.variables, self.weights())
            self._reader_is_behind = False
        return self._reader.word_type_vectors(word_types)

    def predict(self, vectors: Any, positions: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
        """Return `OUTPUT[batch, time]`; `word_type_vectors` comes first."""
        return self._reader.predict(vectors, positions)

    def weights(self) -> Weights:
        """Return a copy of what has been learnt: where weights are averaged, the average."""
        self._optimizer.catch_up()
        return self._average.weights()

    def state(self) -> Arrays:
        """Return all that the next steps depend on, by name; nothing is changed by it."""
        return {
            "n_steps": np.array(self._n_steps),
            **named("network", weights_of(self.network.variables)),
            **named("optimizer", self._optimizer.state()),
            **named("average", self._average.state()),
        }

    def restore(self, state: Arrays) -> None:
        """Be as an engine of the same network was when it gave `state`."""
        self._n_steps, self._reader_is_behind = int(state["n_steps"]), True
        set_weights(self.network.variables, below("network", state))
        self._optimizer.restore(below("optimizer", state))
        self._average.restore(below("average", state))

    def _learn(
        self,
        word_types: Any,
        rows_of: Any,
        missed: Any,
        positions: Any,
        tag_ids: Any,
        loss_mask: Any,
        sequence_weights: Any,
        seed: Any,
    ) -> Any:
        """Take one optimizer step; as one of several replicas, too, with "adam" and without clipping."""
        weights = tf.gather(self._tag_weights, tag_ids) * sequence_weights[:, None]  # [batch, time]
        weights = tf.where(loss_mask, weights, 0.0)
        model, dense = self.network.model, self._dense
        looked_up = self._optimizer.looked_up(rows_of, missed)
        rows = {name: of_table.values for name, of_table in looked_up.items()}
        with tf.GradientTape() as tape:
            tape.watch(rows)
            vectors = model.word_type_vectors(word_types, rows, seed)  # [n_forms, size]
            x, mask = tf.gather(vectors, positions), positions > 0  # [batch, time, size], [batch, time]
            emissions = model.emissions(x, mask, seed)  # [batch, time, n_tags]
            loss_sum = self.network.output.loss(emissions, tag_ids, weights, mask)
            loss = tf.math.divide_no_nan(loss_sum, self._weight_a_step)
        of_dense, of_rows, of_x = tape.gradient(loss, [dense, rows, x])
        of_rows = {name: tf.convert_to_tensor(gradient) for name, gradient in of_rows.items()}
        where = tf.gather(word_types["word_ids"], positions)  # [batch, time], the row of each token's word
        if self._optimizer.is_replica:
            of_tables = model.table_gradients(of_rows, rows_of, of_x, where)
            self._optimizer.apply_as_replica(of_dense, of_tables)
        else:
            squares = model.row_squares(of_rows, of_x, where)
            self._optimizer.apply(of_dense, looked_up, of_rows, squares)
        return loss_sum

    def _step_for(self, shape: Shape) -> Any:
        model, cells = self.network.model, [shape.batch, shape.time]
        word_types = {
            name: tf.TensorSpec([shape.n_word_types, *size], dtype)
            for name, (size, dtype) in model.inputs_needed.items()
        }
        rows_of = {name: tf.TensorSpec([shape.n_rows[name]], tf.int32) for name in model.tables()}
        missed = {name: tf.TensorSpec([shape.n_rows[name], 4]) for name in rows_of}
        batch = (tf.TensorSpec(cells, dtype) for dtype in (tf.int32, tf.int32, tf.bool))
        weights, seed = tf.TensorSpec([shape.batch], tf.float32), tf.TensorSpec([2], tf.int32)
        return self._compile.get_concrete_function(
            word_types, rows_of, {} if self._optimizer.is_lazy else missed, *batch, weights, seed
        )
