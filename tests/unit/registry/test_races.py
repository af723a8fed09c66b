"""Races of real processes that promote at the same time or are killed halfway."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seqtag.registry import Registry, sqlite_url
from tests.registry_decisions import promote

OpenRegistry = Callable[[Path], Registry]
Results = Callable[..., dict[str, Any]]
CHECKOUT = Path(__file__).resolve().parents[3]
ROUNDS = 25
KILLS = 30


class Writer:
    """Process that runs `writer.py`."""

    def __init__(self, url: str, artifacts: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("writer.py"), url, artifacts],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )  # fmt: skip

    def order(self, version: str, against: str | None) -> None:
        self.process.stdin.write(json.dumps([version, against]) + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def writers(url: str, *artifacts: Path) -> Iterator[list[Writer]]:
    """Yield ready processes; with separate artifact folders, no process sees another's lock."""
    started = [Writer(url, folder) for folder in artifacts]
    try:
        assert [writer.answer() for writer in started] == ["ready"] * len(started)
        yield started
    finally:
        for writer in started:
            writer.end()


def linked(models: Path, folder: Path) -> Path:
    """Make an artifact folder that has its own lock and links to the models of another folder."""
    folder.mkdir()
    for path in models.iterdir():
        if path.is_dir():
            (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(
    request: pytest.FixtureRequest, home_of_three: Path, tmp_path: Path, results: Results
) -> tuple[str, Path]:
    """URL of a store with versions 1 to 3 of `sample`, and the folder of their models."""
    if request.param == "sqlite":
        shutil.copy(home_of_three / "registry.db", tmp_path / "registry.db")
        return sqlite_url(tmp_path / "registry.db"), home_of_three / "artifacts"
    url = request.getfixturevalue("empty_postgres_url")
    registry = Registry(url, tmp_path / "artifacts")
    for day in ("20", "21", "22"):
        registry.register("sample", **results(f"2026-11-{day}-a"))
    return url, tmp_path / "artifacts"


@pytest.mark.slow
def test_exactly_one_of_two_racing_promotions_wins_every_time(
    shared: tuple[str, Path], tmp_path: Path
) -> None:
    url, models = shared
    here, one, two = (linked(models, tmp_path / name) for name in ("here", "one", "two"))
    registry = Registry(url, here)
    champion, outcomes, winners = None, Counter(), []
    with writers(url, one, two) as pair:
        for _ in range(ROUNDS):
            rivals = [version for version in ("1", "2", "3") if version != champion][:2]
            for writer, version in zip(pair, rivals, strict=True):
                writer.order(version, champion)
            answers = [writer.answer() for writer in pair]
            outcomes.update(answers)
            assert sorted(answers) == ["lost", "won"]
            champion = rivals[answers.index("won")]
            winners.append(champion)
            found = registry.champion("sample")
            assert found is not None
            assert found.version == champion
    history = registry.history("sample")
    assert outcomes == {"won": ROUNDS, "lost": ROUNDS}
    assert [(e.entry, e.event, e.to_version) for e in history] == [
        (number, "PROMOTE", version) for number, version in enumerate(winners, start=1)
    ]
    assert [e.from_version for e in history] == [None, *winners[:-1]]
    aliases = {alias: v.version for v in registry.versions("sample") for alias in v.aliases}
    assert (aliases["champion"], aliases["previous"]) == tuple(winners[:-3:-1])


@pytest.mark.slow
def test_a_promotion_killed_at_any_time_and_repeated_is_recorded_once(
    home_of_three: Path, open_registry: OpenRegistry, tmp_path: Path
) -> None:
    chance, entries_at_death, aliases_at_death = random.Random(7), Counter(), Counter()
    duration = _duration(home_of_three, tmp_path / "unkilled")
    for kill in range(KILLS):
        home = tmp_path / f"killed-{kill}"
        home.mkdir()
        shutil.copy(home_of_three / "registry.db", home / "registry.db")
        linked(home_of_three / "artifacts", home / "artifacts")
        registry = open_registry(home)
        with writers(sqlite_url(home / "registry.db"), home / "artifacts") as (writer,):
            writer.order("1", None)
            assert writer.answer() == "won"
            writer.order("2", "1")
            _wait(chance.uniform(0.5, 1.2) * duration)  # the entry is written in the second half
        entries_at_death[len(registry.history("sample"))] += 1
        aliases_at_death[_aliases(registry)["champion"]] += 1
        again = open_registry(home)
        promote(again, "sample", "2", expected_champion="1")
        moves = [(e.event, e.from_version, e.to_version) for e in again.history("sample")]
        assert moves == [("PROMOTE", None, "1"), ("PROMOTE", "1", "2")]
        assert _aliases(again) == {"previous": "1", "champion": "2", "challenger": "3"}
        assert [v.version for v in again.versions("sample")] == ["1", "2", "3"]
    print(f"entries at death {dict(entries_at_death)}, champion's alias {dict(aliases_at_death)}")  # noqa: T201


def _duration(home_of_three: Path, home: Path) -> float:
    """Return the seconds that an undisturbed promotion takes."""
    home.mkdir()
    shutil.copy(home_of_three / "registry.db", home / "registry.db")
    linked(home_of_three / "artifacts", home / "artifacts")
    with writers(sqlite_url(home / "registry.db"), home / "artifacts") as (writer,):
        writer.order("1", None)
        assert writer.answer() == "won"
        started = time.perf_counter()
        writer.order("2", "1")
        assert writer.answer() == "won"
        return time.perf_counter() - started


def _wait(seconds: float) -> None:
    """Pass the time until a random kill; no event is awaited."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def _aliases(registry: Registry) -> dict[str, str]:
    return {alias: v.version for v in registry.versions("sample") for alias in v.aliases}
