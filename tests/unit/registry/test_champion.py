from __future__ import annotations

import shutil
import socket
import sqlite3
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from seqtag.errors import ConfigError, PromotionConflictError, RegistryError
from seqtag.registry import Registry, sqlite_url
from seqtag.registry.mlflow_store import MLflowStore
from tests.registry_decisions import promote

OpenRegistry = Callable[[Path], Registry]
Results = Callable[..., dict[str, Any]]


def _aliases(registry: Registry) -> dict[str, str]:
    return {alias: v.version for v in registry.versions("sample") for alias in v.aliases}


def test_a_fresh_store_has_no_champion(registry: Registry) -> None:
    assert registry.champion("sample") is None
    assert registry.versions("sample") == []


def test_the_champion_comes_with_its_bundle_digest_and_tag_set(
    registry: Registry, results: Results, home: Path
) -> None:
    registration = registry.register("sample", **results())
    promote(registry, "sample", "1", expected_champion=None)
    champion = registry.champion("sample")
    assert champion is not None
    assert champion.version == "1"
    assert champion.seqtag_run_id == "2026-11-22-a"
    assert champion.bundle_digest == registration.bundle_digest
    assert champion.tags == ("O", "B-PER")
    assert champion.bundle.is_relative_to(home / "artifacts")
    assert (champion.bundle / "weights.npz").read_text() == "w1"


def test_the_replaced_champion_becomes_the_previous_one(three_versions: Registry) -> None:
    promote(three_versions, "sample", "1", expected_champion=None)
    promote(three_versions, "sample", "3", expected_champion="1")
    assert _aliases(three_versions) == {"previous": "1", "champion": "3", "challenger": "3"}
    assert [v.promoted_over for v in three_versions.versions("sample")] == ["", None, "1"]


def test_promoting_the_champion_again_changes_nothing(three_versions: Registry) -> None:
    promote(three_versions, "sample", "1", expected_champion=None)
    promote(three_versions, "sample", "2", expected_champion="1")
    promote(three_versions, "sample", "2", expected_champion="1")
    assert _aliases(three_versions) == {"previous": "1", "champion": "2", "challenger": "3"}


@pytest.mark.parametrize("expected", [None, "2"])
def test_a_champion_that_was_changed_meanwhile_stays(three_versions: Registry, expected: str | None) -> None:
    promote(three_versions, "sample", "1", expected_champion=None)
    with pytest.raises(PromotionConflictError, match=r"champion has changed since .*, got version 1"):
        promote(three_versions, "sample", "3", expected_champion=expected)
    assert _aliases(three_versions) == {"champion": "1", "challenger": "3"}


def test_an_expected_champion_that_is_gone_is_a_conflict(three_versions: Registry) -> None:
    with pytest.raises(PromotionConflictError, match="expected version 1, got no champion"):
        promote(three_versions, "sample", "3", expected_champion="1")


def test_one_of_two_concurrent_promotions_over_the_same_champion_fails(
    three_versions: Registry, open_registry: OpenRegistry, home: Path
) -> None:
    promote(three_versions, "sample", "1", expected_champion=None)

    def attempt(version: str) -> str:
        try:
            promote(open_registry(home), "sample", version, expected_champion="1")
        except PromotionConflictError:
            return "conflict"
        return version

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(attempt, ["2", "3"]))
    assert sorted(outcomes)[1] == "conflict"
    assert _aliases(three_versions)["champion"] == min(outcomes)


def test_a_version_that_does_not_exist_is_not_promoted(three_versions: Registry) -> None:
    with pytest.raises(RegistryError, match=r"Model Version .*version=9.* not found") as caught:
        promote(three_versions, "sample", "9", expected_champion=None)
    assert not isinstance(caught.value, PromotionConflictError)


class _DyingClient:
    """Client that fails before its n-th write, counted from 0."""

    def __init__(self, client: Any, fatal_call: int) -> None:
        self._client = client
        self._left = fatal_call

    def __getattr__(self, name: str) -> Any:
        if name.startswith("set_"):
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt
        return getattr(self._client, name)


@pytest.mark.parametrize("fatal_call", [0, 1, 2])
def test_an_interrupted_promotion_leaves_the_champion_and_can_be_repeated(
    three_versions: Registry, monkeypatch: pytest.MonkeyPatch, fatal_call: int
) -> None:
    promote(three_versions, "sample", "1", expected_champion=None)
    dying = _DyingClient(three_versions._store.client(), fatal_call)
    with monkeypatch.context() as patch:
        patch.setattr(MLflowStore, "client", lambda _: dying)
        with pytest.raises(KeyboardInterrupt):
            promote(three_versions, "sample", "2", expected_champion="1")
    assert _aliases(three_versions)["champion"] == "1"
    promote(three_versions, "sample", "2", expected_champion="1")
    assert _aliases(three_versions) == {"previous": "1", "champion": "2", "challenger": "3"}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda bundle: (bundle / "weights.npz").write_text("other"), "bundle was changed: expected sha256"),
        (lambda bundle: (bundle / "tags.json").unlink(), "not a complete bundle"),
        (lambda bundle: shutil.rmtree(bundle), "not a complete bundle"),
        (lambda bundle: (bundle.parent.parent / "MLmodel").write_text("flavors: {}"), "KeyError"),
        (
            lambda bundle: (bundle.parent.parent / "MLmodel").write_text("{"),
            "missing or damaged: .*ParserError",
        ),
        (lambda bundle: (bundle.parent.parent / "MLmodel").unlink(), "FileNotFoundError"),
    ],
)
def test_a_champion_whose_files_changed_is_an_error_and_not_none(
    registry: Registry, results: Results, damage: Any, message: str
) -> None:
    registry.register("sample", **results())
    promote(registry, "sample", "1", expected_champion=None)
    champion = registry.champion("sample")
    assert champion is not None
    damage(champion.bundle)
    with pytest.raises(RegistryError, match=message) as caught:
        registry.champion("sample")
    assert "restore its folder, or make another version the champion" in str(caught.value)
    assert caught.value.__cause__ is None  # a cause would mark the error as transient


def test_every_alias_returns_its_version_with_the_bundle(three_versions: Registry) -> None:
    promote(three_versions, "sample", "1", expected_champion=None)
    assert three_versions.version_at_alias("sample", "previous") is None
    promote(three_versions, "sample", "2", expected_champion="1")
    found = {
        alias: three_versions.version_at_alias("sample", alias)
        for alias in ("previous", "champion", "challenger")
    }
    assert {alias: version and version.version for alias, version in found.items()} == {
        "previous": "1",
        "champion": "2",
        "challenger": "3",
    }


def test_a_file_that_is_not_a_database_is_an_error_and_not_none(tmp_path: Path) -> None:
    (tmp_path / "registry.db").write_text("this is not a database, but long enough for a close look\n" * 9)
    registry = Registry(sqlite_url(tmp_path / "registry.db"), tmp_path / "artifacts")
    with pytest.raises(RegistryError, match=r"registry sqlite:.*: opening it: .*not a database"):
        registry.champion("sample")
    with pytest.raises(RegistryError, match="not a database"):
        registry.check()


def test_a_database_that_breaks_while_open_is_an_error_and_not_none(registry: Registry, home: Path) -> None:
    registry.check()
    with sqlite3.connect(home / "registry.db") as connection:
        connection.execute("DROP TABLE registered_models")
    connection.close()
    with pytest.raises(RegistryError, match="looking for the champion of sample"):
        registry.champion("sample")


def test_a_database_of_another_mlflow_release_is_an_error_that_says_what_to_do(
    registry: Registry, home: Path
) -> None:
    with sqlite3.connect(home / "registry.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'facade'")
    connection.close()
    with pytest.raises(RegistryError, match="mlflow db upgrade"):
        registry.champion("sample")


def test_a_lost_database_is_an_error_while_its_artifacts_exist(
    open_registry: OpenRegistry, home_of_three: Path, home: Path
) -> None:
    emptied = open_registry(home)
    shutil.copytree(home_of_three / "artifacts", home / "artifacts")
    with pytest.raises(RegistryError, match="restore the database, or move the folder away"):
        emptied.champion("sample")
    assert emptied.champion("another") is None


def test_a_server_that_does_not_answer_is_an_error_that_hides_the_password(tmp_path: Path) -> None:
    with socket.socket() as bound:  # bound but not listening: connections are refused
        bound.bind(("127.0.0.1", 0))
        url = f"postgresql+psycopg://tagger:hunter2@127.0.0.1:{bound.getsockname()[1]}/models"
        with pytest.raises(RegistryError, match=r"opening it: .*refused") as caught:
            Registry(url, tmp_path).champion("sample")
    assert "hunter2" not in str(caught.value)


def test_a_missing_driver_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="No module named 'pg8000'"):
        Registry("postgresql+pg8000://tagger@127.0.0.1/models", tmp_path).check()


def test_the_check_finds_a_file_in_place_of_the_artifact_folder(
    open_registry: OpenRegistry, home: Path
) -> None:
    registry = open_registry(home)
    (home / "artifacts").write_text("in the way")
    with pytest.raises(RegistryError, match="File exists"):
        registry.check()


def test_a_working_store_passes_the_check_and_nothing_is_left_behind(registry: Registry, home: Path) -> None:
    registry.check()
    assert [path.name for path in (home / "artifacts").iterdir()] == [".lock"]


@pytest.mark.parametrize("url", ["sqlite:///registry.db", "sqlite://", "sqlite:///:memory:", "registry.db"])
def test_a_url_that_depends_on_the_working_directory_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"registry URL is (relative|invalid): expected an"):
        Registry(url, tmp_path)


@pytest.mark.parametrize("url", ["postgresql:/me:hunter2@host/db", "postgresql://me:hunter2@host:port/db"])
def test_an_invalid_url_is_refused_without_repeating_its_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="begins with 'postgresql'") as caught:
        Registry(url, tmp_path)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_password_in_the_query_of_a_url_is_hidden(tmp_path: Path) -> None:
    shown = str(MLflowStore("postgresql+psycopg://host/models?user=me&password=hunter2", tmp_path))
    assert shown == "postgresql+psycopg://host/models?password=***&user=me"


def test_a_relative_artifact_folder_is_refused() -> None:
    with pytest.raises(ConfigError, match="is relative: expected an absolute path, got artifacts"):
        Registry("sqlite:////srv/registry.db", Path("artifacts"))


def test_two_processes_can_open_a_fresh_store_at_once(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "registry.db")
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: Registry(url, tmp_path / "artifacts").champion("sample"), range(2)))
    assert found == [None, None]


def test_the_default_experiment_is_not_placed_in_the_working_directory(migrated_database: Path) -> None:
    from mlflow import MlflowClient

    default = MlflowClient(tracking_uri=sqlite_url(migrated_database)).get_experiment("0")
    assert default.artifact_location == "mlflow-artifacts:/0"
