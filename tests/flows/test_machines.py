"""A simulated second machine: another host name, another checkout, the same home."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows import stack
from flows.services import process_manager
from seqtag.steps import Workspace
from tests.live_services import CHECKOUT, begin, client_of, until, until_final, written

pytestmark = pytest.mark.slow
SCHEDULE = '[schedule]\ncron = "0 2 1 1 *"\n'


def test_a_worker_on_another_machine_retrains_from_its_own_checkout(
    workspace: Workspace, checkout: Path, tmp_path: Path
) -> None:
    written(checkout, SCHEDULE)
    url, _ = stack.up(workspace, checkout=checkout)
    process_manager.stop(workspace.home, "worker")

    with worker_elsewhere(tmp_path / "elsewhere", url):
        begun = begin(url)
        until(url, lambda runs: [run for run in runs if run.id == begun and run.state.is_running()])
        stack.up(workspace, checkout=checkout)
        local = process_manager.running(workspace.home, "worker")
        assert until_final(url, begun).state.name == "Promoted"
        assert process_manager.running(workspace.home, "worker") == local
    with client_of(url) as client:
        assert client.read_flow_run(begun).labels["prefect.worker.name"] == "seqtag on elsewhere"
    assert workspace.registry().champion("small").version == "1"


@contextmanager
def worker_elsewhere(checkout: Path, url: str) -> Iterator[None]:
    """Run a worker under another host name, as the guide to several machines describes."""
    for name in ("flows", "tasks", "seqtag"):
        shutil.copytree(CHECKOUT / name, checkout / name)
    (checkout / "deployments" / "taggers").mkdir(parents=True)
    written(checkout, SCHEDULE)
    renamed = 'hostname elsewhere && exec "$0" -m flows.stack serve worker'
    command = ["unshare", "--uts", "sh", "-c", renamed, sys.executable]
    if (
        shutil.which("unshare") is None
        or subprocess.run(["unshare", "--uts", "true"], check=False).returncode
    ):
        pytest.skip("the host name cannot be changed: unshare --uts is not permitted")
    process = subprocess.Popen(command, cwd=checkout, env={**os.environ, "PREFECT_API_URL": f"{url}/api"})
    try:
        yield
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(process_manager.STOPPED_WITHIN)
