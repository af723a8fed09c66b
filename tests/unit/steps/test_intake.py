"""From sources to splits, through the real steps: labels, documents and ambiguity."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from seqtag import steps
from seqtag.artifacts import read_json
from seqtag.config import Settings, TaggerConfig
from seqtag.errors import CorpusFormatError, CorpusRejectedError
from seqtag.run_dir import RunDir


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> steps.Workspace:
    """A workspace with an empty registry, which takes a second to create."""
    return steps.Workspace.of(Settings(home=tmp_path_factory.mktemp("home")))


@pytest.fixture
def opened(workspace: steps.Workspace) -> Callable[..., RunDir]:
    """Return a function that ingests sources and opens a run on them."""

    def run(*sources: dict[str, Any], **tables: Any) -> RunDir:
        config = TaggerConfig.model_validate({"name": "toy", "corpus": {"sources": sources}, **tables})
        return steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))

    return run


@pytest.fixture
def validated(opened: Callable[..., RunDir]) -> Callable[..., RunDir]:
    """Return a function that opens a run on sources and validates it."""

    def run(*sources: dict[str, Any], **tables: Any) -> RunDir:
        found = opened(*sources, **tables)
        steps.validate(found)
        return found

    return run


def write(path: Path, sequences: list[str]) -> dict[str, Any]:
    """Write sequences of `token/tag` words, and return them as a source."""
    blocks = ["\n".join(word.replace("/", "\t") for word in text.split()) for text in sequences]
    path.write_text("\n\n".join(blocks) + "\n", "utf-8")
    return {"format": "conll", "path": str(path)}


def numbered(word: str, n: int) -> list[str]:
    return [f"{word}{i}/O is/O here/O" for i in range(n)]


def sources_of(run: RunDir) -> dict[str, Counter[str]]:
    """Count the sequences of each split by source file."""
    return {
        name: Counter(
            sequence_id.partition("#")[0]
            for sequence_id in pq.read_table(run.split(name))["sequence_id"].to_pylist()
        )
        for name in ("train", "dev", "test")
    }


def test_a_source_labelled_train_stays_in_train_and_the_rest_is_split(tmp_path, validated, caplog):
    gold = write(tmp_path / "gold.conll", numbered("gold", 1000))
    silver = write(tmp_path / "silver.conll", numbered("silver", 1200))

    run = validated(gold, silver | {"split": "train"})
    with caplog.at_level(logging.INFO, logger="seqtag"):
        steps.split(run)

    assert sources_of(run) == {
        "train": {"gold.conll": 801, "silver.conll": 1200},
        "dev": {"gold.conll": 93},
        "test": {"gold.conll": 106},
    }
    profile = read_json(run.profile)
    assert {name: split["n_sequences"] for name, split in profile["splits"].items()} == {
        "train": 2001,
        "dev": 93,
        "test": 106,
    }
    sentence = "dev: 93 sequences split off from 1,000 sequences without a split label"
    assert profile["split_origins"]["sentence"].startswith(sentence)
    assert sentence in caplog.text


def test_interleaved_rows_are_refused_or_gathered_as_declared(tmp_path, validated):
    rows = [
        f"2026-11-01T09:00:0{event}Z,c{case},e{case}-{event},O " for event in range(5) for case in range(400)
    ]
    (tmp_path / "log.csv").write_text("\n".join(["at,case,event,tag", *rows]), "utf-8")
    log = {"format": "table", "path": str(tmp_path / "log.csv"), "sequence_column": "case"}
    log |= {"token_column": "event", "tag_column": "tag", "order_column": "at"}

    with pytest.raises(
        CorpusFormatError, match=r"not adjacent: 400 of 400 ids .* set rows = \"interleaved\""
    ):
        validated(log)
    run = validated(log | {"rows": "interleaved"})
    splits = read_json(run.profile)["splits"].values()
    assert sum(split["n_sequences"] for split in splits) == 400
    assert sum(split["n_tokens"] for split in splits) == 2000


def test_a_missing_dev_is_split_off_from_labelled_train_and_reported(tmp_path, validated, caplog):
    train = write(tmp_path / "train.conll", numbered("a", 1000)) | {"split": "train"}
    test = write(tmp_path / "test.conll", numbered("b", 100)) | {"split": "test"}

    with caplog.at_level(logging.INFO, logger="seqtag"):
        run = validated(train, test)
        steps.split(run)

    assert sources_of(run) == {
        "train": {"train.conll": 910},
        "dev": {"train.conll": 90},
        "test": {"test.conll": 100},
    }
    sentence = "dev: 90 sequences split off from 1,000 labelled train"
    assert read_json(run.profile)["split_origins"] == {
        "sentence": sentence,
        "splits": [{"split": "dev", "n_sequences": 90, "source": "labelled train", "n_source": 1000}],
    }
    logged = [record.getMessage() for record in caplog.records]
    assert sum(sentence in message for message in logged) == 2  # of validate and of split
    assert sentence[1:] in run.data_docs.read_text("utf-8")
    assert sentence[1:] in steps.corpus_card(run)


def test_quarantined_sequences_are_not_counted_as_split_off(tmp_path, validated):
    """500 of 1,000 sequences lack a tag; both steps count the others."""
    sequences = [f"a{i}/O is{'' if i % 2 else '/O'} here/O" for i in range(1000)]
    source = write(tmp_path / "train.conll", sequences) | {"split": "train"}

    run = validated(source, quality={"quarantine_budget": 0.5})
    steps.split(run)

    splits = read_json(run.profile)["split_origins"]["splits"]
    assert [(one["split"], one["n_sequences"], one["n_source"]) for one in splits] == [
        ("dev", 44, 500),
        ("test", 50, 500),
    ]
    assert sources_of(run)["dev"] == {"train.conll": 44}
    assert sources_of(run)["test"] == {"train.conll": 50}


def test_documents_that_share_a_heading_are_split_one_by_one(tmp_path, validated):
    """Each of 200 documents with the heading SPORT, in two files, goes as a whole into one split."""
    for name, numbers in {"old": range(150), "new": range(150, 200)}.items():
        texts = [f"-DOCSTART- -X- O\n\nSPORT O\n\nnews O\n{i} O\n" for i in numbers]
        (tmp_path / f"{name}.conll").write_text("\n".join(texts), "utf-8")

    run = validated({"format": "conll", "path": f"{tmp_path}/*.conll"}, quality={"max_duplicate_share": 1})
    steps.split(run)

    documents = {
        name: Counter(pq.read_table(run.split(name))["document_id"].to_pylist())
        for name in ("train", "dev", "test")
    }
    assert {name: len(found) for name, found in documents.items()} == {"train": 160, "dev": 16, "test": 24}
    assert {n for found in documents.values() for n in found.values()} == {2}


def clicks(n: int) -> list[str]:
    """Return sessions of one to eight clicks, each click tagged with one of two states.

    The states are hidden: both show the same ten actions, with different probabilities.
    """
    random = np.random.default_rng(11)
    actions = ("home", "search", "filter", "view", "zoom", "reviews", "compare", "cart", "coupon", "pay")
    shows = random.dirichlet(np.ones(len(actions)), size=2)
    sequences = []
    for _ in range(n):
        state = random.integers(2)
        words = []
        for _ in range(random.integers(1, 9)):
            words.append(f"{random.choice(actions, p=shows[state])}/{('browse', 'buy')[state]}")
            state = state if random.random() < 0.8 else 1 - state
        sequences.append(" ".join(words))
    return sequences


SHARE_OF_CLICKS = "533 of 2,000 sequences (26.65%), with 11.15% of the tokens, also occur with other tags"


def test_ambiguous_sequences_warn_and_stay_in_every_split(tmp_path, validated):
    run = validated(write(tmp_path / "clicks.conll", clicks(2000)))
    steps.split(run)

    profile = read_json(run.profile)
    assert profile["accepted"]
    assert "; 0.00% (0 of 2,000 sequences) quarantined; warnings: " in profile["sentence"]
    assert "conflicting_labels" in profile["sentence"]
    assert sum(pq.read_metadata(run.split(name)).num_rows for name in ("train", "dev", "test")) == 2000
    ambiguity = profile["ambiguity"]
    assert ambiguity["corpus"] == {
        "n_sequences": 533,
        "n_received": 2000,
        "share": 0.2665,
        "n_tokens": 1004,
        "token_share": 1004 / 9006,
    }
    assert (ambiguity["sentence"], ambiguity["left_out"]) == (SHARE_OF_CLICKS, False)
    assert SHARE_OF_CLICKS in run.data_docs.read_text("utf-8")
    assert SHARE_OF_CLICKS in steps.corpus_card(run)


@pytest.mark.parametrize("severity", ["quarantine", "fail"])
def test_ambiguity_can_refuse_the_corpus_and_names_what_scores_leave_out(severity, tmp_path, opened):
    source = write(tmp_path / "clicks.conll", clicks(2000))
    run = opened(source, quality={"rules": {"conflicting_labels": severity}})
    with pytest.raises(CorpusRejectedError) as error:
        steps.validate(run)

    assert "26.65% (533 of 2,000 sequences), most by conflicting_labels 533" in str(error.value)
    profile = read_json(run.profile)
    assert profile["ambiguity"]["left_out"]
    assert profile["ambiguity"]["sentence"] == (
        f"{SHARE_OF_CLICKS} and are left out of train, dev and test: scores do not cover such "
        'sequences, which live traffic contains; conflicting_labels = "warn" keeps them'
    )


def test_within_the_budget_ambiguous_sequences_are_left_out_of_all_splits(tmp_path, validated):
    quality = {"rules": {"conflicting_labels": "quarantine"}, "quarantine_budget": 0.5}
    run = validated(write(tmp_path / "clicks.conll", clicks(2000)), quality=quality)
    steps.split(run)

    assert sum(pq.read_metadata(run.split(name)).num_rows for name in ("train", "dev", "test")) == 1467
    assert "scores do not cover such sequences" in run.data_docs.read_text("utf-8")
    assert "scores do not cover such sequences" in steps.corpus_card(run)


def test_the_ambiguous_share_is_reported_if_the_rule_is_off(tmp_path, validated):
    quality = {"rules": {"conflicting_labels": "off"}}
    run = validated(write(tmp_path / "clicks.conll", clicks(2000)), quality=quality)

    profile = read_json(run.profile)
    assert "conflicting_labels" not in {rule["rule"] for rule in profile["rules"]}
    assert profile["ambiguity"]["sentence"] == SHARE_OF_CLICKS
