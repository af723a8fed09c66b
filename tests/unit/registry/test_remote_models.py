"""Models of a remote store, fetched by their digests, and homes that were moved."""

from __future__ import annotations

import errno
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtag.errors import ConfigError, RegistryError
from seqtag.registry import Registry, bundle_digest, sqlite_url
from seqtag.registry.artifact_files import ArtifactFiles
from seqtag.registry.model_artifact import BUNDLE
from tests.object_store import NAME, Bucket
from tests.registry_decisions import promote

Results = Callable[..., dict[str, Any]]
CHECKOUT = Path(__file__).resolve().parents[3]
MODEL = f"s3://{NAME}/sample/models/m-1/artifacts"


@pytest.fixture
def bundle(bucket: Bucket, results: Results) -> Path:
    """Bundle that is also in the bucket, as MLflow stores a model."""
    folder: Path = results()["bundle"]
    described = f"flavors:\n  python_function:\n    artifacts:\n      {BUNDLE}: {{path: artifacts/bundle}}\n"
    bucket.put("sample/models/m-1/artifacts/MLmodel", described)
    for file in filter(Path.is_file, folder.rglob("*")):
        key = f"sample/models/m-1/artifacts/artifacts/bundle/{file.relative_to(folder)}"
        bucket.put(key, file.read_text())
    return folder


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArtifactFiles:
    from mlflow.store.artifact.s3_artifact_repo import _cached_get_s3_client

    _cached_get_s3_client.cache_clear()  # the bucket of another test has another server
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return ArtifactFiles("http://127.0.0.1:1", tmp_path / "copies", is_remote=True)


def test_a_bundle_is_fetched_once_into_a_folder_named_by_its_digest(
    bucket: Bucket, bundle: Path, files: ArtifactFiles
) -> None:
    digest = bundle_digest(bundle)
    copy = files.bundle(MODEL, digest)
    assert copy == files.folder / ".fetched" / digest
    assert bundle_digest(copy) == digest
    bucket.server.stop()
    assert files.bundle(MODEL, digest) == copy


def test_a_damaged_copy_is_fetched_again(bundle: Path, files: ArtifactFiles) -> None:
    digest = bundle_digest(bundle)
    (files.bundle(MODEL, digest) / "weights.npz").write_text("damaged")
    assert (files.bundle(MODEL, digest) / "weights.npz").read_text() == "w1"
    assert [path.name for path in files.folder.glob(".fetched/[!.]*")] == [digest]


def test_a_bundle_that_was_changed_in_the_store_is_refused(
    bucket: Bucket, bundle: Path, files: ArtifactFiles
) -> None:
    bucket.put("sample/models/m-1/artifacts/artifacts/bundle/weights.npz", "other")
    with pytest.raises(RegistryError, match="files were changed: expected sha256 ") as caught:
        files.bundle(MODEL, bundle_digest(bundle))
    assert caught.value.__cause__ is None  # permanent
    assert not list(files.folder.glob(".fetched/[!.]*"))


def test_a_store_that_does_not_answer_is_an_error_that_may_pass(bucket: Bucket, files: ArtifactFiles) -> None:
    bucket.server.stop()
    with pytest.raises(OSError, match="files cannot be fetched: ") as caught:
        files.bundle(MODEL, "5d" * 32)
    assert caught.value.errno == errno.EIO


def test_a_digest_that_is_a_path_is_refused(files: ArtifactFiles) -> None:
    with pytest.raises(RegistryError, match=r"digest is invalid: expected a sha256, got '\.\./\.\./runs'"):
        files.bundle(MODEL, "../../runs")


def test_a_bundle_outside_its_model_is_refused(bucket: Bucket, bundle: Path, files: ArtifactFiles) -> None:
    described = f"flavors:\n  python_function:\n    artifacts:\n      {BUNDLE}: {{path: ../../../runs}}\n"
    bucket.put("sample/models/m-1/artifacts/MLmodel", described)
    with pytest.raises(RegistryError, match="file is outside the folder"):
        files.bundle(MODEL, bundle_digest(bundle))


def test_mlflow_itself_fetches_a_version_for_its_consumers(files: ArtifactFiles) -> None:
    assert files.consumers_uri(MODEL, "sample", "3") == "models:/sample/3"


def test_a_folder_of_the_servers_machine_is_refused(files: ArtifactFiles) -> None:
    with pytest.raises(RegistryError) as caught:
        files.log_json("file:///srv/mlruns/1/5d/artifacts", {})
    assert str(caught.value) == (
        "MLflow's server keeps files in its local file system: expected a location that every client can "
        "reach, got file:///srv/mlruns/1/5d/artifacts; start it with --artifacts-destination, which serves "
        "them, or with an object store as --default-artifact-root"
    )


def test_a_server_that_does_not_answer_is_an_error_that_hides_the_password(tmp_path: Path) -> None:
    with socket.socket() as bound:  # bound but not listening: connections are refused
        bound.bind(("127.0.0.1", 0))
        url = f"http://me:hunter2@127.0.0.1:{bound.getsockname()[1]}"
        registry = Registry(url, tmp_path, ledger_url=sqlite_url(tmp_path / "ledger.db"))
        with pytest.raises(RegistryError, match=r"opening it: .*refused") as caught:
            registry.champion("sample")
    assert "hunter2" not in str(caught.value)


def test_a_relative_ledger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ledger URL is relative: expected an absolute SQLite file"):
        Registry("http://127.0.0.1:1", tmp_path, ledger_url="sqlite:///ledger.db")


def test_a_ledger_without_the_entry_that_the_aliases_follow_is_an_error(
    registry: Registry, results: Results, home: Path
) -> None:
    registry.register("sample", **results())
    promote(registry, "sample", "1", expected_champion=None)
    registry._store.client().set_registered_model_tag("sample", "seqtag.entry", "2")
    expected = r"ledger lacks entries: expected entry 2, .*, got 1 as the newest; restore the ledger"
    with pytest.raises(RegistryError, match=expected):
        registry.champion("sample")


def test_nothing_registered_contains_a_path_of_this_machine(
    registry: Registry, results: Results, home: Path, tmp_path: Path
) -> None:
    registry.register("sample", **results())
    promote(registry, "sample", "1", expected_champion=None)
    written = {file: file.read_bytes() for file in home.rglob("*") if file.is_file()}
    paths = (str(tmp_path).encode(), str(CHECKOUT).encode())
    assert [file for file, content in written.items() if any(path in content for path in paths)] == []


def test_a_home_that_was_moved_keeps_its_champion_and_takes_new_versions(
    registry: Registry, results: Results, home: Path, tmp_path: Path
) -> None:
    registry.register("sample", **results("2026-11-21-a"))
    promote(registry, "sample", "1", expected_champion=None)
    moved = home.rename(tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "runs")
    again = Registry(sqlite_url(moved / "registry.db"), moved / "artifacts")
    again.register("sample", **results("2026-11-22-a"))
    promote(again, "sample", "2", expected_champion="1")
    champion = again.champion("sample")
    assert champion is not None
    assert champion.bundle.is_relative_to(moved)
    assert again.logged_results("sample", "1").config["seed"] == 1
    assert not home.exists()
