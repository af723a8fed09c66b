"""From sources to splits by the real steps: labels."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from seqtag import steps
from seqtag.config import TaggerConfig
from seqtag.rundir import Home, RunDir
from seqtag.sealing import read_json


@dataclass(frozen=True)
class Alone(steps.Place):
    """A place without a registry: nothing serves."""

    def registry(self):
        return self

    def champion(self, _: str) -> None:
        return None


@pytest.fixture
def validated(tmp_path: Path) -> Callable[..., RunDir]:
    """Return a function that reads sources and validates them."""

    def run(*sources: dict[str, Any], **tables: Any) -> RunDir:
        config = TaggerConfig.model_validate({"name": "toy", "corpus": {"sources": sources}, **tables})
        place = Alone(Home(tmp_path / "home"), "")
        found = steps.open_run(config, steps.ingest(config, place), place, as_of=date(2026, 1, 1))
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
    """Return for each split how many sequences come from each file."""
    return {
        name: Counter(
            sequence_id.partition("#")[0]
            for sequence_id in pq.read_table(run.split(name))["sequence_id"].to_pylist()
        )
        for name in ("train", "dev", "test")
    }


def test_silver_that_is_labelled_train_stays_in_train_and_gold_is_split(tmp_path, validated, caplog):
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
    said = "dev: 93 sequences carved from 1,000 sequences without a split label"
    assert profile["carving"]["sentence"].startswith(said)
    assert said in caplog.text


def test_a_missing_dev_is_carved_from_labelled_train_and_said_everywhere(tmp_path, validated, caplog):
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
    said = "dev: 90 sequences carved from 1,000 labelled train"
    assert read_json(run.profile)["carving"] == {
        "sentence": said,
        "splits": [{"split": "dev", "n_sequences": 90, "source": "labelled train", "n_source": 1000}],
    }
    logged = [record.getMessage() for record in caplog.records]
    assert sum(said in message for message in logged) == 2  # of validate and of split
    assert said[1:] in run.data_docs.read_text("utf-8")
    assert said[1:] in steps.corpus_card(run)


def test_what_is_quarantined_is_not_counted_as_carved(tmp_path, validated):
    """Of 1,000 sequences 500 lack a tag; both steps count the rest."""
    sequences = [f"a{i}/O is{'' if i % 2 else '/O'} here/O" for i in range(1000)]
    source = write(tmp_path / "train.conll", sequences) | {"split": "train"}

    run = validated(source, quality={"quarantine_budget": 0.5})
    steps.split(run)

    carved = read_json(run.profile)["carving"]["splits"]
    assert [(one["split"], one["n_sequences"], one["n_source"]) for one in carved] == [
        ("dev", 44, 500),
        ("test", 50, 500),
    ]
    assert sources_of(run)["dev"] == {"train.conll": 44}
    assert sources_of(run)["test"] == {"train.conll": 50}
