"""A registry behind an MLflow server, as two hosts without a shared disk use it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from seqtag.cli.main import app
from seqtag.errors import PromotionConflictError
from seqtag.registry import Registry, mlflow_environment, sqlite_url
from tests.http_servers import free_port, running
from tests.object_store import NAME, Bucket
from tests.registry_decisions import promote

Results = Callable[..., dict[str, Any]]


@pytest.fixture(params=["--artifacts-destination", "--default-artifact-root"], ids=["served", "direct"])
def server(request: pytest.FixtureRequest, tmp_path: Path, bucket: Bucket) -> Iterator[str]:
    """URL of a server with models on S3: those that it serves, or those that clients open themselves."""
    from mlflow.store.artifact.s3_artifact_repo import _cached_get_s3_client

    _cached_get_s3_client.cache_clear()  # the bucket of another test has another server
    port = free_port()
    folder = tmp_path / "server"
    folder.mkdir()
    where = [
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
        request.param,
        f"s3://{NAME}/mlflow",
    ]
    where += ["--no-serve-artifacts"] if request.param == "--default-artifact-root" else []
    command = [sys.executable, "-m", "mlflow", "server", *where]
    environment = mlflow_environment(sqlite_url(folder / "mlflow.db"))
    with running(command, f"http://127.0.0.1:{port}/health", cwd=folder, env=environment) as url:
        yield url.removesuffix("/health")


@pytest.mark.slow
def test_two_hosts_share_champion_and_ledger_without_sharing_a_disk(
    server: str, tmp_path: Path, results: Results
) -> None:
    ledger = sqlite_url(tmp_path / "server" / "ledger.db")
    here, there = (
        Registry(server, tmp_path / host / "artifacts", ledger_url=ledger) for host in ("here", "there")
    )
    here.check()
    assert here.champion("sample") is None
    first = here.register("sample", **results("2026-11-21-a"))
    assert here.register("sample", **results("2026-11-21-a")) == first
    promote(here, "sample", "1", expected_champion=None)
    shutil.rmtree(tmp_path / "runs")

    champion = there.champion("sample")
    assert champion is not None
    assert (champion.version, champion.bundle_digest) == ("1", first.bundle_digest)
    assert champion.bundle.is_relative_to(tmp_path / "there")
    assert (champion.bundle / "weights.npz").read_text() == "w1"
    assert there.logged_results("sample", "1").config["seed"] == 1
    loaded = there.smoke_test("sample", "1", golden=None, scheme="IOB2")
    assert [check.check for check in loaded.checks] == ["model loads"]
    assert "saved_model.pb" in loaded.checks[0].detail  # fetched by MLflow; it is no model
    there.register("sample", **results("2026-11-22-a", weights="w2"))
    promote(there, "sample", "2", expected_champion="1")
    with pytest.raises(PromotionConflictError, match="expected version 1, got version 2"):
        promote(here, "sample", "1", expected_champion="1")
    assert [(e.event, e.to_version) for e in here.history("sample")] == [("PROMOTE", "1"), ("PROMOTE", "2")]
    assert [v.aliases for v in here.versions("sample")] == [("previous",), ("challenger", "champion")]


@pytest.mark.slow
def test_the_command_registry_names_the_address_of_a_server(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQTAG_HOME", str(tmp_path))
    monkeypatch.setenv("SEQTAG_REGISTRY_URL", server)
    monkeypatch.setenv("SEQTAG_LEDGER_URL", sqlite_url(tmp_path / "ledger.db"))
    done = CliRunner().invoke(app, ["registry"])
    assert (done.exit_code, done.stdout) == (
        0,
        f"The registry is an MLflow server, which has its own page: {server}/#/models\n",
    )
