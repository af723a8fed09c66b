"""Reports over HTTP: what is served, and what is not."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from flows.pages import application
from seqtag.rundir import Home, RunDir


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    run = RunDir(home.runs("small") / "2026-01-31-a-b")
    for path in (run.report, run.data_docs, run.decision, home.registry_db):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    return home


@pytest.fixture
def client(home: Home) -> Iterator[httpx.Client]:
    server = uvicorn.Server(uvicorn.Config(application(home), log_level="warning"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        serving = threading.Thread(target=server.run, args=([listening],))
        serving.start()
        while not server.started:
            time.sleep(0.01)
        with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}") as client:
            yield client
        server.should_exit = True
        serving.join()


@pytest.mark.parametrize("page", ["report/report.html", "validation/data_docs/index.html"])
def test_reports_and_data_docs_are_served(client: httpx.Client, page: str) -> None:
    answer = client.get(f"/runs/small/2026-01-31-a-b/{page}")
    assert (answer.status_code, answer.text) == (200, page.rpartition("/")[2])
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "path",
    [
        "/registry.db",
        "/runs/small/2026-01-31-a-b/decision/decision.json",
        "/runs/small/2026-01-31-a-b/report/../decision/decision.json",
        "/runs/small/2026-01-31-a-b/report/%2e%2e/%2e%2e/%2e%2e/%2e%2e/registry.db",
        "/runs/small/2026-01-31-a-b/report//etc/passwd",
        "/runs/%2e%2e/%2e%2e/registry.db",
        "/runs/small/2026-01-31-a-b/report",
        "/runs/small/2026-01-31-a-b/report/none.html",
        "/runs/small/2026-01-31-a-b/report/%00",
        f"/runs/small/2026-01-31-a-b/report/{'a' * 5000}",
    ],
)
def test_nothing_else_of_the_home_is_served(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_link_out_of_the_report_is_not_followed(home: Home, client: httpx.Client) -> None:
    (home.runs("small") / "2026-01-31-a-b" / "report" / "link").symlink_to(home.registry_db)
    assert client.get("/runs/small/2026-01-31-a-b/report/link").status_code == 404


def test_another_host_than_this_one_is_refused(client: httpx.Client) -> None:
    answer = client.get("/runs/small/2026-01-31-a-b/report/report.html", headers={"Host": "evil.example"})
    assert answer.status_code == 400
