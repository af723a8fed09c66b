"""How a model learns from a batch and reads one. A faster engine replaces this file and no other."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtag.neural._tensorflow import keras, tf
from seqtag.neural.batches import Batch
from seqtag.neural.model import Recipe
from seqtag.neural.reading import OUTPUT
from seqtag.neural.weights import set_weights, weights_of


class KerasReader:
    """Tags with a Keras model; one trace serves batches of every shape."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self._most_probable = tf.function(self.most_probable, input_signature=[_any_batch(tf.int32)])

    def predict(self, token_ids: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
        """Return `OUTPUT[batch, time]` for right-padded sequences."""
        tag_ids, confidence = self._most_probable(token_ids)
        output = np.empty(token_ids.shape, dtype=OUTPUT)
        output["tag_id"], output["confidence"] = tag_ids, confidence
        return output

    def most_probable(self, token_ids: Any) -> tuple[Any, Any]:
        """Return the most probable tag's id `<int32>` and probability `<float32>`, both `[batch, time]`."""
        probabilities = self.model(token_ids, training=False)  # [batch, time, n_tags]
        return tf.argmax(probabilities, axis=-1, output_type=tf.int32), tf.reduce_max(probabilities, axis=-1)


class KerasEngine:
    """Teaches a Keras model with Adam.

    One traced step serves batches of every shape. For the padded lengths in `compiled` XLA makes a step of
    its own: about three times as fast, for some 4 s of compiling each (2 cores, Keras 3.15, TensorFlow
    2.21). Those batches are filled up to `batch_size` with empty sequences, which teach nothing.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        n_words: int,
        n_tags: int,
        learning_rate: float,
        batch_size: int,
        compiled: Collection[int] = (),
    ) -> None:
        self.model = recipe(n_words, n_tags, mode="training")
        self._reader = KerasReader(recipe(n_words, n_tags, mode="reading"))
        self._reader_is_behind = True
        self._optimizer = keras.optimizers.Adam(learning_rate)
        self._optimizer.build(self.model.trainable_variables)
        self._batch_size = batch_size
        self._step = tf.function(
            self._learn, input_signature=[_any_batch(tf.int32), _any_batch(tf.int32), _any_batch(tf.bool)]
        )
        self._compiled = {length: self._compiled_step(length) for length in compiled}

    def train_step(self, batch: Batch) -> float:
        """Learn from one batch; return the sum of the loss over its taught tokens, from before the step."""
        self._reader_is_behind = True
        arrays = [batch.token_ids, batch.tag_ids, batch.taught]
        compiled = self._compiled.get(batch.length)
        if compiled is None:
            return float(self._step(*arrays))
        missing = self._batch_size - len(batch.rows)
        return float(compiled(*(np.pad(array, ((0, missing), (0, 0))) for array in arrays)))

    def predict(self, token_ids: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
        """Return `OUTPUT[batch, time]` for right-padded sequences."""
        if self._reader_is_behind:
            set_weights(self._reader.model, weights_of(self.model))
            self._reader_is_behind = False
        return self._reader.predict(token_ids)

    def _learn(self, token_ids: Any, tag_ids: Any, taught: Any) -> Any:
        """Take one optimizer step; in a replica context the same lines act as one of several processes."""
        weights = tf.cast(taught, tf.float32)  # [batch, time]
        everywhere = tf.distribute.get_replica_context()
        n_taught = everywhere.all_reduce(tf.distribute.ReduceOp.SUM, tf.reduce_sum(weights))
        with tf.GradientTape() as tape:
            probabilities = self.model(token_ids, training=True)  # [batch, time, n_tags]
            losses = keras.losses.sparse_categorical_crossentropy(tag_ids, probabilities)  # [batch, time]
            loss_sum = tf.reduce_sum(losses * weights)
            loss = tf.math.divide_no_nan(loss_sum, n_taught)
        variables = self.model.trainable_variables
        # The embedding's gradient is IndexedSlices: only rows that occurred. `apply` sums over processes.
        self._optimizer.apply(tape.gradient(loss, variables), variables)
        return loss_sum

    def _compiled_step(self, length: int) -> Any:
        step = tf.function(self._learn, jit_compile=True)
        shape = (self._batch_size, length)
        return step.get_concrete_function(*(tf.TensorSpec(shape, d) for d in (tf.int32, tf.int32, tf.bool)))


def _any_batch(dtype: Any) -> Any:
    return tf.TensorSpec([None, None], dtype)  # [batch, time]
