from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from seqtag.errors import RunDirError
from seqtag.features import Vectors
from seqtag.neural import Tagger, write_predictions
from tests.unit.neural.toy import suffix_language, write_split

STRINGS = pa.list_(pa.string())


def lists(*sequences):
    return pa.array(sequences, STRINGS)


@pytest.fixture(scope="module")
def tagger(toy_bundle):
    return Tagger.load(toy_bundle)


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
    from seqtag.evaluation import score_value

    dev = pq.read_table(toy.split("dev")).combine_chunks()
    tokens, gold = (dev[name].chunk(0) for name in ("tokens", "tags"))
    predicted = tagger.tag(tokens).predicted
    assert score_value(gold, predicted, metric="span_f1", scheme="IOB2") == tagger.bundle.dev_score
    assert score_value(gold, predicted, metric="accuracy", scheme="IOB2") == tagger.bundle.dev_accuracy


def test_nothing_gives_nothing(tagger):
    tagged = tagger.tag(lists())
    sizes = [len(getattr(tagged, field.name)) for field in fields(tagged)]
    assert sizes == [0, 0, 0, 0]
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


@pytest.mark.parametrize("output", ["viterbi", "crf"])
def test_windows_of_a_long_sequence_say_what_one_window_says(suffix_bundle, output):
    tagger = Tagger.load(suffix_bundle(output))
    sequences = suffix_language(700, seed=9, letters="rstu")
    tokens = [token for sequence in sequences for token, _ in sequence][:3000]
    assert len(tokens) == 3000
    whole, in_windows = (
        replace(tagger, bundle=tagger.bundle.model_copy(update={"ladder": ladder, "window_overlap": 64})).tag(
            lists(tokens)
        )
        for ladder in ([4096], [64, 512])
    )
    assert whole.predicted.to_pylist() == in_windows.predicted.to_pylist()
    # 32 tokens on either side are kept out of sight: the recurrence forgets what is farther away
    for name in ("confidence", "span_confidence"):
        said, by_windows = (getattr(tagged, name).flatten() for tagged in (whole, in_windows))
        np.testing.assert_allclose(said, by_windows, atol=1e-3)


def test_a_span_is_as_sure_as_its_tokens_together(suffixes, suffix_bundle):
    tokens = pq.read_table(suffixes.split("test"))["tokens"].combine_chunks()
    short = tokens.filter(pc.less_equal(pc.list_value_length(tokens), 8))  # one window each
    tagged = Tagger.load(suffix_bundle("viterbi")).tag(short)
    predicted = tagged.predicted.flatten().to_pylist()
    confidence, of_span = (values.flatten() for values in (tagged.confidence, tagged.span_confidence))
    begins = [i for i, tag in enumerate(predicted) if tag != "I-X"]
    sizes = np.diff([*begins, len(predicted)])
    assert {1, 2, 3} <= set(sizes)
    together = np.multiply.reduceat(confidence.to_numpy(), begins)
    np.testing.assert_allclose(of_span, np.repeat(together, sizes), rtol=1e-4)


def test_a_word_that_train_never_shows_is_tagged_by_its_static_vector(vector_bundle):
    tagger = Tagger.load(vector_bundle)
    words = Vectors.load(vector_bundle / "vectors.parquet").words.to_pylist()  # in the order of the file
    tagged = tagger.tag(lists(*([word.upper()] for word in words)))
    predicted = np.array(tagged.predicted.flatten().to_pylist())
    assert np.mean(predicted == [f"T{i % 2}" for i in range(160)]) > 0.9  # capitals are new, too
    assert tagged.unknown.flatten().to_pylist() == [False] * 100 + [True] * 60


def test_a_model_that_thinks_in_iobes_says_iob2(cut_bundle):
    tagger = Tagger.load(cut_bundle("IOBES"))
    assert set(tagger.tags.tags) == {"O", "B-X", "I-X", "E-X", "S-X"}
    tagged = tagger.tag(lists(["the", "rstuton", "sttsly"], ["of", "rstuton", "utured"]))
    assert tagged.predicted.to_pylist() == [["O", "B-X", "I-X"], ["O", "B-X", "O"]]


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
        "span_confidence",
        "unknown",
        "genre",
        "seen",
        "tested",
    ]
    assert table["row"].to_pylist() == [7, 8]
    assert table["predicted"].to_pylist()[0] == ["B-X", "O"]
    assert table["unknown"].to_pylist() == [[False, False], [True]]
    assert table["genre"].to_pylist() == ["toy", "toy"]
    assert table["seen"].to_pylist() == [None, None]  # this bundle does not say what it was trained on


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
    from seqtag.evaluation.predictions import read_predictions

    write_predictions(toy_bundle, toy.split("test"), tmp_path / "predictions.parquet", scheme="IOB2")
    predictions = read_predictions(tmp_path / "predictions.parquet", scheme="IOB2", columns=["genre"])
    assert len(predictions.rows) == 40
    assert np.mean(predictions.pairs.gold == predictions.pairs.predicted) > 0.95


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(RunDirError, match="file is missing from the bundle"):
        Tagger.load(tmp_path)
