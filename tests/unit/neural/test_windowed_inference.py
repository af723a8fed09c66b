import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqtag.features import windows
from seqtag.neural.windowed_inference import OUTPUT, length_batches, predict_tokens

LENGTHS = st.lists(st.integers(0, 9), max_size=12)


class Echo:
    """Predicts the value of each token in `vectors`, and records the shapes of its batches."""

    def __init__(self):
        self.shapes = []

    def predict(self, vectors, positions, columns):  # noqa: ARG002
        self.shapes.append(positions.shape)
        output = np.zeros(positions.shape, dtype=OUTPUT)
        output["tag_id"] = vectors[positions]
        return output


@given(lengths=LENGTHS, cells=st.integers(1, 40))
def test_outputs_are_in_the_order_of_the_tokens(lengths, cells):
    offsets = np.cumsum([0, *lengths])
    word_type_ids = np.arange(1, offsets[-1] + 1, dtype=np.int32)
    vectors = 2 * np.arange(offsets[-1] + 1)
    cut = windows(lengths, buckets=[2, 4], overlap=2)
    output = predict_tokens(Echo(), vectors, word_type_ids, cut, offsets=offsets, cells=cells)
    assert output["tag_id"].tolist() == (2 * word_type_ids).tolist()


@given(lengths=LENGTHS, cells=st.integers(4, 40))
def test_no_batch_exceeds_the_maximum_of_cells(lengths, cells):
    echo = Echo()
    offsets = np.cumsum([0, *lengths])
    cut = windows(lengths, buckets=[2, 4], overlap=2)
    predict_tokens(echo, np.zeros(2), np.ones(offsets[-1], np.int32), cut, offsets=offsets, cells=cells)
    assert all(batch * time <= cells for batch, time in echo.shapes)


def test_sequences_of_similar_length_share_a_batch():
    batches = length_batches(np.array([3, 1, 4, 1, 5]), cells=8)
    assert [batch.tolist() for batch in batches] == [[1, 3], [0, 2], [4]]


def test_no_tokens_give_no_output():
    no_tokens, no_windows = np.zeros(0, np.int32), windows([], buckets=[4], overlap=0)
    output = predict_tokens(Echo(), np.zeros(1), no_tokens, no_windows, offsets=np.array([0]))
    assert output.dtype == OUTPUT
    assert len(output) == 0
