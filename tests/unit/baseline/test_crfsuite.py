import ctypes

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.baseline import write_baseline
from seqtag.errors import TrainingError
from seqtag.evaluation.predictions import read_predictions
from tests.unit.baseline.conftest import toy_language

pytest.importorskip("pycrfsuite", reason="python-crfsuite is not installed: pip install 'seqtag[baseline]'")


def write(train, test, *, to="predictions", algorithm="crfsuite-ap", seed=1):
    path = test.parent / f"{to}.parquet"
    write_baseline(train, test, path, algorithm=algorithm, seed=seed)
    return path


def column(path, name):
    return pq.read_table(path)[name].to_pylist()


@pytest.mark.parametrize("algorithm", ["crfsuite-ap", "crfsuite-lbfgs"])
def test_tags_that_depend_on_the_next_token_are_learned(toy, algorithm):
    predictions = write(*toy, algorithm=algorithm)
    assert column(predictions, "predicted") == column(predictions, "tags")


@pytest.mark.parametrize("algorithm", ["crfsuite-ap", "crfsuite-lbfgs"])
def test_facts_describe_the_baseline(toy, tmp_path, algorithm):
    facts = write_baseline(*toy, tmp_path / "predictions.parquet", algorithm=algorithm, seed=1)
    assert facts.algorithm == algorithm
    assert facts.n_features > 0
    assert facts.seconds >= 0
    assert facts.version.startswith("0.")


def test_sequences_are_split_at_tokens_of_unknown_tag(split, toy):
    gaps = [
        (tokens, [None if i % 3 == 2 else tag for i, tag in enumerate(tags)])
        for tokens, tags in toy_language(400, seed=1)
    ]
    predictions = write(split("gaps", [*gaps, (["a"], [None])]), toy[1])
    assert column(predictions, "predicted") == column(predictions, "tags")


def test_predictions_have_the_columns_of_a_tagger(toy):
    schema = pq.read_schema(write(*toy))
    assert schema.names == [
        "row", "sequence_id", "document_id", "tokens", "tags", "predicted", "confidence", "unknown", "genre",
    ]  # fmt: skip
    assert schema.field("predicted").type == pa.list_(pa.string())
    assert schema.field("confidence").type == pa.list_(pa.float32())
    assert schema.field("unknown").type == pa.list_(pa.bool_())


def test_predictions_can_be_read_for_scoring(toy):
    predictions = read_predictions(write(*toy), scheme="IOB2", columns=["genre"])
    assert predictions.rows.tolist() == list(range(40))


def test_confidence_is_the_probability_of_the_predicted_tag(split):
    train = split("train", [(["x"], ["A"]), (["x"], ["A"]), (["x"], ["A"]), (["x"], ["B"])] * 50)
    test = split("test", [(["x"], ["A"])])
    predictions = write(train, test, algorithm="crfsuite-lbfgs")
    assert column(predictions, "predicted") == [["A"]]
    np.testing.assert_allclose(column(predictions, "confidence"), [[0.75]], atol=0.01)  # as in train


def test_tokens_that_do_not_occur_in_train_are_unknown(split):
    train = split("train", [(["a", "b"], ["A", "B"])])
    test = split("test", [(["b", "B", "c"], ["B", "B", "B"]), (["a"], ["A"]), (["c"], ["B"])])
    assert column(write(train, test), "unknown") == [[False, True, True], [False], [True]]


@pytest.mark.parametrize("algorithm", ["crfsuite-ap", "crfsuite-lbfgs"])
def test_equal_files_and_seeds_give_equal_bytes_regardless_of_earlier_rand_calls(split, algorithm):
    noisy = [
        ([t + str(i % 7) for t in tokens], tags[::-1])
        for i, (tokens, tags) in enumerate(toy_language(99, seed=1))
    ]
    files = split("train", noisy), split("test", toy_language(40, seed=2))
    first = write(*files, to="first", algorithm=algorithm).read_bytes()
    ctypes.CDLL(None).rand()
    assert write(*files, to="second", algorithm=algorithm).read_bytes() == first


def test_row_groups_have_no_effect(split):
    whole = write(
        split("train", toy_language(60, seed=1)), split("test", toy_language(20, seed=2)), to="whole"
    )
    parts = write(
        split("train", toy_language(60, seed=1), row_group=7),
        split("test", toy_language(20, seed=2), row_group=3),
        to="parts",
    )
    assert pq.read_table(parts).equals(pq.read_table(whole))


def test_untagged_and_empty_sequences_keep_their_places(split):
    train = split("train", [(["a"], ["A"]), (["b"], None), ([], []), (["c"], ["C"])])
    test = split("test", [([], []), (["a"], None), (["c", "a"], ["C", "A"]), ([], None)])
    predictions = write(train, test)
    assert column(predictions, "predicted") == [[], ["A"], ["C", "A"], []]
    assert column(predictions, "tags") == [[], None, ["C", "A"], None]
    assert [len(values) for values in column(predictions, "confidence")] == [0, 1, 2, 0]


def test_a_null_token_counts_as_an_empty_one(split):
    predictions = write(
        split("train", [(["a", None], ["A", "B"])]), split("test", [(["", None], ["B", "B"])])
    )
    assert column(predictions, "unknown") == [[False, False]]


def test_a_train_split_without_tags_is_rejected(split):
    train, test = split("train", [(["a"], None), ([], [])]), split("test", [(["a"], ["A"])])
    with pytest.raises(TrainingError, match=r"train\.parquet: no tagged sequence to train on"):
        write(train, test)


def test_nothing_is_printed_and_no_temporary_files_remain(toy, tmp_path, capfd):
    write(*toy)
    assert capfd.readouterr() == ("", "")
    assert {path.name for path in tmp_path.iterdir()} == {
        "train.parquet", "test.parquet", "predictions.parquet",
    }  # fmt: skip
