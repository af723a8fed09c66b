import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.errors import RunDirError
from seqtag.neural import Tagger, write_predictions
from seqtag.neural._tensorflow import tf
from tests.unit.neural.toy import write_split

STRINGS = pa.list_(pa.string())


def lists(*sequences):
    return pa.array(sequences, STRINGS)


@pytest.fixture(scope="module")
def tagger(toy_bundle):
    return Tagger.load(toy_bundle)


@pytest.fixture(scope="module")
def saved_model(toy_bundle):
    return tf.saved_model.load(str(toy_bundle / "saved_model"))


@pytest.fixture(scope="module")
def test_tokens(toy):
    return pq.read_table(toy.split("test"))["tokens"].combine_chunks()


def test_tags_come_with_confidence_and_unknown_tokens(tagger):
    tagged = tagger.tag(lists(["b", "c"], ["b", "NEW", "a"]))
    assert tagged.predicted.to_pylist() == [["B-X", "O"], ["O", "O", "O"]]
    assert tagged.unknown.to_pylist() == [[False, False], [False, True, False]]
    assert [len(sequence) for sequence in tagged.confidence.to_pylist()] == [2, 3]
    confidence = tagged.confidence.flatten().to_numpy()
    assert confidence.dtype == np.float32
    assert (confidence > 0.5).all()  # of two tags the more probable one
    assert (confidence <= 1).all()


def test_a_loaded_tagger_scores_on_dev_what_was_recorded_in_training(tagger, toy):
    from seqtag.scoring import score_value

    dev = pq.read_table(toy.split("dev")).combine_chunks()
    tokens, gold = (dev[name].chunk(0) for name in ("tokens", "tags"))
    predicted = tagger.tag(tokens).predicted
    assert score_value(gold, predicted, metric="span_f1", scheme="IOB2") == tagger.bundle.dev_score
    assert score_value(gold, predicted, metric="accuracy", scheme="IOB2") == tagger.bundle.dev_accuracy


def test_nothing_gives_nothing(tagger):
    tagged = tagger.tag(lists())
    assert (len(tagged.predicted), len(tagged.confidence), len(tagged.unknown)) == (0, 0, 0)
    assert tagged.predicted.type == STRINGS


def test_empty_sequences_stay_where_they_are(tagger):
    tagged = tagger.tag(lists([], ["b", "c"], None, [], ["a"], []))
    assert tagged.predicted.to_pylist() == [[], ["B-X", "O"], [], [], ["O"], []]
    assert tagger.tag(lists([], [])).confidence.to_pylist() == [[], []]


def test_a_slice_of_a_longer_array_is_tagged_as_itself(tagger):
    tokens = lists(["a"], ["b", "c"], ["b"], ["c"])
    assert tagger.tag(tokens.slice(1, 2)).predicted.to_pylist() == [["B-X", "O"], ["O"]]


def test_a_sequence_of_unknown_tokens_is_tagged(tagger):
    tagged = tagger.tag(lists(["x", "y", "<pad>", "<unk>"]))
    assert tagged.unknown.to_pylist() == [[True] * 4]
    assert len(tagged.predicted[0]) == 4


def test_what_else_is_tagged_with_it_changes_nothing(tagger, test_tokens):
    together = tagger.tag(test_tokens)
    for i in range(0, len(test_tokens), 7):
        alone = tagger.tag(test_tokens.slice(i, 1))
        assert alone.predicted.to_pylist() == [together.predicted[i].as_py()]
        np.testing.assert_allclose(
            alone.confidence.flatten(), pa.array(together.confidence[i].as_py()), atol=1e-6
        )


def test_a_sequence_beyond_the_ladder_is_tagged_whole(tagger):
    tokens = ["a", "b", "c", "b", "a"] * 20_000
    predicted = tagger.tag(lists(tokens, ["b", "c"])).predicted.to_pylist()
    assert predicted == [["O", "B-X", "O", "O", "O"] * 20_000, ["B-X", "O"]]


def test_the_saved_model_gives_the_same_tags(tagger, saved_model, toy):
    tokens = lists(["b", "c", "b"], ["NEW", "b"], ["a", "b", "c", "a", "b", "c", "b", "b"])
    padded = [s + [""] * (8 - len(s)) for s in tokens.to_pylist()]
    served = saved_model.signatures["serving_default"](tokens=tf.constant(padded))
    tagged = tagger.tag(tokens)
    for i, (sequence, confidence) in enumerate(
        zip(tagged.predicted.to_pylist(), tagged.confidence.to_pylist(), strict=True)
    ):
        n = len(sequence)
        assert served["tags"][i].numpy().tolist() == [t.encode() for t in sequence] + [b""] * (8 - n)
        np.testing.assert_allclose(served["confidence"][i][:n], confidence, atol=1e-6)
        assert served["confidence"][i][n:].numpy().tolist() == [0.0] * (8 - n)


def test_the_saved_model_takes_ragged_tokens(saved_model):
    served = saved_model.tag_ragged(tf.ragged.constant([["b", "c"], [], ["b"]]))
    assert served["tags"].to_list() == [[b"B-X", b"O"], [], [b"O"]]
    assert [len(row) for row in served["confidence"].to_list()] == [2, 0, 1]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (2, 0), (2, 3)])
def test_the_saved_model_takes_batches_of_nothing(saved_model, shape):
    served = saved_model.signatures["serving_default"](tokens=tf.fill(shape, ""))
    assert tuple(served["tags"].shape) == shape
    assert set(served["tags"].numpy().reshape(-1).tolist()) <= {b""}


def test_an_empty_token_between_tokens_is_unknown_in_the_saved_model_too(tagger, saved_model):
    served = saved_model.signatures["serving_default"](tokens=tf.constant([["b", "", "c", ""]]))
    tagged = tagger.tag(lists(["b", "", "c"]))
    assert [t.decode() for t in served["tags"].numpy()[0]] == [*tagged.predicted[0].as_py(), ""]
    np.testing.assert_allclose(served["confidence"][0][:3], tagged.confidence[0].as_py(), atol=1e-6)


def test_predictions_keep_the_splits_columns_and_order(toy, toy_bundle, tmp_path):
    sequences = [[("b", "B-X"), ("c", "O")], [("NEW", "O")]]
    write_split(tmp_path / "test.parquet", sequences, first_row=7)
    write_predictions(toy_bundle, tmp_path / "test.parquet", tmp_path / "predictions.parquet", scheme="IOB2")
    table = pq.read_table(tmp_path / "predictions.parquet")
    assert table.column_names == [
        "row",
        "sequence_id",
        "document_id",
        "tokens",
        "tags",
        "predicted",
        "confidence",
        "unknown",
        "genre",
    ]
    assert table["row"].to_pylist() == [7, 8]
    assert table["predicted"].to_pylist()[0] == ["B-X", "O"]
    assert table["unknown"].to_pylist() == [[False, False], [True]]
    assert table["genre"].to_pylist() == ["toy", "toy"]


def test_predictions_are_spelled_in_the_splits_scheme(toy, toy_bundle, tmp_path):
    write_split(tmp_path / "test.parquet", [[("b", "S-X"), ("c", "O")]])
    write_predictions(toy_bundle, tmp_path / "test.parquet", tmp_path / "predictions.parquet", scheme="IOBES")
    assert pq.read_table(tmp_path / "predictions.parquet")["predicted"].to_pylist() == [["S-X", "O"]]


def test_a_bundle_with_spans_is_not_asked_about_tags_without(toy, toy_bundle, tmp_path):
    with pytest.raises(RunDirError, match=r"scheme none was required\. Received: one of IOB2"):
        write_predictions(toy_bundle, toy.split("test"), tmp_path / "predictions.parquet", scheme="none")


def test_predictions_of_several_row_groups_equal_those_of_one(toy, toy_bundle, tmp_path):
    for size in (3, 1000):
        pq.write_table(pq.read_table(toy.split("test")), tmp_path / f"{size}.parquet", row_group_size=size)
        write_predictions(
            toy_bundle, tmp_path / f"{size}.parquet", tmp_path / f"{size}-predictions.parquet", scheme="IOB2"
        )
    few, many = (pq.read_table(tmp_path / f"{size}-predictions.parquet") for size in (3, 1000))
    assert few["predicted"].to_pylist() == many["predicted"].to_pylist()


def test_predictions_are_what_scoring_reads(toy, toy_bundle, tmp_path):
    from seqtag.scoring.predictions import read_predictions

    write_predictions(toy_bundle, toy.split("test"), tmp_path / "predictions.parquet", scheme="IOB2")
    predictions = read_predictions(tmp_path / "predictions.parquet", scheme="IOB2", columns=["genre"])
    assert len(predictions.rows) == 40
    assert np.mean(predictions.pairs.gold == predictions.pairs.predicted) > 0.95


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(RunDirError, match="a bundle of format 1 was required"):
        Tagger.load(tmp_path)
