"""Settings from the environment: empty variables, and folders that cannot be used."""

from pathlib import Path

import pytest

from seqtag.config import Settings
from seqtag.errors import ConfigError


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQTAG_HOME", "")
    monkeypatch.setenv("SEQTAG_REGISTRY_URL", "")
    assert (Settings().home, Settings().registry_url) == (tmp_path / ".seqtag", None)


@pytest.mark.parametrize("home", ["/srv/what?/seqtag", "/srv/a%20b/seqtag"])
def test_a_home_that_a_url_would_change_is_refused(monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setenv("SEQTAG_HOME", home)
    with pytest.raises(ConfigError) as caught:
        Settings()
    assert str(caught.value) == f"SEQTAG_HOME contains ? or %: expected a path without them, got {home}"


def test_a_relative_home_is_refused_for_its_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "why?").mkdir()
    monkeypatch.chdir(tmp_path / "why?")
    monkeypatch.delenv("SEQTAG_HOME")
    with pytest.raises(ConfigError, match=r"why\?/\.seqtag"):
        Settings()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_postgresql_url_without_a_driver_uses_the_one_that_is_installed(scheme: str) -> None:
    settings = Settings(registry_url=f"{scheme}://me:secret@host/models")
    assert settings.registry_url == "postgresql+psycopg://me:secret@host/models"
