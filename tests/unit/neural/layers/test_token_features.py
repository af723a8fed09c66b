import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtag.features import Symbols, Vectors, Vocabulary
from seqtag.neural._tensorflow import tf
from seqtag.neural.layers import token_features as module
from seqtag.neural.layers.token_features import TokenFeatures

PREFIXES, SUFFIXES, SHAPE, SIZE = {0, 1, 2}, {3, 4, 5, 6}, {7}, {8}  # columns of affix_ids, by their length


def symbols(fold="none", **counts):
    counted = pa.table(
        {"symbol": pa.array(counts, pa.string()), "count": pa.array(counts.values(), pa.int64())}
    )
    return Symbols.of_counts(counted, fold=fold)


# words: paris 2, usa 3, mp0 4; characters: a 2, r 3, i 4, s 5, P 6, emoji 7
VOCABULARY = Vocabulary(
    words=symbols("case-digits", Paris=3, USA=2, mp3=1),
    characters=symbols(a=9, r=8, i=7, s=6, P=5, **{"😀": 4}),
)


@pytest.fixture(scope="module")
def features():
    return TokenFeatures(VOCABULARY, affix_buckets=2**24)  # enough to avoid collisions


def features_of(features, *tokens):
    return {name: values.numpy() for name, values in features(tf.constant(tokens, tf.string)).items()}


def agreeing(features, *tokens):
    """Return the columns of affix_ids in which two tokens agree."""
    one, other = features_of(features, *tokens)["affix_ids"]
    return set(np.flatnonzero(one == other).tolist())


def test_words_are_looked_up_in_lower_case_with_digits_as_zero(features):
    words = features_of(features, "Paris", "PARIS", "USA", "mp3", "MP4", "mp34", "iPhone", "")
    assert words["word_ids"].tolist() == [2, 2, 3, 4, 4, 1, 1, 1]


def test_words_that_occur_once_in_train_are_rare(features):
    rare = features_of(features, "Paris", "usa", "mp9", "iPhone")["rare"]
    assert rare.tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("token", "ids"),
    [
        ("Paris", [6, 2, 3, 4, 5]),
        ("USA", [1, 1, 1]),
        ("siP😀", [5, 4, 6, 7]),
        ("", []),
        ("a\u0301", [2, 1]),  # a combining accent is a character of its own
        ("a" * 24, [2] * 24),
        ("a" * 16 + "r" + "s" * 8, [2] * 16 + [5] * 8),
        ("a" * 16 + "r" * 26 + "s" * 8, [2] * 16 + [5] * 8),
        ("😀" * 50, [7] * 24),
    ],
)
def test_long_tokens_keep_their_first_sixteen_and_last_eight_characters(features, token, ids):
    assert features_of(features, token)["character_ids"].tolist() == [ids + [0] * (24 - len(ids))]


@pytest.mark.parametrize(
    ("tokens", "common"),
    [
        (("Paris", "PARIS"), PREFIXES | SUFFIXES | SIZE),
        (("Paris", "London"), SHAPE),
        (("Paris", "Parma"), PREFIXES | SHAPE | SIZE),
        (("USA", "EU"), SHAPE),
        (("USA", "Usa"), PREFIXES | SUFFIXES | SIZE),
        (("I", "USA"), set()),  # a single capital is not a run of capitals
        (("iPhone", "iPad"), {0, 1} | SHAPE),
        (("mp3", "mp4"), PREFIXES | SUFFIXES | SHAPE | SIZE),
        (("24-hour", "7-day"), {0} | SHAPE),
        (("singing", "running"), {3, 4, 5} | SHAPE | SIZE),
        (("nationally", "organisationally"), SUFFIXES | SHAPE | SIZE),  # lengths from 8 on are equal
        (("nation", "nations"), PREFIXES | SHAPE),
        (("é", "É"), PREFIXES | SUFFIXES | SIZE),
        (("e\u0301", "e"), {0}),
        (("😀", "😁"), SIZE),
        (("", "a"), set()),
    ],
)
def test_tokens_share_affixes_shape_and_size(features, tokens, common):
    assert agreeing(features, *tokens) == common


@pytest.mark.parametrize("token", ["a", "", "😀"])
def test_equal_affixes_of_different_kinds_have_different_ids(features, token):
    assert len(set(features_of(features, token)["affix_ids"][0].tolist())) == 9


def test_affixes_share_few_ids_and_never_use_that_of_padding():
    affix_ids = features_of(TokenFeatures(VOCABULARY, affix_buckets=3), *map(str, range(500)))["affix_ids"]
    assert set(np.unique(affix_ids)) == {1, 2}


def test_padding_comes_first_and_is_all_zeros(features):
    table = features.word_type_table(pa.array(["Paris", ""]))
    assert {name: values[0].tolist() for name, values in table.items()} == {
        "word_ids": 0,
        "rare": False,
        "vector_ids": 0,
        "affix_ids": [0] * 9,
        "character_ids": [0] * 24,
    }
    assert table["word_ids"].tolist() == [0, 2, 1]  # an empty token is unknown, not padding
    assert table["affix_ids"][2].min() > 0


def test_a_table_of_no_word_types_holds_padding_only(features):
    assert features.word_type_table(pa.array([], pa.string()))["character_ids"].shape == (1, 24)


def test_features_of_a_token_do_not_depend_on_other_tokens(features, monkeypatch):
    word_types = ["Paris", "USA", "iPhone", "mp3", "24-hour", "", "😀", "a" * 50, "a\u0301"]
    together = features.word_type_table(pa.array(word_types))
    monkeypatch.setattr(module, "_WORD_TYPES_AT_ONCE", 2)
    reversed_ = features.word_type_table(pa.array(word_types[::-1]))
    for name in together:
        np.testing.assert_array_equal(together[name][1:], reversed_[name][:0:-1])


def test_features_are_equal_in_a_graph_and_after_saving_and_loading(features, tmp_path):
    word_types = ["Paris", "USA", "iPhone", "mp4", "24-hour", "", "😀", "a" * 50, "a\u0301", "ΟΔΟΣ", "İ"]
    saved = tf.Module()
    saved.features = features
    saved.numbers = tf.function(features, input_signature=[tf.TensorSpec([None], tf.string)])
    tf.saved_model.save(saved, str(tmp_path))
    served = tf.saved_model.load(str(tmp_path)).numbers(tf.constant(word_types))
    for name, values in features.word_type_table(pa.array(word_types)).items():
        np.testing.assert_array_equal(values[1:], served[name])


def test_static_vectors_are_looked_up_by_folded_word():
    vectors = Vectors(pa.array(["usa", "london", "mp0"]), np.ones((3, 2), np.float32), 3, 0)
    features = TokenFeatures(VOCABULARY, affix_buckets=8, vectors=vectors)
    found = features_of(features, "USA", "London", "mp7", "Paris", "<unk>", "")
    assert found["vector_ids"].tolist() == [1, 2, 3, 0, 0, 0]
    assert found["word_ids"].tolist() == [3, 1, 4, 2, 1, 1]


# Ⱟ and 𐕰 became capitals in Unicode 14, \U00010d50 in 16
CHARACTERS = st.one_of(
    st.characters(exclude_categories=["Cs"]), st.sampled_from("ΣσςİıßẞÉ😀0٣7-\0Ⱟⱟ𐕰\U00010d50")
)
TEXTS = st.lists(st.text(CHARACTERS, max_size=6), max_size=12)


@settings(max_examples=60, deadline=None)
@given(known=TEXTS, queries=TEXTS, fold=st.sampled_from(["none", "case-digits"]))
def test_word_ids_equal_those_of_the_vocabulary(known, queries, fold):
    counted = pa.table({"symbol": pa.array(set(known), pa.string()), "count": [1] * len(set(known))})
    words = Symbols.of_counts(
        counted.cast(pa.schema([("symbol", pa.string()), ("count", pa.int64())])), fold=fold
    )
    features = TokenFeatures(Vocabulary(words, symbols()), affix_buckets=8)
    word_types = pa.array([*known, *queries], pa.string())
    assert features.word_type_table(word_types)["word_ids"][1:].tolist() == words.ids(word_types).tolist()


@pytest.mark.slow
def test_ids_of_every_unicode_character_equal_those_of_the_vocabulary_also_when_served(tmp_path):
    points = np.delete(np.arange(0x110000, dtype="<u4"), np.s_[0xD800:0xE000])  # all but surrogates
    every = pa.array(list(points.tobytes().decode("utf-32-le")))
    assert len(every) == 1_112_064
    counted = pa.table({"symbol": every, "count": np.ones(len(every), np.int64)})
    vocabulary = Vocabulary(Symbols.of_counts(counted, fold="case-digits"), Symbols.of_counts(counted))
    words = vocabulary.words.ids(every)
    assert words.min() == 2, "none is unknown"

    features = TokenFeatures(vocabulary, affix_buckets=8)
    numbers = features.word_type_table(every)
    assert (numbers["word_ids"][1:] == words).all()
    assert (numbers["character_ids"][1:, 0] == vocabulary.characters.ids(every)).all()
    assert not numbers["character_ids"][1:, 1:].any()

    saved = tf.Module()
    saved.features = features
    saved.word_ids = tf.function(
        lambda tokens: features(tokens)["word_ids"], input_signature=[tf.TensorSpec([None], tf.string)]
    )
    tf.saved_model.save(saved, str(tmp_path))
    served = tf.saved_model.load(str(tmp_path)).word_ids
    assert (served(tf.constant(every.to_pylist())).numpy() == words).all()
