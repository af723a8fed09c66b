"""The command `remove`: what it lists, deletes and keeps."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from seqtag.cli import app
from seqtag.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with files of two taggers, in a folder with the file of one."""
    home = tmp_path / "home"
    for name in ("small", "other"):
        for folder in (f"runs/{name}/2026-01-31-a-b/split", f"corpora/{name}/abc"):
            (home / folder).mkdir(parents=True)
            (home / folder / ".x.lock").touch()
            (home / folder / "part.parquet").write_bytes(b"x" * 1_500_000)
    (tmp_path / "small.toml").write_text('name = "small"\n[corpus]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQTAG_HOME", str(home))
    return home


def remove(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["remove", *arguments], catch_exceptions=False)


def files(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*.parquet")}


def test_without_yes_it_lists_and_removes_nothing(home: Path) -> None:
    before = files(home)
    done = remove("small")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"would remove  {home}/runs/small  2 MB in 2 files",
        f"would remove  {home}/corpora/small  2 MB in 2 files",
        "keeps    0 versions in the registry, and the ledger",
        f"keeps    {home.parent}/small.toml; delete it and run `make deploy` to remove its deployments",
        "Nothing was removed. To remove: seqtag remove small --yes",
    ]
    assert files(home) == before


def test_with_yes_it_removes_the_folders_of_one_tagger(home: Path) -> None:
    done = remove("small.toml", "--yes")
    assert done.stdout.startswith(f"removed  {home}/runs/small  2 MB in 2 files\n")
    assert files(home) == {"runs/other/2026-01-31-a-b/split/part.parquet", "corpora/other/abc/part.parquet"}
    assert not list(home.rglob("*small*"))
    assert (home.parent / "small.toml").exists()


def test_an_interrupted_removal_is_completed(home: Path) -> None:
    (home / "runs" / "small").rename(home / "runs" / ".small.removed")
    assert remove("small", "--yes").exit_code == 0
    assert not list(home.rglob("*small*"))


def test_a_tagger_with_new_runs_after_an_interrupted_removal_is_removed(home: Path) -> None:
    left = home / "runs" / ".small.removed" / "2026-01-01-a-b"
    left.mkdir(parents=True)
    (left / "part.parquet").touch()
    assert remove("small", "--yes").exit_code == 0
    assert not list(home.rglob("*small*"))


def test_nothing_is_removed_while_a_step_is_running(home: Path) -> None:
    before = files(home)
    with (home / "corpora" / "small" / "abc" / ".x.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="a retraining is running"):
            remove("small", "--yes")
    assert files(home) == before


def test_a_tagger_without_runs_is_an_error(home: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to remove: 'smal' has no runs"):
        remove("smal")
