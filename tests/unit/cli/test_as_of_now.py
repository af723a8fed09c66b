"""The day of a command: today in the time zone of the schedule, or SEQTAG_AS_OF."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from seqtag import steps
from seqtag.cli import app, common
from seqtag.errors import ConfigError
from tests.live_services import corpus

NOW = datetime(2026, 1, 31, 17, tzinfo=UTC)  # 02:00 on the first of February in Tokyo

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def seqtag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command on a tagger whose source has a file for each of two days."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("SEQTAG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SEQTAG_AS_OF", raising=False)
    monkeypatch.setattr(common, "_now", lambda: NOW)
    for day in ("2026-01-31", "2026-02-01"):
        (tmp_path / f"{day}.jsonl").write_text(corpus(drawn=day))

    def run(command: str, schedule: str) -> tuple[int, str]:
        source = f'[[corpus.sources]]\nformat = "jsonl"\npath = "{tmp_path}/${{SEQTAG_AS_OF}}.jsonl"\n'
        tagger = tmp_path / "small.toml"
        tagger.write_text(f'name = "small"\n{source}{schedule}')
        done = CliRunner().invoke(app, [command, str(tagger)])
        return done.exit_code, done.output if done.exception is None else str(done.exception)

    return run


@pytest.mark.parametrize(
    ("schedule", "day"),
    [
        ("", "2026-01-31"),
        ('[schedule]\ntimezone = "Asia/Tokyo"\n', "2026-02-01"),
        ('[schedule]\ntimezone = "America/Los_Angeles"\n', "2026-01-31"),
    ],
)
def test_a_run_is_named_by_today_in_the_time_zone_of_the_schedule(
    seqtag: Command, schedule: str, day: str
) -> None:
    code, printed = seqtag("open-run", schedule)
    assert (code, Path(printed.splitlines()[-1]).name[:10]) == (0, day)


def test_the_day_in_the_environment_takes_precedence(seqtag: Command, monkeypatch) -> None:
    monkeypatch.setenv("SEQTAG_AS_OF", "2026-02-01")
    code, printed = seqtag("open-run", "")
    assert (code, Path(printed.splitlines()[-1]).name[:10]) == (0, "2026-02-01")


@pytest.mark.parametrize("command", ["ingest", "explain"])
def test_commands_read_the_file_of_the_day(seqtag: Command, command: str) -> None:
    assert seqtag(command, '[schedule]\ntimezone = "Asia/Tokyo"\n')[0] == 0


WITH_FILES = ("check", "explain", "ingest", "open-run", "plan", "retrain", "tag-sources")  # of the tagger


def test_all_commands_that_take_a_tagger_are_known() -> None:
    commands = typer.main.get_command(app).commands.items()  # type: ignore[attr-defined]
    found = {
        name for name, each in commands if not each.hidden and any(p.metavar == "TAGGER" for p in each.params)
    }
    assert found == {*WITH_FILES, "backfill", "history", "remove", "rollback", "unblock"}


@pytest.mark.parametrize("command", WITH_FILES)
def test_every_command_that_takes_a_tagger_sets_the_day(
    seqtag: Command, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(*_: object, **__: object) -> None:
        raise ConfigError(f"the day is {os.environ.get('SEQTAG_AS_OF')}")

    for step in ("check", "ingest", "ingest_untagged", "open_runs", "explain", "plan"):
        monkeypatch.setattr(steps, step, say)
    assert "the day is 2026-02-01" in seqtag(command, '[schedule]\ntimezone = "Asia/Tokyo"\n')[1]
    monkeypatch.setenv("SEQTAG_AS_OF", "2026-01-05")
    assert "the day is 2026-01-05" in seqtag(command, '[schedule]\ntimezone = "Asia/Tokyo"\n')[1]


def test_an_invalid_date_is_rejected(seqtag: Command, monkeypatch) -> None:
    monkeypatch.setenv("SEQTAG_AS_OF", "tomorrow")
    code, said = seqtag("open-run", "")
    assert code != 0
    assert "SEQTAG_AS_OF is not a date: expected one like 2026-01-31, got 'tomorrow'" in said
