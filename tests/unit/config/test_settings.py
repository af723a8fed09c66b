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


def test_an_mlflow_server_without_a_ledger_is_refused_without_repeating_its_password() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings(registry_url="https://me:hunter2@mlflow.example.com")
    assert str(caught.value) == (
        "SEQTAG_LEDGER_URL is not set: expected the SQLAlchemy URL of a database that all hosts share, since "
        "the MLflow server at https://***@mlflow.example.com gives no access to its own; set it, for example "
        "to the database of that server"
    )


@pytest.mark.parametrize("registry_url", [None, "sqlite:////srv/registry.db"])
def test_a_second_ledger_next_to_the_one_of_the_registry_is_refused(registry_url: str | None) -> None:
    with pytest.raises(ConfigError, match=r"SEQTAG_LEDGER_URL is set without need: .*; unset it"):
        Settings(registry_url=registry_url, ledger_url="sqlite:////srv/ledger.db")


def test_the_ledger_of_an_mlflow_server_gets_the_driver_that_is_installed() -> None:
    settings = Settings(registry_url="http://mlflow:5000", ledger_url="postgres://me@host/ledger")
    assert settings.ledger_url == "postgresql+psycopg://me@host/ledger"


@pytest.mark.parametrize(
    "address", ["10.0.0.7", "tcp://10.0.0.7", "http://10.0.0.7:8786", "10.0.0.7:", "a b:1"]
)
def test_what_is_no_address_of_a_dask_scheduler_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match=r"expected one such as tcp://10\.0\.0\.7:8786, got "):
        Settings(dask_scheduler=address)


@pytest.mark.parametrize("address", ["10.0.0.7:8786", "tcp://scheduler:8786", "tls://[::1]:8786"])
def test_addresses_of_dask_schedulers_are_accepted(address: str) -> None:
    assert Settings(dask_scheduler=address).dask_scheduler == address
