"""Tokens without a tag, through the real steps from the source to the decision."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from seqtag import steps
from seqtag.artifacts import read_json
from seqtag.config import Settings, load_tagger
from seqtag.errors import ConfigError, CorpusRejectedError
from seqtag.run_dir import RunDir

ME = steps.AuditContext("me@host", "a test", datetime(2026, 1, 1, tzinfo=UTC))
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
    """Draw sentences in IOB2 with persons of one or two words, places and other words."""
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
    """Remove a share of the tags."""
    draw = random.Random(seed)
    return [
        {"tokens": row["tokens"], "tags": [mark if draw.random() < share else tag for tag in row["tags"]]}
        for row in rows
    ]


@dataclass(frozen=True)
class Home:
    folder: Path

    @property
    def workspace(self) -> steps.Workspace:
        return steps.Workspace.of(Settings(home=self.folder / "home"))

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
        return steps.open_run(
            config, steps.ingest(config, self.workspace), self.workspace, as_of=date(2026, 1, 1)
        )

    def retrain(self, splits: dict[str, list[Row]], **how: object) -> RunDir:
        """Retrain up to the report."""
        run = self.open_run(splits, **how)
        for step in (steps.validate, steps.split, steps.index, steps.encode, steps.baseline, steps.train):
            step(run)
        for step in (steps.retrain_champion, steps.evaluate, steps.decide):
            step(run)
        steps.register(run, self.workspace)
        steps.smoke_test(run, self.workspace)
        steps.promote(run, self.workspace, by=ME)
        steps.report(run)
        return run


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def full() -> dict[str, list[Row]]:
    return {"train": sentences(200, seed=1), "dev": sentences(60, seed=2), "test": sentences(60, seed=3)}


def partial(*, share: float = 1 / 3, mark: str | None = None) -> dict[str, list[Row]]:
    return {name: with_gaps(rows, share=share, seed=7, mark=mark) for name, rows in full().items()}


@pytest.mark.slow
def test_training_without_a_third_of_the_tags_costs_little(home):
    run = home.retrain(partial(), baseline="crfsuite-ap")

    metrics, profile = read_json(run.metrics), read_json(run.profile)
    tags = [row for row in pq.read_table(run.split("test"))["tags"].to_pylist() if row is not None]
    n_untagged = sum(tag is None for row in tags for tag in row)
    assert profile["splits"]["test"]["untagged"] == metrics["n_untagged"] == n_untagged > 100
    assert metrics["n_tokens"] == sum(map(len, tags)) - n_untagged
    for who in ("challenger", "baseline"):
        scores = metrics[who]
        assert scores["accuracy"]["support"] == sum(map(sum, scores["confusion"]["counts"]))
        assert scores["accuracy"]["support"] == metrics["n_tokens"]
        assert scores["accuracy"]["value"] > 0.95  # 1.0 with all tags
        assert scores["span_f1"]["value"] > 0.9
    assert read_json(run.decision)["verdict"] == "PROMOTE"
    page = run.report.read_text()
    assert f"{n_untagged} tokens without a tag were left out" in page
    assert "have no tag and are excluded from losses and scores" in page


@pytest.mark.slow
def test_a_crf_is_compared_with_the_champion_on_labelled_tokens(home):
    home.retrain(partial(), epochs=2)
    more = partial()
    more["train"] += with_gaps(sentences(60, seed=9), share=0.3, seed=8)

    second = home.retrain(more, output="crf")

    decision, metrics = read_json(second.decision), read_json(second.metrics)
    assert decision["difference"] is not None
    assert metrics["champion"]["accuracy"]["support"] == metrics["n_tokens"]
    assert metrics["challenger"]["accuracy"]["value"] > 0.95
    config = load_tagger(home.folder / "partial.toml")
    report = steps.monitor(
        config, home.workspace, steps.ingest(config, home.workspace), as_of=date(2026, 1, 2)
    )
    found = steps.drift(report)
    assert found.champion is not None
    assert "broken" not in found.sentence


def test_a_mark_and_an_empty_tag_mean_the_same_as_null(home, tmp_path):
    tags = []
    for name in ("null", "marks"):
        splits = partial()
        draw = random.Random(5)
        for row in itertools.chain(*splits.values()) if name == "marks" else ():
            row["tags"] = [draw.choice(["-", "", None]) if tag is None else tag for tag in row["tags"]]
        (tmp_path / name).mkdir()
        run = Home(tmp_path / name).open_run(splits)
        steps.validate(run)
        steps.split(run)
        tags.append([pq.read_table(run.split(split))["tags"].to_pylist() for split in splits])
    assert tags[0] == tags[1]
    assert any(row is not None and None in row for row in tags[0][0])


def test_missing_tags_are_refused_with_token_and_key_unless_partial(home):
    run = home.open_run(partial(), tags="")
    with pytest.raises(CorpusRejectedError, match=r"refused by missing_tag: 95\.62% of 320 sequences"):
        steps.validate(run)
    docs = "".join(path.read_text() for path in run.data_docs.parent.rglob("*.html"))
    assert "has no tag; set tags.partial = true to train on the others" in docs


def test_a_sequence_without_tags_is_not_scored(home):
    splits = full()
    splits["train"][0]["tags"] = [None] * len(splits["train"][0]["tags"])
    splits["train"][1]["tags"] = None
    splits["test"][0]["tags"] = ["-"] * len(splits["test"][0]["tags"])

    run = home.open_run(splits, epochs=1)
    for step in (steps.validate, steps.split, steps.index, steps.encode, steps.train, steps.retrain_champion):
        step(run)
    steps.evaluate(run)

    profile, metrics = read_json(run.profile), read_json(run.metrics)
    assert [profile["splits"][name]["unlabelled"] for name in splits] == [2, 0, 1]
    assert profile["untagged"] == "3 sequences have no tags at all and contribute only their words"
    assert (metrics["n_sequences"], metrics["n_untagged"]) == (59, 0)
    words = pq.read_table(run.output("index") / "words.parquet")["symbol"].to_pylist()
    assert "w0x0" in words or splits["train"][0]["tokens"][0] in words


def test_conversion_to_iobes_keeps_only_certain_tags_and_reports_it(home, caplog):
    run = home.open_run(partial(), tags='partial = true\ntrain_scheme = "IOBES"')
    steps.validate(run)
    with caplog.at_level("WARNING"):
        steps.split(run)
    ambiguous = re.search(r"split: (\d+) tags next to tokens without one are ambiguous in IOBES", caplog.text)
    rows = [row for name in partial() for row in pq.read_table(run.split(name))["tags"].to_pylist()]
    n_known = sum(tag is not None for row in rows for tag in row or ())
    given = sum(tag is not None for row in itertools.chain(*partial().values()) for tag in row["tags"])
    assert n_known + int(ambiguous[1]) == given
    lost = f"{ambiguous[1]} tags next to tokens without one are ambiguous in IOBES, and count as unknown; "
    assert read_json(run.profile)["untagged"].endswith(f'{lost}tags.train_scheme = "IOB2" keeps more of them')
    assert lost in run.data_docs.read_text()


def test_the_mark_can_be_configured_but_must_not_be_a_declared_tag(home):
    run = home.open_run(partial(mark="?"), tags='partial = true\nunlabelled = "?"')
    steps.validate(run)
    assert read_json(run.profile)["splits"]["test"]["untagged"] > 100
    with pytest.raises(ConfigError, match="unlabelled is one of the declared tags: got '-'"):
        home.open_run(partial(), tags='partial = true\ndeclared = ["O", "-"]')
