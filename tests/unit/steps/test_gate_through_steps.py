"""The gate through the real steps: lost entity types, error budgets, new splits of a corpus."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from seqtag import steps
from seqtag.artifacts import read_json
from seqtag.config import Settings, load_tagger
from seqtag.corpus import CorpusChanges
from seqtag.run_dir import RunDir

ME = steps.AuditContext("me@host", "a test", datetime(2026, 1, 1, tzinfo=UTC))
NAMES, PLACES = ("Anna", "Bob", "Carla", "Dan", "Eva"), ("Berlin", "Paris", "Rome", "Oslo", "Bonn")
TOML = """
name = "cities"
seed = {seed}
{sources}
[train]
recipe = "base"
max_epochs = {epochs}
[gate]
floor = 0.0
metric = "accuracy"
{gate}
[tags]
{tags}
"""
SOURCE = """
[[corpus.sources]]
format = "conll"
path = "{path}"
split = "{split}"
"""


@dataclass(frozen=True)
class Cities:
    """A tagger of people and places; a number selects its corpus."""

    folder: Path

    @property
    def workspace(self) -> steps.Workspace:
        return steps.Workspace.of(Settings(home=self.folder / "home"))

    def retrain(
        self,
        *,
        train: Sequence[int] = (0,),
        test: Sequence[int] = (2,),
        spell: Callable[[str], str] = str,
        gate: str = "",
        tags: str = "",
        epochs: int = 1,
        seed: int = 1,
    ) -> RunDir:
        """Retrain up to the decision on the corpora with these numbers."""
        sources = ""
        for split, numbers in (("train", train), ("dev", (1,)), ("test", test)):
            path = self.folder / f"{split}.conll"
            path.write_text("".join(_corpus(number, spell) for number in numbers))
            sources += SOURCE.format(path=path, split=split)
        toml = self.folder / "cities.toml"
        toml.write_text(TOML.format(sources=sources, gate=gate, tags=tags, epochs=epochs, seed=seed))
        config = load_tagger(toml)
        run = steps.open_run(
            config, steps.ingest(config, self.workspace), self.workspace, as_of=date(2026, 1, 1)
        )
        for step in (
            steps.validate,
            steps.split,
            steps.index,
            steps.encode,
            steps.train,
            steps.retrain_champion,
        ):
            step(run)
        steps.evaluate(run)
        steps.decide(run)
        return run

    def finish(self, run: RunDir) -> str:
        """Register the model, promote it if the gate says so, and return the newest event of the ledger."""
        steps.register(run, self.workspace)
        steps.smoke_test(run, self.workspace)
        steps.promote(run, self.workspace, by=ME)
        return self.workspace.registry().history("cities")[-1].event


def _corpus(number: int, spell: Callable[[str], str]) -> str:
    """Write 60 sentences that occur in no other corpus."""
    draw = random.Random(number)
    sentences = []
    for _ in range(60):
        words = []
        for _ in range(draw.randint(5, 8)):
            kind = draw.random()
            if kind < 0.3:
                words.append(f"{draw.choice(NAMES)} B-PER")
            elif kind < 0.6:
                words.append(f"{draw.choice(PLACES)} {spell('B-LOC')}")
            else:
                words.append(f"w{number}{draw.randrange(200)} O")
        sentences.append("\n".join(words) + "\n\n")
    return "".join(sentences)


def without_places(tag: str) -> str:
    return "O" if tag == "B-LOC" else tag


def with_three_places() -> Callable[[str], str]:
    """Return a function that keeps the first three places and tags all others O."""
    left = iter(["B-LOC"] * 3)
    return lambda tag: next(left, "O") if tag == "B-LOC" else tag


def decision(run: RunDir) -> dict[str, Any]:
    found: dict[str, Any] = read_json(run.decision)
    return found


def broken(run: RunDir) -> list[str]:
    return [rule["rule"] for rule in decision(run)["rules"] if not rule["passed"]]


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> Cities:
    """The tagger with its first champion, which knows people and places."""
    found = Cities(tmp_path_factory.mktemp("cities"))
    assert found.finish(found.retrain()) == "PROMOTE"
    return found


def test_a_model_that_lost_an_entity_type_is_held(cities: Cities) -> None:
    """All places of the second corpus are O, in train and test, so that the champion tags them wrongly."""
    run = cities.retrain(spell=without_places, epochs=12)
    found = decision(run)
    assert found["challenger"] > found["champion"]
    assert found["verdict"] == "HOLD"
    assert "removed tags are allowed" in broken(run)
    assert any("removed since the champion: LOC" in rule["detail"] for rule in found["rules"])
    confused = read_json(run.metrics)["challenger"]["confusion"]["tags"]
    assert "B-PER" in confused  # as in the corpus; the model learns S-PER
    assert not [tag for tag in confused if tag.startswith(("S-", "E-"))]
    assert 'gate.removed_tags = "allow"' in found["would_pass"] or not found["would_pass"]
    assert not [tag for tag in read_json(run.tags)["tags"] if "LOC" in tag]
    changes = CorpusChanges.load(run.corpus_changes)
    assert (changes.version, changes.new_documents, changes.removed_documents) == ("1", 0, 0)
    relabelled = {name: split.relabelled for name, split in changes.splits.items()}
    assert relabelled == {"train": 51, "dev": 54, "test": 52}  # of 60 each, those with a place
    assert (changes.unit, changes.types["PER"]["test"].before) == ("span", changes.types["PER"]["test"].now)
    of_places = changes.types["LOC"]
    assert all(size.before > 70 and size.now == 0 for size in of_places.values())
    assert {name: (size.before, size.now) for name, size in changes.sources.items()} == {
        f"{split}.conll": (60, 60) for split in ("train", "dev", "test")
    }
    view = steps.diff(run)
    assert (view.before, view.now, view.unit) == ("version 1", f"run {run.id}", "span")
    (places,) = [each for each in view.by_type if each.name == "LOC"]
    assert places.removed_false_positives > 5  # the places that the champion still tags
    assert (places.newly_found, places.newly_missed, places.new_false_positives) == (0, 0, 0)


def test_a_model_trained_on_three_examples_of_a_type_is_held(cities: Cities) -> None:
    """The champion was trained on about a hundred places."""
    run = cities.retrain(spell=with_three_places(), epochs=12)
    assert [tag for tag in read_json(run.tags)["tags"] if "LOC" in tag]
    assert decision(run)["challenger"] > decision(run)["champion"]
    assert "removed tags are allowed" in broken(run)


def test_a_renamed_type_is_not_new(cities: Cities) -> None:
    run = cities.retrain(
        spell=lambda tag: tag.replace("LOC", "GEO"),
        gate='new_tags = "hold"\nrenamed_tags = {LOC = "GEO"}\n',
    )
    assert not {"new tags are allowed", "removed tags are allowed"} & set(broken(run))
    assert decision(run)["n_left_out"] == 0


def test_a_tag_that_is_no_longer_declared_is_removed(cities: Cities) -> None:
    run = cities.retrain(spell=without_places, tags='declared = ["O", "B-PER"]\n')
    assert {tag.rpartition("-")[2] for tag in read_json(run.tags)["tags"]} == {"O", "PER"}
    assert "removed tags are allowed" in broken(run)


def test_only_new_evidence_spends_error_budget(cities: Cities) -> None:
    before = len(cities.workspace.registry().comparisons("cities"))
    run = cities.retrain(seed=2)
    assert read_json(run.earlier)["comparisons"] == before
    assert decision(run)["level"] == pytest.approx(0.05 / 365)
    assert cities.finish(run) == "HOLD"
    spent = cities.workspace.registry().comparisons("cities")
    assert len(spent) == before + 1
    assert spent[-1].spent == pytest.approx(0.05 / 365)
    again = cities.retrain(seed=2)
    assert (again, decision(again)) == (run, decision(run))
    cities.finish(again)
    assert cities.workspace.registry().comparisons("cities") == spent


def test_the_champion_itself_is_not_new_evidence(cities: Cities) -> None:
    """With another margin the same model is judged again."""
    run = cities.retrain(gate="margin = 0.01\n")
    assert decision(run)["difference"]["value"] == 0
    assert decision(run)["evidence"] == ""


def test_an_exhausted_budget_holds(cities: Cities) -> None:
    """One comparison spent 0.05 / 365, and the new configuration allows no more for two."""
    cities.finish(cities.retrain(seed=2))
    run = cities.retrain(seed=3, gate="horizon = 2\nfalse_promotions = 0.0001\n")
    assert decision(run)["level"] == 0
    assert "the error budget is not used up" in broken(run)
    before = len(cities.workspace.registry().comparisons("cities"))
    cities.finish(run)
    assert [c.spent for c in cities.workspace.registry().comparisons("cities")[before:]] == [
        0
    ]  # the window moves on


def test_an_unchanged_recipe_is_promoted_after_a_new_split(cities: Cities) -> None:
    """The champion was trained on corpus 0, which is now the test split, so that nothing can be compared."""
    run = cities.retrain(train=(2, 3), test=(0,))
    assert read_json(run.substitute)["same_configuration"] is True
    assert decision(run)["verdict"] == "PROMOTE"
    assert (
        "champion v1: it was trained on 100.0% of the test sequences" in decision(run)["rules"][1]["detail"]
    )
    assert decision(run)["evidence"] == ""
    held = cities.retrain(train=(2, 3), test=(0,), gate="retrain_champion = false\n")
    assert decision(held)["verdict"] == "HOLD"


def test_another_recipe_must_beat_the_champions_recipe_after_a_new_split(
    cities: Cities,
) -> None:
    run = cities.retrain(train=(2, 3), test=(0,), epochs=2)
    substitute = read_json(run.substitute)
    assert (substitute["same_configuration"], substitute["trained"]) == (False, True)
    assert run.retrained_champion.is_dir()
    assert not run.champion_retraining.exists()
    found = decision(run)
    assert found["verdict"] == "HOLD"
    assert found["is_champion_retrained"] is True
    assert found["n_left_out"] == 0
    assert found["evidence"]
