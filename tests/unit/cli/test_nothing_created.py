"""Commands that only read create neither a home folder nor a registry."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from seqtag.cli import app
from seqtag.errors import ConfigError, RegistryError
from tests.taggers import Taggers

READING = [
    ["history", "small"],
    ["show", "small"],
    ["explain", "small.toml"],
    ["plan", "small.toml"],
    ["tag", "--run", "small"],
    ["tag", "small"],
    ["registry"],
    ["serve", "small"],
    ["rollback", "small", "--reason", "x"],
    ["unblock", "small", "--reason", "x"],
    ["validate", "small"],
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a tagger's file and no home folder above it."""
    monkeypatch.delenv("SEQTAG_HOME")
    monkeypatch.delenv("SEQTAG_AS_OF", raising=False)
    (tmp_path / "project" / "deployments" / "taggers").mkdir(parents=True)
    (tmp_path / "project" / "work").mkdir()
    monkeypatch.chdir(tmp_path / "project" / "work")
    Taggers(tmp_path / "project" / "work").write()
    return tmp_path / "project"


def refusal(arguments: list[str]) -> BaseException | None:
    return CliRunner().invoke(app, arguments).exception


def content(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_a_reading_command_without_a_home_folder_names_the_folders_it_looked_in(
    folder: Path, arguments: list[str]
) -> None:
    before = content(folder)
    error = refusal(arguments)
    assert isinstance(error, ConfigError)
    assert str(error) == (
        "home folder not found: expected .seqtag in the working directory or a parent, looked in "
        f"{folder}/work, {folder}; change to the project or set SEQTAG_HOME; "
        f"`seqtag retrain TAGGER` creates it as {folder}/.seqtag"
    )
    assert content(folder) == before


def test_a_home_folder_in_the_environment_that_does_not_exist_is_named(folder: Path, monkeypatch) -> None:
    monkeypatch.setenv("SEQTAG_HOME", str(folder / "nowhere"))
    assert str(refusal(["history", "small"])) == (
        f"home folder does not exist: expected the folder that SEQTAG_HOME names, got {folder}/nowhere; "
        "correct or unset SEQTAG_HOME, or `seqtag retrain TAGGER` creates it"
    )
    assert not (folder / "nowhere").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            ["retrain", "small.toml"],
            ["ingest", "small.toml"],
            ["open-run", "small.toml"],
            ["train", "small"],
        ),
        *(["rollback", "small", "--reason", "x"], ["unblock", "small", "--reason", "x"], ["registry"]),
    ],
    ids=" ".join,
)
def test_a_home_folder_that_cannot_be_written_is_named_with_the_variable_that_moves_it(
    folder: Path, monkeypatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("SEQTAG_HOME", "/proc/self")  # exists, and nobody can create files in it
    assert str(refusal(arguments)) == (
        "home folder cannot be written: expected one that you can write, got /proc/self "
        "(No such file or directory); set SEQTAG_HOME to another folder"
    )


def test_a_home_folder_that_cannot_be_created_is_named_with_the_variable_that_moves_it(
    folder: Path, monkeypatch
) -> None:
    (folder / "file").touch()
    monkeypatch.setenv("SEQTAG_HOME", str(folder / "file" / "home"))
    fault = (
        f"home folder cannot be written: expected one that you can write, got {folder}/file/home (Not a dir"
    )
    assert fault in str(refusal(["ingest", "small.toml"]))
    assert f"FIX   {fault}" in CliRunner().invoke(app, ["doctor"]).output


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_a_reading_command_does_not_create_a_registry(folder: Path, arguments: list[str]) -> None:
    (folder / ".seqtag").mkdir()
    before = content(folder)
    error = refusal(arguments)
    if arguments[0] == "serve":
        assert isinstance(error, ConfigError)
        assert str(error).startswith("no champion of 'small' in the registry")
    if arguments[0] in ("registry", "rollback", "unblock"):
        assert isinstance(error, RegistryError)
        assert "registry.db does not exist: expected a database to which a retraining" in str(error)
    assert content(folder) == before


def test_a_dry_run_after_ingest_creates_no_registry(folder: Path) -> None:
    assert CliRunner().invoke(app, ["ingest", "small.toml"]).exit_code == 0
    assert (folder / ".seqtag" / "corpora").is_dir()  # in the project, as for make
    done = CliRunner().invoke(app, ["explain", "small.toml"])
    (run_or_ingest, *_) = done.output.splitlines()
    assert (done.exit_code, run_or_ingest.split()) == (0, ["unchanged", "ingest"])
    assert not (folder / ".seqtag" / "registry.db").exists()


def test_the_doctor_creates_nothing(folder: Path) -> None:
    before = content(folder)
    done = CliRunner().invoke(app, ["doctor"])
    assert f"ok    home {folder}/.seqtag, which the first retraining creates" in done.output
    assert "ok    registry, which the first retraining creates" in done.output
    assert content(folder) == before
