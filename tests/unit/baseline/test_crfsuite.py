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
def test_what_the_next_token_decides_is_learnt(toy, algorithm):
    predictions = write(*toy, algorithm=algorithm)
    assert column(predictions, "predicted") == column(predictions, "tags")


@pytest.mark.parametrize("algorithm", ["crfsuite-ap", "crfsuite-lbfgs"])
def test_facts_say_how_it_was_made(toy, tmp_path, algorithm):
    facts = write_baseline(*toy, tmp_path / "predictions.parquet", algorithm=algorithm, seed=1)
    assert facts["algorithm"] == algorithm
    assert facts["n_features"] > 0
    assert facts["seconds"] >= 0
    assert facts["version"].startswith("0.")


def test_sequences_are_cut_at_tokens_whose_tag_nobody_knows(split, toy):
    gaps = [
        (tokens, [None if i % 3 == 2 else tag for i, tag in enumerate(tags)])
        for tokens, tags in toy_language(400, seed=1)
    ]
    predictions = write(split("gaps", [*gaps, (["a"], [None])]), toy[1])
    assert column(predictions, "predicted") == column(predictions, "tags")


def test_predictions_have_the_columns_of_a_taggers(toy):
    schema = pq.read_schema(write(*toy))
    assert schema.names == [
        "row", "sequence_id", "document_id", "tokens", "tags", "predicted", "confidence", "unknown", "genre",
    ]  # fmt: skip
    assert schema.field("predicted").type == pa.list_(pa.string())
    assert schema.field("confidence").type == pa.list_(pa.float32())
    assert schema.field("unknown").type == pa.list_(pa.bool_())


def test_predictions_are_what_scoring_reads(toy):
    predictions = read_predictions(write(*toy), scheme="IOB2", columns=["genre"])
    assert predictions.rows.tolist() == list(range(40))


def test_confidence_is_the_probability_of_the_predicted_tag(split):
    train = split("train", [(["x"], ["A"]), (["x"], ["A"]), (["x"], ["A"]), (["x"], ["B"])] * 50)
    test = split("test", [(["x"], ["A"])])
    predictions = write(train, test, algorithm="crfsuite-lbfgs")
    assert column(predictions, "predicted") == [["A"]]
    np.testing.assert_allclose(column(predictions, "confidence"), [[0.75]], atol=0.01)  # as often as in train


def test_tokens_that_train_does_not_show_are_unknown(split):
    train = split("train", [(["a", "b"], ["A", "B"])])
    test = split("test", [(["b", "B", "c"], ["B", "B", "B"]), (["a"], ["A"]), (["c"], ["B"])])
    assert column(write(train, test), "unknown") == [[False, True, True], [False], [True]]


@pytest.mark.parametrize("algorithm", ["crfsuite-ap", "crfsuite-lbfgs"])
def test_the_same_files_and_seed_give_the_same_bytes_whoever_drew_before(split, algorithm):
    noisy = [
        ([t + str(i % 7) for t in tokens], tags[::-1])
        for i, (tokens, tags) in enumerate(toy_language(99, seed=1))
    ]
    files = split("train", noisy), split("test", toy_language(40, seed=2))
    first = write(*files, to="first", algorithm=algorithm).read_bytes()
    ctypes.CDLL(None).rand()
    assert write(*files, to="second", algorithm=algorithm).read_bytes() == first


def test_row_groups_change_nothing(split):
    whole = write(
        split("train", toy_language(60, seed=1)), split("test", toy_language(20, seed=2)), to="whole"
    )
    parts = write(
        split("train", toy_language(60, seed=1), row_group=7),
        split("test", toy_language(20, seed=2), row_group=3),
        to="parts",
    )
    assert pq.read_table(parts).equals(pq.read_table(whole))


def test_untagged_and_empty_sequences_stay_where_they_are(split):
    train = split("train", [(["a"], ["A"]), (["b"], None), ([], []), (["c"], ["C"])])
    test = split("test", [([], []), (["a"], None), (["c", "a"], ["C", "A"]), ([], None)])
    predictions = write(train, test)
    assert column(predictions, "predicted") == [[], ["A"], ["C", "A"], []]
    assert column(predictions, "tags") == [[], None, ["C", "A"], None]
    assert [len(sure) for sure in column(predictions, "confidence")] == [0, 1, 2, 0]


def test_a_missing_token_counts_as_an_empty_one(split):
    predictions = write(
        split("train", [(["a", None], ["A", "B"])]), split("test", [(["", None], ["B", "B"])])
    )
    assert column(predictions, "unknown") == [[False, False]]


def test_train_without_a_tagged_sequence_is_refused(split):
    train, test = split("train", [(["a"], None), ([], [])]), split("test", [(["a"], ["A"])])
    with pytest.raises(TrainingError, match=r"at least one tagged sequence was required\. Received: none"):
        write(train, test)


def test_nothing_is_printed_and_nothing_else_is_left(toy, tmp_path, capfd):
    write(*toy)
    assert capfd.readouterr() == ("", "")
    assert {path.name for path in tmp_path.iterdir()} == {
        "train.parquet", "test.parquet", "predictions.parquet",
    }  # fmt: skip
