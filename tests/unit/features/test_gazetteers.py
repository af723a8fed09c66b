"""Phrases of a file in the tokens of a sequence, checked against a search token by token."""

from __future__ import annotations

import logging

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtag.config import GazetteerConfig, load_tagger
from seqtag.errors import ConfigError, CorpusFormatError
from seqtag.features import Gazetteer, learn_columns, read_gazetteers

WORDS = st.sampled_from(["a", "b", "c", "a b"])


def searched(phrases, sequence):
    """Return 2 at the begin of a phrase, 3 inside, else 1: longest phrases first."""
    ids = [1] * len(sequence)
    for n in sorted({len(phrase) for phrase in phrases}, reverse=True):
        begins = [
            start
            for start in range(len(sequence) - n + 1)
            if tuple(sequence[start : start + n]) in phrases and set(ids[start : start + n]) == {1}
        ]
        for start in begins:
            ids[start + 1 : start + n] = [3] * (n - 1)
        for start in begins:
            ids[start] = 2
    return ids


@given(
    phrases=st.sets(st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple), min_size=1),
    sequences=st.lists(st.lists(WORDS, max_size=7), max_size=4),
)
def test_longer_phrases_win(phrases, sequences):
    gazetteer = Gazetteer(name="g", size=2, fold="none", phrases=tuple(map(" ".join, phrases)))
    tokens = pa.array([word for sequence in sequences for word in sequence], pa.string())
    offsets = np.cumsum([0, *map(len, sequences)])
    expected = [id_ for sequence in sequences for id_ in searched(phrases, sequence)]
    assert gazetteer.ids(tokens, offsets).tolist() == expected


def read(tmp_path, content, fold="case-digits"):
    (tmp_path / "g.txt").write_bytes(content)
    config = GazetteerConfig(name="g", path=str(tmp_path / "g.txt"))
    (gazetteer,) = read_gazetteers([config], fold)
    return gazetteer


def test_phrases_are_folded_as_words_are(tmp_path):
    gazetteer = read(tmp_path, "\ufeffNew  York\r\n\nnew york\nRoute 66\n".encode())
    assert gazetteer.phrases == ("new york", "route 00")
    tokens = pa.array(["NEW", "York", "route", "17", "New"])
    assert gazetteer.ids(tokens, np.array([0, 5])).tolist() == [2, 3, 2, 3, 1]
    assert gazetteer.ids(tokens, np.array([0, 1, 5])).tolist() == [1, 1, 2, 3, 1]  # in two sequences
    assert read(tmp_path, b"New York\n", fold="none").phrases == ("New York",)


def test_long_phrases_are_left_out_with_a_warning(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert read(tmp_path, b"a b c d e f g h i\nj\n").phrases == ("j",)
    assert "1 phrases have more than 8 tokens and are left out" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"), [(b"\n \n", "no phrase found"), (b"caf\xe9\n", "phrases are not UTF-8")]
)
def test_a_file_without_phrases_is_refused(tmp_path, content, message):
    with pytest.raises(CorpusFormatError, match=message):
        read(tmp_path, content)


def test_a_path_is_one_file(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("x\n")
    with pytest.raises(ConfigError, match="matches 2 files"):
        read_gazetteers([GazetteerConfig(name="g", path=f"{tmp_path}/*.txt")], "none")


@pytest.mark.parametrize("path", ["g.txt", "../lists/g.txt"])
def test_a_path_is_relative_to_the_tagger_and_then_to_the_working_directory(path, tmp_path, monkeypatch):
    for folder in ("taggers", "lists", "work/sub"):
        (tmp_path / folder).mkdir(parents=True)
    near = tmp_path / "taggers" / path
    near.write_text("near\n")
    tagger = tmp_path / "taggers" / "x.toml"
    tagger.write_text(
        'name = "x"\n[[corpus.sources]]\nformat = "conll"\npath = "a"\n'
        f'[[features.gazetteers]]\nname = "g"\npath = "{path}"\n'
    )
    monkeypatch.chdir(tmp_path / "work" / "sub")

    def phrases():
        return read_gazetteers(load_tagger(tagger).features.gazetteers, "none")[0].phrases

    assert phrases() == ("near",)
    near.unlink()
    with pytest.raises(ConfigError, match=rf"next to the tagger's TOML file or in {tmp_path}/work/sub"):
        phrases()
    (tmp_path / "work" / "lists").mkdir()
    (tmp_path / "work" / "sub" / path).write_text("far\n")
    assert phrases() == ("far",)


def test_matches_in_train_are_logged_and_their_lack_is_a_warning(tmp_path, caplog):
    tokens = pa.array([["New", "York", "is", "big"], ["so", "is", "york", "17"]])
    pq.write_table(pa.table({"tokens": tokens}), tmp_path / "train.parquet")
    some = Gazetteer(name="some", size=2, fold="case-digits", phrases=("new york", "york 00"))
    none = Gazetteer(name="none", size=2, fold="none", phrases=("New Yorks",))
    with caplog.at_level(logging.INFO):
        learn_columns(tmp_path / "train.parquet", [], tmp_path, gazetteers=(some, none))
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert said == [
        ("INFO", "index: gazetteer some: train has 2 phrases, 50.0% of its tokens"),
        (
            "WARNING",
            "index: gazetteer none: train has none of its phrases: expected tokens as in train with blanks "
            "between, such as 'New Yorks'; correct the file, or remove the gazetteer",
        ),
    ]
