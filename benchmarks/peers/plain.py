"""Contender Keras: the recipe `base`, padded to the longest sequence as in a tutorial, or by length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from peers.corpus import Prepared
from peers.measuring import CPU, PEAK, SECONDS, Watch, peak_mb
from seqtag.features import TagIndex, Vocabulary
from seqtag.neural.training.dev_evaluation import DevSplit
from seqtag.neural.windowed_inference import OUTPUT

_WARM_UP = 4  # batches


def tutorial_model(vocabulary: Vocabulary, tags: TagIndex) -> Any:
    model = _recipe(vocabulary, keras.layers.TimeDistributed(_head(tags)))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def model_of_any_length(vocabulary: Vocabulary, tags: TagIndex) -> Any:
    """Return the same model for batches of different lengths.

    It has no `TimeDistributed`, which returns rows of a wrong length here (Keras 3.15) and makes no
    difference to `Dense`. It is not compiled by XLA, which would take seconds for each length.
    """
    model = _recipe(vocabulary, _head(tags))
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    return model


def _recipe(vocabulary: Vocabulary, head: Any) -> Any:
    return keras.Sequential(
        [
            keras.layers.Embedding(vocabulary.n_words, 50, mask_zero=True),
            keras.layers.SpatialDropout1D(0.1),
            keras.layers.Bidirectional(keras.layers.LSTM(100, return_sequences=True, recurrent_dropout=0.1)),
            head,
        ]
    )


def _head(tags: TagIndex) -> Any:
    return keras.layers.Dense(len(tags), activation="softmax")


def training(folder: str, *, batch_size: int, n_batches: int) -> dict[str, float]:
    """Time some batches after a warm-up, and scale to an epoch."""
    prepared = Prepared.at(folder)
    watch = Watch()
    keras.utils.set_random_seed(1)
    x, y = padded_to_longest(prepared)
    order = np.random.default_rng(1).permutation(len(x))
    model = tutorial_model(prepared.vocabulary, prepared.tags)
    chosen = order[: _WARM_UP * batch_size]
    model.fit(x[chosen], y[chosen], batch_size=batch_size, verbose=0)
    warmed_up = watch.read()
    chosen = order[-n_batches * batch_size :]
    model.fit(x[chosen], y[chosen], batch_size=batch_size, verbose=0)
    timed = watch.read()
    n_tokens, n_timed = np.count_nonzero(x), np.count_nonzero(x[chosen])
    scale = n_tokens / n_timed
    a_batch = timed[SECONDS] / -(-len(chosen) // batch_size)
    return {
        "start_up": max(0.0, warmed_up[SECONDS] - _WARM_UP * a_batch),
        SECONDS: timed[SECONDS] * scale,
        CPU: timed[CPU] * scale,
        "n_tokens": int(n_tokens),
        PEAK: peak_mb(),
    }


def bucketed_training(folder: str, *, batch_size: int) -> dict[str, float]:
    """Time the second epoch on length batches; the start-up is the extra time of the first epoch."""
    prepared = Prepared.at(folder)
    watch = Watch()
    keras.utils.set_random_seed(1)
    x, y = padded_to_longest(prepared)
    model = model_of_any_length(prepared.vocabulary, prepared.tags)
    taken = []
    for epoch in range(2):
        model.fit(_by_length(x, y, batch_size=batch_size, seed=epoch), verbose=0)
        taken.append(watch.read())
    first, second = taken
    return {
        "start_up": max(0.0, first[SECONDS] - second[SECONDS]),
        **second,
        "n_tokens": int(np.count_nonzero(x)),
        PEAK: peak_mb(),
    }


def _by_length(x: np.ndarray, y: np.ndarray, *, batch_size: int, seed: int) -> tf.data.Dataset:
    """Return batches of similar length in random order, each padded to its longest sequence."""
    random, lengths = np.random.default_rng(seed), np.count_nonzero(x, axis=1)
    order = random.permutation(len(x))
    order = order[np.argsort(lengths[order], kind="stable")]
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]

    def padded() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for number in random.permutation(len(batches)):
            rows = batches[number]
            longest = lengths[rows].max()
            yield x[rows, :longest], y[rows, :longest]

    of_any_shape = tf.TensorSpec([None, None], tf.int32)
    return tf.data.Dataset.from_generator(padded, output_signature=(of_any_shape, of_any_shape)).prefetch(2)


def epochs(folder: str, *, seed: int, n_epochs: int, until: float | None = None) -> dict[str, Any]:
    """Train for a number of epochs, or up to a score on dev."""
    prepared = Prepared.at(folder)
    watch, spent = Watch(), 0.0
    keras.utils.set_random_seed(seed)
    x, y = padded_to_longest(prepared)
    dev = DevSplit(prepared.buckets("dev"), prepared.word_ids("dev"), prepared.tags, metric=prepared.metric)
    model = tutorial_model(prepared.vocabulary, prepared.tags)
    history = []
    for _ in range(n_epochs):
        model.fit(x, y, batch_size=32, verbose=0)
        score = dev.score(_Reader(model))
        spent += watch.read()[SECONDS]
        history.append({SECONDS: spent, "score": score.score, "accuracy": score.accuracy})
        if until is not None and score.score >= until:
            break
    return {"history": history}


def padded_to_longest(prepared: Prepared) -> tuple[np.ndarray, np.ndarray]:
    """Return word ids and tag ids of train, `<int32>[n_sequences, longest]`, in the order of the corpus."""
    buckets = prepared.buckets("train")
    longest = max(int(bucket.windows.length.max()) for bucket in buckets)
    rows = np.concatenate([bucket.row for bucket in buckets])

    def one_array(name: str) -> np.ndarray:
        wide = [
            np.pad(getattr(bucket, name), ((0, 0), (0, max(0, longest - bucket.length))))
            for bucket in buckets
        ]
        return np.concatenate([array[:, :longest] for array in wide])[np.argsort(rows, kind="stable")]

    return one_array("token_ids"), np.maximum(one_array("tag_ids"), 0)


class _Reader:
    """Adapter for scoring dev; pads to the longest sequence of a batch, faster than in a tutorial."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def word_type_vectors(self, word_types: Any) -> np.ndarray:
        return word_types["word_ids"]

    def predict(self, vectors: np.ndarray, positions: np.ndarray, columns: Any) -> np.ndarray:  # noqa: ARG002
        output = np.zeros(positions.shape, OUTPUT)
        # Eagerly: traced for any length, TimeDistributed of Keras 3.15 gives rows of a wrong length.
        probabilities = self._model(vectors[positions], training=False)  # [batch, time, n_tags]
        output["tag_id"] = np.asarray(probabilities).argmax(-1)
        return output
