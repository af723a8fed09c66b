from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from seqtag.config import CutConfig
from seqtag.corpus.cut_points import cut_points
from seqtag.errors import RunDirError
from seqtag.features import Vectors
from seqtag.neural import Tagger, write_predictions
from seqtag.neural.inference.predicted_spans import SPANS, predicted_spans
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


def test_tags_have_confidences_and_unknown_tokens_are_marked(tagger):
    tagged = tagger.tag(lists(["b", "c"], ["b", "NEW", "a"]))
    assert tagged.predicted.to_pylist() == [["B-X", "O"], ["O", "O", "O"]]
    assert tagged.unknown.to_pylist() == [[False, False], [False, True, False]]
    assert [len(sequence) for sequence in tagged.confidence.to_pylist()] == [2, 3]
    confidence = tagged.confidence.flatten().to_numpy()
    assert confidence.dtype == np.float32
    assert (confidence > 0.5).all()  # the more probable one of two tags
    assert (confidence <= 1).all()


def test_a_loaded_tagger_reproduces_the_dev_score_of_its_training(tagger, toy):
    from seqtag.evaluation import score_value

    dev = pq.read_table(toy.split("dev")).combine_chunks()
    tokens, gold = (dev[name].chunk(0) for name in ("tokens", "tags"))
    predicted = tagger.tag(tokens).predicted
    assert score_value(gold, predicted, metric="span_f1", scheme="IOB2") == tagger.bundle.dev_score
    assert score_value(gold, predicted, metric="accuracy", scheme="IOB2") == tagger.bundle.dev_accuracy


def test_long_sequences_are_tagged_in_the_pieces_of_the_rule_and_written_whole(tagger, test_tokens):
    words = test_tokens.flatten().to_pylist()[:70]
    cut = CutConfig(max_length=9, after=["a"])
    bundle = tagger.bundle.model_copy(update={"cut": cut})

    found = replace(tagger, bundle=bundle).tag(lists(["b", "c"], words, []))

    starts = [0, *cut_points(lists(words), cut).positions.tolist(), len(words)]
    pieces = tagger.tag(lists(*(words[start:stop] for start, stop in pairwise(starts))))
    for field in fields(found):
        assert [len(each) for each in getattr(found, field.name).to_pylist()] == [2, 70, 0]
    assert found.predicted[1].as_py() == pieces.predicted.flatten().to_pylist()
    confidence = np.array(found.confidence[1].as_py())
    np.testing.assert_allclose(confidence, pieces.confidence.flatten(), atol=1e-5)
    uncut = tagger.tag(lists(words)).confidence.flatten()
    assert not np.allclose(confidence, uncut, atol=1e-5)  # it depends on the next token


def test_no_sequences_give_no_tags(tagger):
    tagged = tagger.tag(lists())
    sizes = [len(getattr(tagged, field.name)) for field in fields(tagged)]
    assert sizes == [0, 0, 0, 0]
    assert tagged.predicted.type == STRINGS


def test_empty_sequences_keep_their_places(tagger):
    tagged = tagger.tag(lists([], ["b", "c"], None, [], ["a"], []))
    assert tagged.predicted.to_pylist() == [[], ["B-X", "O"], [], [], ["O"], []]
    assert tagger.tag(lists([], [])).confidence.to_pylist() == [[], []]


def test_a_slice_of_a_longer_array_is_tagged_correctly(tagger):
    tokens = lists(["a"], ["b", "c"], ["b"], ["c"])
    assert tagger.tag(tokens.slice(1, 2)).predicted.to_pylist() == [["B-X", "O"], ["O"]]


def test_a_sequence_of_unknown_tokens_is_tagged(tagger):
    tagged = tagger.tag(lists(["x", "y", "<pad>", "<unk>"]))
    assert tagged.unknown.to_pylist() == [[True] * 4]
    assert len(tagged.predicted[0]) == 4


def test_tags_of_a_sequence_do_not_depend_on_other_sequences(tagger, test_tokens):
    together = tagger.tag(test_tokens)
    for i in range(0, len(test_tokens), 7):
        alone = tagger.tag(test_tokens.slice(i, 1))
        assert alone.predicted.to_pylist() == [together.predicted[i].as_py()]
        np.testing.assert_allclose(
            alone.confidence.flatten(), pa.array(together.confidence[i].as_py()), atol=1e-6
        )


def test_a_sequence_longer_than_all_buckets_is_tagged_completely(tagger):
    tokens = ["a", "b", "c", "b", "a"] * 20_000
    predicted = tagger.tag(lists(tokens, ["b", "c"])).predicted.to_pylist()
    assert predicted == [["O", "B-X", "O", "O", "O"] * 20_000, ["B-X", "O"]]


@pytest.mark.parametrize("output", ["viterbi", "crf"])
def test_a_long_sequence_gets_the_same_tags_in_one_window_and_in_many(suffix_bundle, output):
    tagger = Tagger.load(suffix_bundle(output))
    sequences = suffix_language(700, seed=9, letters="rstu")
    tokens = [token for sequence in sequences for token, _ in sequence][:3000]
    assert len(tokens) == 3000
    whole, in_windows = (
        replace(
            tagger,
            bundle=tagger.bundle.model_copy(update={"bucket_lengths": bucket_lengths, "window_overlap": 64}),
        ).tag(lists(tokens))
        for bucket_lengths in ([4096], [64, 512])
    )
    assert whole.predicted.to_pylist() == in_windows.predicted.to_pylist()
    # each kept token has at least 32 tokens of context on both sides; the LSTM forgets more distant ones
    for name in ("confidence", "span_confidence"):
        in_one_window, in_many = (getattr(tagged, name).flatten() for tagged in (whole, in_windows))
        np.testing.assert_allclose(in_one_window, in_many, atol=1e-3)


def test_the_confidence_of_a_span_is_the_product_over_its_tokens(suffixes, suffix_bundle):
    tokens = pq.read_table(suffixes.split("test"))["tokens"].combine_chunks()
    short = tokens.filter(pc.less_equal(pc.list_value_length(tokens), 8))  # one window each
    tagged = Tagger.load(suffix_bundle("viterbi")).tag(short)
    predicted = tagged.predicted.flatten().to_pylist()
    confidence, span_confidence = (values.flatten() for values in (tagged.confidence, tagged.span_confidence))
    begins = [i for i, tag in enumerate(predicted) if tag != "I-X"]
    sizes = np.diff([*begins, len(predicted)])
    assert {1, 2, 3} <= set(sizes)
    products = np.multiply.reduceat(confidence.to_numpy(), begins)
    np.testing.assert_allclose(span_confidence, np.repeat(products, sizes), rtol=1e-4)


def test_unseen_words_are_tagged_by_their_static_vectors(vector_bundle):
    tagger = Tagger.load(vector_bundle)
    words = Vectors.load(vector_bundle / "vectors.parquet").words.to_pylist()  # in the order of the file
    tagged = tagger.tag(lists(*([word.upper()] for word in words)))
    predicted = np.array(tagged.predicted.flatten().to_pylist())
    assert np.mean(predicted == [f"T{i % 2}" for i in range(160)]) > 0.9  # capitals are unseen, too
    assert tagged.unknown.flatten().to_pylist() == [False] * 100 + [True] * 60


def test_predicted_spans_have_the_confidence_of_their_tokens(tagger):
    tagged = tagger.tag(lists(["b", "c", "b", "c"], [], ["a"], ["b", "c"]))
    assert tagged.predicted.to_pylist() == [["B-X", "O", "B-X", "O"], [], ["O"], ["B-X", "O"]]
    spans = predicted_spans(tagged.predicted, tagged.span_confidence, "IOB2")
    assert spans.type == SPANS
    sure = tagged.span_confidence.to_pylist()
    assert spans.to_pylist() == [
        [
            {"type": "X", "start": 0, "stop": 1, "confidence": sure[0][0]},
            {"type": "X", "start": 2, "stop": 3, "confidence": sure[0][2]},
        ],
        [],
        [],
        [{"type": "X", "start": 0, "stop": 1, "confidence": sure[3][0]}],
    ]


def test_a_model_trained_in_iobes_can_output_iob2(cut_bundle):
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
    assert table["seen"].to_pylist() == [None, None]  # the bundle has no hashes of its training sequences


def test_predictions_use_the_scheme_of_the_split(toy, toy_bundle, tmp_path):
    write_split(tmp_path / "test.parquet", [[("b", "S-X"), ("c", "O")]])
    write_predictions(toy_bundle, tmp_path / "test.parquet", tmp_path / "predictions.parquet", scheme="IOBES")
    assert pq.read_table(tmp_path / "predictions.parquet")["predicted"].to_pylist() == [["S-X", "O"]]


def test_a_bundle_with_spans_is_rejected_for_a_split_without(toy, toy_bundle, tmp_path):
    with pytest.raises(RunDirError, match=r"tag scheme IOB2 of the bundle cannot be converted to none"):
        write_predictions(toy_bundle, toy.split("test"), tmp_path / "predictions.parquet", scheme="none")


def test_predictions_of_several_row_groups_equal_those_of_one(toy, toy_bundle, tmp_path):
    for size in (3, 1000):
        pq.write_table(pq.read_table(toy.split("test")), tmp_path / f"{size}.parquet", row_group_size=size)
        write_predictions(
            toy_bundle, tmp_path / f"{size}.parquet", tmp_path / f"{size}-predictions.parquet", scheme="IOB2"
        )
    few, many = (pq.read_table(tmp_path / f"{size}-predictions.parquet") for size in (3, 1000))
    assert few["predicted"].to_pylist() == many["predicted"].to_pylist()


def test_predictions_can_be_read_for_scoring(toy, toy_bundle, tmp_path):
    from seqtag.evaluation.predictions import read_predictions

    write_predictions(toy_bundle, toy.split("test"), tmp_path / "predictions.parquet", scheme="IOB2")
    predictions = read_predictions(tmp_path / "predictions.parquet", scheme="IOB2", columns=["genre"])
    assert len(predictions.rows) == 40
    assert np.mean(predictions.pairs.gold == predictions.pairs.predicted) > 0.95


def test_a_folder_without_a_bundle_is_rejected(tmp_path):
    with pytest.raises(RunDirError, match="file is missing from the bundle"):
        Tagger.load(tmp_path)
