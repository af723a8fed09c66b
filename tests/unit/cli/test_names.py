"""Names of taggers on the command line: found in the project, or next to it, or at a path."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from seqtag.cli import app
from seqtag.cli.names import TAGGER
from seqtag.config import Settings, load_tagger
from seqtag.errors import ConfigError
from seqtag.steps import Workspace
from seqtag.steps.lookup import tagger_file, tagger_name
from tests.taggers import Taggers


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the taggers `one` and `two`, in whose folder `work` the command is run."""
    monkeypatch.delenv("SEQTAG_HOME")
    (tmp_path / "deployments" / "taggers").mkdir(parents=True)
    (tmp_path / "work").mkdir()
    Taggers(tmp_path / "deployments" / "taggers").write(name="one")
    Taggers(tmp_path).write(name="two")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "pyproject"\n')
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def test_a_name_is_looked_for_in_the_project_and_next_to_it(project: Path) -> None:
    assert tagger_file("one") == project / "deployments" / "taggers" / "one.toml"
    assert tagger_file("two") == project / "two.toml"


def test_the_name_in_the_file_counts_before_the_name_of_the_file(project: Path) -> None:
    (project / "two.toml").rename(project / "one.toml")
    assert tagger_file("two") == project / "one.toml"
    assert tagger_file("one") == project / "deployments" / "taggers" / "one.toml"


def test_a_path_is_that_of_a_file(project: Path) -> None:
    assert tagger_file("../two.toml") == Path("../two.toml")


def test_an_unknown_name_is_an_error_with_the_folders_and_the_names_that_exist(project: Path) -> None:
    with pytest.raises(ConfigError) as found:
        tagger_file("tow")
    assert str(found.value) == (
        "no tagger 'tow': expected the path of a TOML file, or the name of one in "
        f"{project}/work, {project}/deployments/taggers, {project}, found one, two; did you mean 'two'?"
    )


@pytest.mark.parametrize("name", ["data.csv", "data.jsonl", "data.parquet"])
def test_a_file_of_data_is_no_taggers_file(project: Path, name: str) -> None:
    (project / ".seqtag").mkdir()
    Path(name).write_bytes(b"PAR1\x00\xff" if name == "data.parquet" else b'{"tokens": ["Ada"]}\n')
    said = f"{name}: file is not a tagger's TOML file, but probably data: .*; next: seqtag init {name}"
    for find in (tagger_file, load_tagger, lambda name: tagger_name(name, Workspace.of(Settings()))):
        with pytest.raises(ConfigError, match=said):
            find(name)
    with pytest.raises(ConfigError, match=r"no tagger is given: .*: seqtag tag TAGGER \[FILES\]"):
        CliRunner().invoke(app, ["tag", name], catch_exceptions=False)


@pytest.mark.parametrize("command", ["show", "history"])
def test_a_command_without_a_tagger_takes_the_only_one_or_names_all(project: Path, command: str) -> None:
    def fault() -> str:
        return str(CliRunner().invoke(app, [command]).exception or "")

    runs = project / ".seqtag" / "runs"
    runs.mkdir(parents=True)
    assert fault() == ("no tagger is given: expected one with runs, found none; next: seqtag retrain TAGGER")
    (runs / "one").mkdir()
    assert "no tagger is given" not in fault()
    (runs / "two").mkdir()
    assert (
        fault() == f"no tagger is given: expected one with runs, found one, two; next: seqtag {command} one"
    )


def test_the_registry_is_asked_for_the_name_in_a_file(project: Path) -> None:
    workspace = Workspace.of(Settings())
    (project / "two.toml").rename(project / "file.toml")
    assert [tagger_name(name, workspace) for name in ("file", "../file.toml", "two", "gone")] == [
        *("two", "two", "two", "gone")
    ]


def test_a_shell_completes_names(project: Path) -> None:
    assert TAGGER.autocompletion is not None
    assert TAGGER.autocompletion("") == ["one", "two"]
    assert TAGGER.autocompletion("t") == ["two"]
