"""DocBin of spaCy."""

from __future__ import annotations

import sys

import pytest

from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import read_sources
from seqtag.corpus.files import find_files
from seqtag.corpus.formats import docbin
from seqtag.corpus.formats.docbin import SpacyToken
from seqtag.corpus.recognition import Chosen, recognise
from seqtag.errors import ConfigError, CorpusFormatError


@pytest.fixture
def spacy_bytes():
    """Return a DocBin of two documents with entities and one without any annotation."""
    tokens = pytest.importorskip("spacy.tokens")
    vocab = pytest.importorskip("spacy.vocab").Vocab()
    documents = [
        tokens.Doc(
            vocab,
            words=["Ada", " ", "Lovelace", "spoke"],
            ents=["B-PER", "I-PER", "I-PER", "O"],
            pos=["PROPN", "SPACE", "PROPN", "VERB"],
        ),
        tokens.Doc(vocab, words=["Bo", "left"], ents=["B-PER", ""]),
        tokens.Doc(vocab, words=["so"]),
    ]
    return tokens.DocBin(docs=documents, attrs=["ENT_IOB", "ENT_TYPE", "POS"]).to_bytes()


def test_a_document_is_a_sequence_with_its_entities(spacy_bytes, read, content):
    rows = read(spacy_bytes, name="train.spacy", format="spacy")

    assert content(rows) == [
        (["Ada", "Lovelace", "spoke"], ["B-PER", "I-PER", "O"]),
        (["Bo", "left"], ["B-PER", None]),
        (["so"], None),
    ]
    assert rows[1]["sequence_id"] == "train.spacy#2"


def test_parts_of_speech_can_be_the_tags(spacy_bytes, read, content):
    rows = read(spacy_bytes, format="spacy", tag_attribute="pos")
    assert content(rows)[0] == (["Ada", "Lovelace", "spoke"], ["PROPN", "PROPN", "VERB"])


def documents(*tagged):
    """Return documents of `text/entity`, separated by commas."""
    split = ([each.split("/") for each in text.split(",")] for text in tagged)
    return [[SpacyToken(word, entity or None, None, None) for word, entity in tokens] for tokens in split]


def test_an_entity_begins_with_its_first_token_that_is_not_whitespace(read, content, monkeypatch):
    found = documents(
        "Ada/B-PER,\n/B-PER,Bo/I-PER,Lee/I-PER",
        "x/O, /B-PER,\n/I-PER,Bo/I-PER",
        "Ada/B-PER, /B-LOC,\n/O,so/O",
        "Ada/B-PER, /I-PER,Lee/I-PER",
    )
    monkeypatch.setattr(docbin, "docbin_documents", lambda *_: iter(found))
    assert content(read(b"", format="spacy")) == [
        (["Ada", "Bo", "Lee"], ["B-PER", "B-PER", "I-PER"]),
        (["x", "Bo"], ["O", "B-PER"]),
        (["Ada", "so"], ["B-PER", "O"]),
        (["Ada", "Lee"], ["B-PER", "I-PER"]),
    ]


def test_documents_of_whitespace_are_skipped_and_counted(read, report, monkeypatch):
    found = documents("Ada/B-PER", " /O", "Bo/O")
    monkeypatch.setattr(docbin, "docbin_documents", lambda *_: iter(found))
    assert [row["sequence_id"] for row in read(b"", format="spacy")] == ["corpus.txt#1", "corpus.txt#3"]
    assert report("", format="spacy").changed["documents without tokens skipped"] == 1
    monkeypatch.setattr(docbin, "docbin_documents", lambda *_: iter(documents(" /O")))
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt: no document found"):
        read(b"", format="spacy")


def test_spans_of_span_groups_are_counted(tmp_path):
    tokens = pytest.importorskip("spacy.tokens")
    vocab = pytest.importorskip("spacy.vocab").Vocab()
    document = tokens.Doc(vocab, words=["Ada", "spoke"])
    document.spans["sc"] = [tokens.Span(document, 0, 1, "PER"), tokens.Span(document, 0, 2, "X")]
    tokens.DocBin(docs=[document]).to_disk(tmp_path / "a.spacy")
    corpus = CorpusConfig.model_validate({"sources": [{"format": "spacy", "path": f"{tmp_path}/a.spacy"}]})
    records = []
    list(read_sources(corpus, on_source=lambda report: records.append(report.record())))
    assert records[0].changed["spans of span groups left out"] == 2


def test_entities_are_recognised(spacy_bytes, tmp_path):
    (tmp_path / "a.spacy").write_bytes(spacy_bytes)
    (file,) = find_files(str(tmp_path / "a.spacy"))

    found = recognise(file, Chosen())

    assert (found.keys, found.is_partial) == ({"format": "spacy"}, True)
    assert found.reasons == ("ents are read as the tags; set tag_attribute to pos for these",)


@pytest.mark.parametrize("cut", [0, 10, -1])
def test_a_damaged_file_is_an_error(spacy_bytes, cut, read):
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt: file is damaged or no DocBin: expected one"):
        read(spacy_bytes[:cut], format="spacy")


def test_a_missing_package_is_reported_with_the_command_to_install_it(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy.tokens", None)
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(
        ConfigError, match=r"spaCy, which .* cannot be imported: .*pip install 'seqtag\[spacy\]'"
    ):
        read(b"x", format="spacy")
