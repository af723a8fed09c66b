"""Relative paths of sources: next to the tagger's file first, then in the working directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqtag.config import TaggerConfig, config_digest, load_tagger
from seqtag.corpus import read_sources
from seqtag.errors import ConfigError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in whose folder `work` the command is run."""
    for name in ("taggers", "data", "work/data"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def tagger(folder: Path, path: str) -> TaggerConfig:
    file = folder / "toy.toml"
    file.write_text(f'name = "toy"\n[[corpus.sources]]\nformat = "conll"\npath = "{path}"\n')
    return load_tagger(file)


def tokens(config: TaggerConfig) -> list[str]:
    return [token for batch in read_sources(config.corpus) for token in batch["tokens"].flatten().to_pylist()]


@pytest.mark.parametrize("path", ["../data/a.conll", "../data/*.conll", "../${DATA}/a.conll"])
def test_a_relative_path_is_looked_for_next_to_the_file(project: Path, path: str, monkeypatch) -> None:
    monkeypatch.setenv("DATA", "data")
    (project / "data" / "a.conll").write_text("Ada O\n")
    (project / "work" / "data" / "a.conll").write_text("Bob O\n")

    assert tokens(tagger(project / "taggers", path)) == ["Ada"]


def test_a_path_that_is_not_there_is_looked_for_in_the_working_directory(project: Path) -> None:
    (project / "work" / "data" / "a.conll").write_text("Bob O\n")

    assert tokens(tagger(project / "taggers", "data/a.conll")) == ["Bob"]
    assert tokens(tagger(project / "taggers", "data/*.conll")) == ["Bob"]


def test_a_folder_whose_name_has_brackets_is_not_a_glob(project: Path) -> None:
    (project / "a[1]").mkdir()
    (project / "a[1]" / "a.conll").write_text("Ada O\n")

    assert tokens(tagger(project / "a[1]", "a.conll")) == ["Ada"]
    assert tokens(tagger(project / "a[1]", "*.conll")) == ["Ada"]


def test_a_tilde_is_the_home_folder_of_the_user(project: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(project))
    (project / "data" / "a.conll").write_text("Ada O\n")

    assert tokens(tagger(project / "taggers", "~/data/a.conll")) == ["Ada"]


def test_the_error_names_both_folders(project: Path) -> None:
    with pytest.raises(ConfigError, match=f"in {project}/taggers or the working directory; correct the path"):
        tokens(tagger(project / "taggers", "none.conll"))


def test_the_place_of_the_file_does_not_change_digests(project: Path) -> None:
    one, other = tagger(project / "taggers", "a.conll"), tagger(project / "data", "a.conll")

    assert config_digest(one) == config_digest(other)
