"""The environment's part of the configuration: what counts as unset, and which folder cannot be used."""

from pathlib import Path

import pytest

from seqtag.config import Settings
from seqtag.errors import ConfigError


def test_what_is_empty_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTAG_HOME", "")
    monkeypatch.setenv("SEQTAG_REGISTRY_URL", "")
    assert (Settings().home, Settings().registry_url) == (Path(".seqtag"), None)


@pytest.mark.parametrize("home", ["/srv/what?/seqtag", "/srv/a%20b/seqtag"])
def test_a_home_that_means_another_folder_in_a_url_is_refused(
    monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    monkeypatch.setenv("SEQTAG_HOME", home)
    with pytest.raises(ConfigError) as caught:
        Settings()
    assert str(caught.value) == f"SEQTAG_HOME must be a folder without ? and % in its path. Received: {home}"


def test_the_working_directory_counts_for_a_relative_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "why?").mkdir()
    monkeypatch.chdir(tmp_path / "why?")
    monkeypatch.delenv("SEQTAG_HOME")
    with pytest.raises(ConfigError, match=r"why\?/\.seqtag"):
        Settings()
