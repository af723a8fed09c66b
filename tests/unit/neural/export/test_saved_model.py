"""The tagger is the referee of the SavedModel."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqtag.neural import Tagger
from seqtag.neural._tensorflow import tf
from tests.unit.neural.toy import make_corpus

BUNDLES = ["base", "viterbi", "crf", "crf in IOBES", "static vectors"]


@dataclass(frozen=True)
class Both:
    """A tagger, and the SavedModel in its bundle."""

    folder: Path
    tagger: Tagger
    served: Any

    def padded(self, rows) -> dict[str, np.ndarray]:
        tokens = rows if isinstance(rows, tf.Tensor) else tf.constant(rows, tf.string)
        served = self.served.signatures["serving_default"](tokens=tokens)
        return {name: values.numpy() for name, values in served.items()}

    def ragged(self, sequences) -> dict[str, list[list[Any]]]:
        tokens = tf.ragged.constant(sequences, tf.string, ragged_rank=1)
        return {name: values.to_list() for name, values in self.served.tag_ragged(tokens).items()}


@pytest.fixture(scope="module")
def all_bundles(request):
    makers = {
        "base": lambda: request.getfixturevalue("toy_bundle"),
        "viterbi": lambda: request.getfixturevalue("suffix_bundle")("viterbi"),
        "crf": lambda: request.getfixturevalue("suffix_bundle")("crf"),
        "crf in IOBES": lambda: request.getfixturevalue("cut_bundle")("IOBES"),
        "static vectors": lambda: request.getfixturevalue("vector_bundle"),
    }

    @cache
    def both(name: str) -> Both:
        bundle = makers[name]()
        return Both(bundle, Tagger.load(bundle), tf.saved_model.load(str(bundle / "saved_model")))

    return both


@pytest.fixture(params=BUNDLES)
def both(request, all_bundles) -> Both:
    return all_bundles(request.param)


def lists(sequences):
    return pa.array(sequences, pa.list_(pa.string()))


def assert_same_output(served, tagged):
    """Compare the output of the SavedModel, cut to the lengths of the sequences, with that of the tagger."""
    assert [[tag.decode() for tag in row] for row in served["tags"]] == tagged.predicted.to_pylist()
    for name in ("confidence", "span_confidence"):
        rows = [value for row in served[name] for value in row]
        np.testing.assert_allclose(rows, getattr(tagged, name).flatten(), atol=1e-5)


def test_a_tagger_loaded_from_the_saved_model_gives_the_same(both):
    exported = Tagger.load_exported(both.folder)
    tokens = lists([[], ["NEW", "", "b"], *SEQUENCES, None, SEQUENCES[3] * 40])
    expected, tagged = both.tagger.tag(tokens), exported.tag(tokens)
    for name in ("predicted", "unknown"):
        assert getattr(tagged, name).to_pylist() == getattr(expected, name).to_pylist()
    for name in ("confidence", "span_confidence"):
        np.testing.assert_allclose(
            getattr(tagged, name).flatten(), getattr(expected, name).flatten(), atol=1e-5
        )


SEQUENCES = [
    ["b", "c", "b"],
    ["the", "rstuton", "stusly", "utured"],
    ["NEW"],
    ["a", "b", "c", "a", "b", "c", "b", "😀"],
]


def test_the_saved_model_has_no_native_operation(both):
    assert b"Seqtag" not in (both.folder / "saved_model" / "saved_model.pb").read_bytes()


def test_padded_tokens_get_the_same_tags_and_confidences_as_from_the_tagger(both):
    served = both.padded([sequence + [""] * (9 - len(sequence)) for sequence in SEQUENCES])
    assert set(served) == {"tags", "confidence", "span_confidence"}
    assert all(values.shape == (4, 9) for values in served.values())
    lengths = [len(sequence) for sequence in SEQUENCES]
    for n, *row in zip(lengths, *served.values(), strict=True):
        by_name = dict(zip(served, row, strict=True))
        assert set(by_name["tags"][n:]) <= {b""}
        assert not by_name["confidence"][n:].any()
        assert not by_name["span_confidence"][n:].any()
    cut = {name: [row[:n] for row, n in zip(rows, lengths, strict=True)] for name, rows in served.items()}
    assert_same_output(cut, both.tagger.tag(lists(SEQUENCES)))


def test_words_with_nul_or_new_capitals_are_known_and_get_the_same_tags(tmp_path):
    words = ["a\0B", "\0", "Ⱟx", "𐕰y", "\U00010d50z", "İ", "ΟΔΟΣ"]  # capitals of Unicode 14, 14 and 16
    sequence = [(word, "X" if n % 2 else "Y") for n, word in enumerate(words)]
    corpus = make_corpus(tmp_path / "corpus", {"train": [sequence] * 40, "dev": [sequence]})
    bundle = corpus.train(tmp_path / "bundle")
    both = Both(bundle, Tagger.load(bundle), tf.saved_model.load(str(bundle / "saved_model")))
    tagged = both.tagger.tag(lists([words]))
    assert tagged.unknown.to_pylist() == [[False] * 7]
    assert_same_output(both.ragged([words]), tagged)


def test_ragged_tokens_get_the_same_tags_and_confidences_as_from_the_tagger(both):
    sequences = [[], *SEQUENCES, []]
    assert_same_output(both.ragged(sequences), both.tagger.tag(lists(sequences)))


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (2, 0), (2, 3)])
def test_batches_without_tokens_get_no_tags(both, shape):
    served = both.padded(tf.fill(shape, ""))
    assert served["tags"].shape == shape
    assert set(served["tags"].reshape(-1)) <= {b""}
    assert not served["confidence"].any()


def test_empty_ragged_batches_get_no_tags(both):
    for sequences in ([], [[]], [[], []]):
        assert both.ragged(sequences) == dict.fromkeys(("tags", "confidence", "span_confidence"), sequences)


def test_an_empty_token_is_unknown_between_tokens_and_padding_after_them(both):
    served = both.padded([["b", "", "c", ""]])
    first_three = {name: [row[:3] for row in rows] for name, rows in served.items()}
    assert_same_output(first_three, both.tagger.tag(lists([["b", "", "c"]])))
    assert served["tags"][0, 3] == b""


TOKENS = st.one_of(
    st.sampled_from(["a", "b", "c", "the", "of", "abcdton", "mnopton", "xxly", "ly", "opened", "B", "THE"]),
    st.sampled_from(["", "😀", "👩‍👧", "a\u0301", "ΟΔΟΣ", "İ", "1999", "<pad>", "<unk>", "x" * 50]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
)


@pytest.mark.parametrize("name", BUNDLES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequences=st.lists(st.lists(TOKENS, max_size=8), max_size=4))
def test_outputs_are_equal_for_arbitrary_tokens(all_bundles, name, sequences):
    both = all_bundles(name)
    assert_same_output(both.ragged(sequences), both.tagger.tag(lists(sequences)))
