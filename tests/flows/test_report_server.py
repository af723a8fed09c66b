"""Report server: which files it serves, and which it does not."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.services.report_server import application
from seqtag.config import Settings
from seqtag.run_dir import Home
from seqtag.steps import Workspace

RUN = "/runs/small/2026-01-31-a-b"
PUBLIC = {
    f"{RUN}/report/report.html": "text/html; charset=utf-8",
    f"{RUN}/validate/data_docs/index.html": "text/html; charset=utf-8",
    f"{RUN}/validate/data_docs/metrics.html": "text/html; charset=utf-8",
    f"{RUN}/report/changed_sequences.jsonl": "application/octet-stream",
    f"{RUN}/evaluate/metrics.json": "application/json",
    f"{RUN}/decide/decision.json": "application/json",
}
PRIVATE = (
    *("registry.db", ".env", "prefect/prefect.db", "logs/server.log", "report/report.html"),
    *("corpora/small/0/part-00000.parquet", "runs/small/.checkpoints/key/state", "runs/report/report.html"),
    *("runs/.small/2026-01-31-a-b/report/report.html", "runs/small/.asked/report/report.html"),
    *(f"runs/small/2026-01-31-a-b/{name}" for name in ("config.json", "snapshot.json", "opponent.json")),
    *(
        f"runs/small/2026-01-31-a-b/{name}"
        for name in ("report.html", "report/manifest.json", "train/bundle.json")
    ),
    *(
        f"runs/small/2026-01-31-a-b/{name}"
        for name in ("validate/profile.json", "report/evil.svg", "report/.env")
    ),
    "runs/small/2026-01-31-a-b/validate/data_docs/manifest.json",
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Make a home inside a folder with other reports; private files contain the word PRIVATE."""
    home = Home(tmp_path / "home")
    private = [home.root / name for name in PRIVATE]
    private += [
        tmp_path / "report" / "report.html",
        tmp_path / "small" / "2026-01-31-a-b" / "report" / "report.html",
    ]
    public = [home.root / address.removeprefix("/") for address in PUBLIC]
    for path in (*private, *public):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("PRIVATE" if path in private else path.name)
    return home


@pytest.fixture
def client(home: Home) -> Iterator[httpx.Client]:
    server = uvicorn.Server(
        uvicorn.Config(application(Workspace.of(Settings(home=home.root))), log_level="warning")
    )
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


@pytest.mark.parametrize("address", PUBLIC)
def test_reports_and_their_links_are_served(client: httpx.Client, address: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer.text) == (200, address.rpartition("/")[2])
    assert answer.headers["content-type"] == PUBLIC[address]


def test_the_root_is_the_fleet_page(client: httpx.Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>Taggers</h1>" in answer.text
    assert "PRIVATE" not in answer.text


@pytest.mark.parametrize("address", [next(iter(PUBLIC)), "/", "/health", "/registry.db"])
def test_answers_forbid_scripts_and_framing(client: httpx.Client, address: str) -> None:
    headers = client.get(address).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_a_cached_page_is_not_sent_again(client: httpx.Client) -> None:
    address = f"{RUN}/report/report.html"
    tag = client.get(address).headers["etag"]
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        *(f"/{name}" for name in PRIVATE),
        f"{RUN}/report/../config.json",
        f"{RUN}/report/../decide/decision.json",
        f"{RUN}/report/%2e%2e/%2e%2e/%2e%2e/%2e%2e/registry.db",
        f"{RUN}/report//etc/passwd",
        f"{RUN}//report/report.html",
        f"{RUN}/report/report.html/",
        f"{RUN}/report/report.html.",
        f"{RUN}/report/report.html%20",
        f"{RUN}/report/report.html%00",
        f"{RUN}/report/report.html%00.html",
        f"{RUN}/report/..%5c..%5cconfig.json",
        f"{RUN}/report/%252e%252e/config.json",
        f"{RUN}/validate/data_docs/%2e%2e/profile.json",
        f"{RUN}/%2e/report/report.html",
        "/runs/%2e%2e/%2e%2e/registry.db",
        "/runs/%2e%2e/%2e%2e/report/report.html",
        "/runs/%2e%2e/%2e%2e/%2e%2e/report/report.html",
        "/runs/%2e%2e/%2e/report/report.html",
        "/runs/%2e/%2e/report/report.html",
        "/runs/%2e%2e%2f%2e%2e/small/2026-01-31-a-b/report/report.html",
        "/runs/small/%2e%2e/report/report.html",
        "/runs/small/.asked/report/report.html",
        "/runs//small/2026-01-31-a-b/report/report.html",
        f"{RUN}/report",
        f"{RUN}/report/",
        f"{RUN}/report/none.html",
        f"{RUN}/report/%00",
        f"{RUN}/report/{'a' * 5000}",
    ],
)
def test_nothing_else_is_served(client: httpx.Client, path: str) -> None:
    assert raw(client, path)[0] == 404


PIECES = st.sampled_from(
    [
        *(
            "..",
            "%2e%2e",
            ".%2e",
            "%252e%252e",
            ".",
            "%2e",
            "",
            "/",
            "%2f",
            "%252f",
            "\\",
            "%5c",
            "%00",
            "~",
            "%20",
            ";",
        ),
        *("runs", "small", "2026-01-31-a-b", ".checkpoints", ".asked", "report", "report.html", "evaluate"),
        *(
            "metrics.json",
            "decide",
            "decision.json",
            "validate",
            "data_docs",
            "index.html",
            "config.json",
        ),
        *(
            "registry.db",
            ".env",
            "home",
            "key",
            "state",
            "report.html.",
            "%c0%ae%c0%ae",
            "etc",
            "passwd",
            "inside",
        ),
    ]
)
ADDRESSES = st.tuples(
    st.sampled_from(["/", "/runs/", "/runs/small/", f"{RUN}/", "//", "/./"]), st.lists(PIECES, max_size=8)
)


@settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(address=ADDRESSES.map(lambda parts: parts[0] + "/".join(parts[1])))
def test_no_address_leads_to_a_private_file(home: Home, client: httpx.Client, address: str) -> None:
    (home.runs("small") / "2026-01-31-a-b" / "report" / "inside").unlink(missing_ok=True)
    (home.runs("small") / "2026-01-31-a-b" / "report" / "inside").symlink_to(home.root)
    status, body = raw(client, address)
    assert (status, b"PRIVATE" in body) in ((404, False), (200, False))
    assert status == 404 or unquote(address) in (*PUBLIC, "/")


@pytest.mark.parametrize(
    "target", ["../config.json", "../../../../registry.db", "report.html", "/etc/passwd"]
)
@pytest.mark.parametrize("link", ["report/report.html", "report", "validate/data_docs/link.html"])
def test_symbolic_links_are_not_followed(home: Home, client: httpx.Client, link: str, target: str) -> None:
    path = home.runs("small") / "2026-01-31-a-b" / link
    if path.exists():
        path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved") if link == "report" else target)
    name = "report/report.html" if link == "report" else link
    assert client.get(f"{RUN}/{name}").status_code == 404


def raw(client: httpx.Client, path: str) -> tuple[int, bytes]:
    """Request a path exactly as written: httpx would resolve dots."""
    connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port or 0)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", client.base_url.host)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_other_host_names_are_refused(client: httpx.Client) -> None:
    answer = client.get(f"{RUN}/report/report.html", headers={"Host": "evil.example"})
    assert answer.status_code == 400
