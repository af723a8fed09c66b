"""Columns of tokens in TensorFlow; their encoding in NumPy is the referee."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from seqtag.config import CategoryColumn, NumberColumn, SetColumn, TimeColumn
from seqtag.corpus.token_values import numbers, seconds
from seqtag.features import ColumnIndex, Gazetteer, LearnedColumn, padded_rows, windows
from seqtag.neural._tensorflow import tf
from seqtag.neural.layers.column_features import ColumnFeatures

CATEGORY = CategoryColumn(kind="category", name="a")
NUMBER = NumberColumn(kind="number", name="b", buckets=3)
TIME = TimeColumn(kind="time", name="c", zone="America/New_York")
SET = SetColumn(kind="set", name="d", separator="||")
INDEX = ColumnIndex(
    columns=(
        LearnedColumn(column=CATEGORY, known=("x", "ü")),
        LearnedColumn(column=NUMBER, centre=2, scale=0.5, edges=(1.0, 2.5)),
        LearnedColumn(column=TIME, centre=4, scale=1.5),
        LearnedColumn(column=SET, known=("p", "q")),
    ),
    gazetteers=(
        Gazetteer(name="places", size=4, fold="none", phrases=("a", "a b", "b a", "a b a", "c")),
        Gazetteer(name="long", size=4, fold="none", phrases=("a a a",)),
    ),
)
TEXTS = {
    "a": ["x", "ü", "new", None],
    "b": ["1", "2.5", "-3e9", "2", None],
    "c": ["2026-03-08T06:59:59Z", "2026-03-08T07:00:01Z", "1969-12-31T23:00:00Z", "2026-07-01", None],
    "d": ["q||p", "p", "r||s", "p||", " p\u00a0||\tq", None],
}


def drawn(lengths, seed):
    random = np.random.default_rng(seed)
    return {
        name: [[texts[i] for i in random.integers(0, len(texts), n)] for n in lengths]
        for name, texts in TEXTS.items()
    }


def drawn_words(lengths, seed):
    """Return sequences of few words, so that phrases overlap; one word has a blank within."""
    random = np.random.default_rng(seed)
    return [[str(word) for word in random.choice(["a", "b", "a b", "c"], n)] for n in lengths]


def typed(name, texts, width):
    """Return a column as a client sends it, `[width]`."""
    array = pa.array(texts, pa.string())
    if name in "bc":
        values = numbers(array) if name == "b" else seconds(array, None)
        return np.pad(values, (0, width - len(texts)), constant_values=np.nan)
    return [text or "" for text in texts] + [""] * (width - len(texts))


@pytest.mark.parametrize("seed", range(5))
def test_the_graph_gives_the_same_as_the_encoding(seed):
    lengths = [3, 1, 7, 0, 5]
    lists, width, offsets = drawn(lengths, seed), max(lengths) + 1, np.cumsum([0, *lengths])
    arrow = {name: pa.array(rows, pa.list_(pa.string())) for name, rows in lists.items()}
    words = drawn_words(lengths, seed)
    expected = INDEX.encoded(pa.array(words, pa.list_(pa.string())), arrow)
    features = ColumnFeatures(INDEX, tf.identity)
    given = {
        name: tf.constant([typed(name, row, width) for row in lists[name]], spec.dtype)
        for name, spec in features.specs().items()
    }
    real = np.arange(width) < np.array(lengths)[:, None]
    tokens = tf.constant([row + [""] * (width - len(row)) for row in words])
    found = tf.function(features)(tokens, given, tf.constant(real))

    cut = windows(lengths, buckets=[width], overlap=0)
    for name, values in expected.items():
        padded = padded_rows(values, cut, offsets=offsets, width=width)
        np.testing.assert_allclose(found[name].numpy()[np.array(lengths) > 0], padded, atol=2e-5)
        assert not found[name].numpy()[~real].any()


def test_numbers_at_an_edge_are_in_the_same_bucket():
    tokens = pa.array([["t"] * 3], pa.list_(pa.string()))
    expected = INDEX.encoded(tokens, {"b": pa.array([["1", "2.5", "2.4999"]], tokens.type)})
    given = {
        "a": tf.constant([["", "", ""]]),
        "b": tf.constant([[1.0, 2.5, 2.4999]], tf.float64),
        "c": tf.constant([[np.nan] * 3], tf.float64),
        "d": tf.constant([["", "", ""]]),
    }
    found = ColumnFeatures(INDEX, tf.identity)(tf.constant([["t"] * 3]), given, tf.constant([[True] * 3]))
    np.testing.assert_array_equal(found["ids"].numpy()[0], expected["ids"])


def test_large_numbers_that_differ_little_are_not_rounded():
    column = LearnedColumn(column=NUMBER, centre=1_700_000_000, scale=60, edges=(1_700_000_050.0,))
    features = ColumnFeatures(ColumnIndex(columns=(column,)), tf.identity)
    given = tf.constant([[1_700_000_060, 1_700_000_030]], features.specs()["b"].dtype)
    found = features(tf.constant([["t", "t"]]), {"b": given}, tf.constant([[True, True]]))
    assert found["ids"].numpy().tolist() == [[[3], [2]]]
    assert found["values"].numpy().tolist() == [[[1.0, 0.0], [0.5, 0.0]]]
