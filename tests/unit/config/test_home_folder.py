"""The home folder of a working directory: the nearest one upwards, else in the project."""

from pathlib import Path

import pytest

from seqtag.config import Settings
from seqtag.project import searched_folders


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without a home folder, in whose folder `data/raw` the command is run."""
    (tmp_path / "project" / "deployments" / "taggers").mkdir(parents=True)
    (tmp_path / "project" / "data" / "raw").mkdir(parents=True)
    monkeypatch.delenv("SEQTAG_HOME")
    monkeypatch.chdir(tmp_path / "project" / "data" / "raw")
    return tmp_path / "project"


def test_the_home_folder_is_created_in_the_project(project: Path) -> None:
    assert Settings().home == project / ".seqtag"


def test_every_folder_of_a_project_has_the_home_folder_of_its_root(project: Path, monkeypatch) -> None:
    (project.parent / ".seqtag").mkdir()  # above the project, and not used by it
    assert Settings().home == project / ".seqtag"
    monkeypatch.chdir(project)  # as make does
    assert Settings().home == project / ".seqtag"
    assert searched_folders(project / "data") == [project / "data", project]


def test_the_nearest_home_folder_is_used(project: Path) -> None:
    (project / "data" / ".seqtag").mkdir()
    assert Settings().home == project / "data" / ".seqtag"


def test_a_file_named_like_the_home_folder_is_not_one(project: Path) -> None:
    (project / "data" / ".seqtag").write_text("")
    assert Settings().home == project / ".seqtag"


def test_outside_a_project_the_home_folder_is_in_the_working_directory(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("SEQTAG_HOME")
    monkeypatch.chdir(tmp_path)
    assert Settings().home == tmp_path / ".seqtag"
    assert searched_folders(tmp_path) == [tmp_path, *tmp_path.parents]


def test_the_environment_takes_precedence(project: Path, monkeypatch) -> None:
    (project / ".seqtag").mkdir()
    monkeypatch.setenv("SEQTAG_HOME", "elsewhere")
    assert Settings().home == Path("elsewhere")
