"""Tokens whose tag nobody knows, through the real steps from the source to the decision."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from seqtag import steps
from seqtag.config import Settings, load_tagger
from seqtag.errors import CorpusRejectedError
from seqtag.rundir import RunDir
from seqtag.sealing import read_json

ME = steps.Occasion("me@host", "a test", datetime(2026, 1, 1, tzinfo=UTC))
FIRST, LAST = ("Ada", "Bo", "Cleo", "Dov", "Eli"), ("Quist", "Rune", "Sato", "Tully", "Urbin")
PLACES, OTHERS = (
    ("Arlon", "Brede", "Cork", "Delft", "Evora"),
    ("saw", "the", "old", "in", "near", "again", "."),
)
TOML = """
name = "partial"
{sources}
[train]
max_epochs = {epochs}
[model]
units = 16
output = "{output}"
[gate]
floor = 0.0
[evaluate]
baseline = "{baseline}"
[tags]
{tags}
"""
Row = dict[str, list[str | None]]


def sentences(n: int, *, seed: int) -> list[Row]:
    """Draw sentences of persons of one or two words, places and other words, in IOB2."""
    draw = random.Random(seed)
    rows: list[Row] = []
    for number in range(n):
        pairs: list[tuple[str, str]] = [(f"w{seed}x{number}", "O")]
        for _ in range(draw.randint(3, 5)):
            kind = draw.random()
            if kind < 0.3:
                pairs += [(draw.choice(FIRST), "B-PER"), (draw.choice(LAST), "I-PER")][: draw.randint(1, 2)]
            elif kind < 0.5:
                pairs.append((draw.choice(PLACES), "B-LOC"))
            pairs.append((draw.choice(OTHERS), "O"))
        rows.append({"tokens": [t for t, _ in pairs], "tags": [t for _, t in pairs]})
    return rows


def with_gaps(rows: Sequence[Row], *, share: float, seed: int, mark: str | None = None) -> list[Row]:
    """Take a share of the tags away."""
    draw = random.Random(seed)
    return [
        {"tokens": row["tokens"], "tags": [mark if draw.random() < share else tag for tag in row["tags"]]}
        for row in rows
    ]


@dataclass(frozen=True)
class Home:
    folder: Path

    @property
    def place(self) -> steps.Place:
        return steps.Place.of(Settings(home=self.folder / "home"))

    def open_run(
        self,
        splits: dict[str, list[Row]],
        *,
        tags: str = "partial = true",
        output: str = "auto",
        baseline: str = "none",
        epochs: int = 12,
    ) -> RunDir:
        sources = ""
        for split, rows in splits.items():
            path = self.folder / f"{split}.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            sources += f'[[corpus.sources]]\nformat = "jsonl"\npath = "{path}"\nsplit = "{split}"\n'
        toml = self.folder / "partial.toml"
        toml.write_text(
            TOML.format(sources=sources, tags=tags, output=output, baseline=baseline, epochs=epochs)
        )
        config = load_tagger(toml)
        return steps.open_run(config, steps.ingest(config, self.place), self.place, as_of=date(2026, 1, 1))

    def retrain(self, splits: dict[str, list[Row]], **how: object) -> RunDir:
        """Retrain up to the report."""
        run = self.open_run(splits, **how)  # type: ignore[arg-type]
        for step in (steps.validate, steps.split, steps.index, steps.encode, steps.baseline, steps.train):
            step(run)
        for step in (steps.anchor, steps.evaluate, steps.decide):
            step(run)
        steps.register(run, self.place)
        steps.infra_validate(run, self.place)
        steps.promote(run, self.place, by=ME)
        steps.report(run)
        return run


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def full() -> dict[str, list[Row]]:
    return {"train": sentences(200, seed=1), "dev": sentences(60, seed=2), "test": sentences(60, seed=3)}


def partial(*, share: float = 1 / 3, mark: str | None = None) -> dict[str, list[Row]]:
    return {name: with_gaps(rows, share=share, seed=7, mark=mark) for name, rows in full().items()}


@pytest.mark.parametrize("output", ["viterbi", "crf"])
def test_a_third_of_the_tags_taken_away_costs_little_on_the_tokens_that_are_known(home, output):
    run = home.retrain(partial(), output=output, baseline="crfsuite-ap")

    metrics, profile = read_json(run.metrics), read_json(run.profile)
    tags = pq.read_table(run.split("test"))["tags"].to_pylist()
    n_untagged = sum(tag is None for row in tags for tag in row)
    assert profile["splits"]["test"]["untagged"] == metrics["n_untagged"] == n_untagged > 100
    assert metrics["n_tokens"] == sum(len(row) for row in tags) - n_untagged
    assert metrics["challenger"]["accuracy"]["support"] == metrics["n_tokens"]
    assert metrics["challenger"]["accuracy"]["value"] > 0.95
    assert metrics["challenger"]["span_f1"]["value"] > 0.9
    assert metrics["baseline"]["accuracy"]["value"] > 0.95
    assert sum(map(sum, metrics["challenger"]["confusion"]["counts"])) == metrics["n_tokens"]
    assert read_json(run.decision)["verdict"] == "PROMOTE"
    assert "tokens without a tag were left out" in run.report.read_text()


def test_a_champion_is_compared_with_a_challenger_on_the_known_tokens(home):
    first = home.retrain(partial(), epochs=2)
    more = partial()
    more["train"] += with_gaps(sentences(60, seed=9), share=0.3, seed=8)

    second = home.retrain(more, epochs=12)

    decision = read_json(second.decision)
    assert read_json(first.promotion)["verdict"] == "PROMOTE"
    assert decision["difference"] is not None
    assert decision["champion"] is not None
    assert steps.monitor(
        load_tagger(home.folder / "partial.toml"),
        home.place,
        steps.ingest(load_tagger(home.folder / "partial.toml"), home.place),
        as_of=date(2026, 1, 2),
    )


def test_the_same_sources_give_the_same_model(home, tmp_path):
    runs = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        run = Home(tmp_path / name).open_run(partial(), epochs=2)
        for step in (steps.validate, steps.split, steps.index, steps.encode, steps.train):
            step(run)
        runs.append((run.model / "weights.npz").read_bytes())
    assert runs[0] == runs[1]


def test_a_mark_and_an_empty_tag_say_the_same_as_null(home, tmp_path):
    encoded = []
    for mark in (None, "-", ""):
        (folder := tmp_path / f"mark{mark}").mkdir()
        run = Home(folder).open_run(partial(mark=mark))
        for step in (steps.validate, steps.split, steps.index, steps.encode):
            step(run)
        files = sorted((run.encoded / "train").rglob("*.parquet"))
        encoded.append(
            [pq.read_table(file)["tag_ids"].to_pylist() for file in files if "length" in str(file)]
        )
    assert encoded[0] == encoded[1] == encoded[2]
    assert any(-2 in row for table in encoded[0] for row in table)


def test_without_partial_the_refusal_names_the_token_and_the_key(home):
    run = home.open_run(partial(), tags="")
    with pytest.raises(CorpusRejectedError, match="most by missing_tag"):
        steps.validate(run)
    docs = "".join(path.read_text() for path in run.data_docs.parent.rglob("*.html"))
    assert "has no tag; set tags.partial = true to train on the others" in docs


def test_a_sequence_without_any_tag_is_unlabelled_and_teaches_words_alone(home):
    splits = partial()
    splits["train"][0]["tags"] = [None] * len(splits["train"][0]["tags"])
    splits["train"][1]["tags"] = None  # type: ignore[assignment]
    splits["test"][0]["tags"] = ["-"] * len(splits["test"][0]["tags"])

    run = home.retrain(splits, epochs=1)

    profile = read_json(run.profile)["splits"]
    assert (profile["train"]["unlabelled"], profile["test"]["unlabelled"]) == (2, 1)
    assert read_json(run.metrics)["n_sequences"] == 59
    assert (
        splits["train"][0]["tokens"][0]
        in pq.read_table(run.vocabulary / "words.parquet")["symbol"].to_pylist()
    )


def test_iobes_keeps_only_the_tags_that_are_certain_there(home, caplog):
    run = home.open_run(partial(), tags='partial = true\ntrain_scheme = "IOBES"')
    steps.validate(run)
    with caplog.at_level("WARNING"):
        steps.split(run)
    assert 'ambiguous in IOBES, and count as unknown; tags.train_scheme = "IOB2" keeps more' in caplog.text
    counted = sum(split["untagged"] for split in read_json(run.profile)["splits"].values())
    tags = [
        tag
        for name in ("train", "dev", "test")
        for row in pq.read_table(run.split(name))["tags"].to_pylist()
        for tag in row
    ]
    n_lost = int(np.sum([tag is None for tag in tags])) - counted
    assert f"split: {n_lost:,} tags beside tokens without one" in caplog.text
