"""Validation compares tags with the profile of the champion's data if that can be read."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path

import pytest

from seqtag import steps
from seqtag.config import Settings, TaggerConfig
from seqtag.corpus import Profile
from seqtag.errors import RunDirError
from seqtag.run_dir import RunDir
from seqtag.steps.run_inputs import PinnedChampion, PinnedOpponent

Challenged = tuple[RunDir, Path]


@pytest.fixture(scope="module")
def open_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], RunDir]:
    """Return a function that opens a run of a new tagger at each call, always on the same corpus."""
    folder, numbers = tmp_path_factory.mktemp("taggers"), count()
    text = "\n\n".join(f"Ada{i}\tB-PER\nof\tO\nKent{i}\tB-LOC" for i in range(60))
    (folder / "a.conll").write_text(text + "\n", "utf-8")
    source = {"format": "conll", "path": str(folder / "a.conll")}
    workspace = steps.Workspace.of(Settings(home=folder / "home"))

    def opened() -> RunDir:
        config = TaggerConfig.model_validate({"name": f"toy{next(numbers)}", "corpus": {"sources": [source]}})
        return steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))

    return opened


@pytest.fixture(scope="module")
def valid_profile(open_run: Callable[[], RunDir]) -> bytes:
    """The profile.json of a run without a champion."""
    run = open_run()
    steps.validate(run)
    return run.profile.read_bytes()


@pytest.fixture
def challenged(open_run: Callable[[], RunDir]) -> Challenged:
    """A run that has a champion, and the path of the champion's profile, which does not exist."""
    run = open_run()
    champion = PinnedChampion(
        version="1",
        run_id="2025-12-01-aaaaaaaa-bbbb",
        bundle="",
        digest="",
        serving="",
        tags=("O",),
        tag_counts={"O": 1},
        config=None,
        scores=None,
    )
    PinnedOpponent(champion).save(run.opponent)
    return run, RunDir(run.path.with_name(champion.run_id)).profile


def place(profile: Path, content: bytes) -> None:
    profile.parent.mkdir(parents=True)
    profile.write_bytes(content)


def rules(run: RunDir) -> set[str]:
    return {rule.rule for rule in Profile.load(run.profile).rules}


def test_tags_are_compared_with_the_champions_profile(challenged: Challenged, valid_profile: bytes) -> None:
    run, champions = challenged
    place(champions, valid_profile)

    manifest = steps.validate(run)

    assert "tag_drift" in rules(run)
    assert manifest.inputs["champion's profile"] != ""


@pytest.mark.parametrize("change", [{"format": "profile/0"}, {"tags": 1}])
def test_a_champions_profile_of_another_format_is_ignored(
    challenged: Challenged, valid_profile: bytes, change: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    run, champions = challenged
    place(champions, json.dumps({**json.loads(valid_profile), **change}).encode())

    with caplog.at_level(logging.WARNING, "seqtag.steps.validate"):
        manifest = steps.validate(run)

    assert "tag_drift" not in rules(run)
    assert manifest.inputs["champion's profile"] == ""
    (line,) = [record.getMessage() for record in caplog.records if record.name == "seqtag.steps.validate"]
    assert line.startswith(f"validate: tags are not compared with the champion's: {champions}: ")


def test_a_champion_without_a_run_directory_has_no_profile(
    challenged: Challenged, caplog: pytest.LogCaptureFixture
) -> None:
    run, _ = challenged

    steps.validate(run)

    assert "tag_drift" not in rules(run)
    assert [record for record in caplog.records if record.name == "seqtag.steps.validate"] == []


def test_a_champions_profile_that_cannot_be_read_fails_the_step(
    challenged: Challenged, valid_profile: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, champions = challenged
    place(champions, valid_profile)
    read_text = Path.read_text

    def unreachable(path: Path, *arguments: str) -> str:
        if path == champions:
            raise OSError(errno.ESTALE, "Stale file handle", str(path))
        return read_text(path, *arguments)

    monkeypatch.setattr(Path, "read_text", unreachable)

    with pytest.raises(RunDirError, match="Stale file handle"):
        steps.validate(run)
    assert not run.output("validate").exists()
