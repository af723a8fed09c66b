"""Cost of the services by database: idle, per flow and task run, and for pages with a long history.

    python -m benchmarks.service [--repeat 5] [--seconds 60] [--history 1000]

All services run in a temporary $SEQTAG_HOME on free ports, with Prefect's server on SQLite and, if installed,
on PostgreSQL; both run at the same time and are measured in turns. Chromium renders the pages if it and
playwright are installed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import httpx
import psutil
import sqlalchemy as sa

from benchmarks.orchestration import python
from flows.services import process_manager
from seqtag.run_dir import Home
from tests import postgres

CHECKOUT = Path(__file__).resolve().parents[1]
N_TASKS = 50
SETTLING = 30  # seconds
PATIENCE = 120  # seconds
PORTS = dict.fromkeys(("PREFECT_SERVER_API_PORT", "SEQTAG_REGISTRY_PORT", "SEQTAG_PAGES_PORT"), "0")
KEY = "retrain-sample"
ARTIFACT = {"key": KEY, "type": "markdown", "data": "# PROMOTE\n\n" + "| accuracy | 97.1 | 96.9 |\n" * 60}
ENDS = {  # final states of runs, and their weights in percent
    ("COMPLETED", "Unchanged"): 45,
    ("COMPLETED", "Promoted"): 20,
    ("COMPLETED", "Rejected"): 20,
    ("FAILED", "Failed"): 10,
    ("CANCELLED", "Cancelled"): 5,
}
CALLS: dict[str, dict[str, Any]] = {  # as made by the pages
    "/flow_runs/paginate": {"page": 1, "limit": 100, "sort": "START_TIME_DESC"},
    "/ui/flow_runs/history": {"sort": "EXPECTED_START_TIME_DESC", "limit": 1000, "offset": 0},
    "/ui/flow_runs/count-task-runs": {"flow_run_ids": []},  # of the page's 100 runs
    "/artifacts/latest/filter": {"artifacts": {"key": {"exists_": True, "like_": ""}}, "sort": "ID_DESC"},
    "/artifacts/filter": {"artifacts": {"key": {"any_": [KEY]}}, "sort": "CREATED_DESC"},
}


@dataclass(frozen=True)
class Machine:
    """All services of one home, and the database of its Prefect server."""

    database: str
    home: Home
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return self.service("server").url

    def service(self, name: str) -> process_manager.Service:
        found = process_manager.running(self.home, name)
        if found is None:
            sys.exit(f"{name} on {self.database} has ended: {self.home.log(name).read_text()[-2000:]}")
        return found

    def post(self, client: httpx.Client, path: str, body: Any) -> Any:
        """Post to the API and return the decoded response."""
        return client.post(f"{self.url}/api{path}", json=body).raise_for_status().json()


class Figures(defaultdict[str, dict[str, list[float]]]):
    """Measurements by name and database."""

    def add(self, what: str, machine: Machine, *values: float) -> None:
        self[what].setdefault(machine.database, []).extend(values)

    def table(self, databases: Sequence[str]) -> None:
        print(f"| median | {' | '.join(databases)} |\n|---|{'---:|' * len(databases)}")
        for what, values in self.items():
            medians = [f"{statistics.median(values[each]):,.1f}" for each in databases]
            print(f"| {what} | {' | '.join(medians)} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--repeat", type=int, default=5, help="repeats of each measurement except the idle one"
    )
    parser.add_argument("--seconds", type=int, default=60, help="duration of the idle measurement")
    parser.add_argument(
        "--history", type=int, default=1000, help="number of flow runs and of versions of an artifact"
    )
    parser.add_argument("--flows", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.flows:
        print(json.dumps(flow_times()))
        return
    figures = Figures(dict)
    with ExitStack() as stack:
        machines = started(stack)
        idle(machines, figures, arguments.seconds)
        runs(machines, figures, arguments.repeat)
        for each in machines:
            for name in ("worker", "pages", "registry"):
                process_manager.stop(each.home, name)
        with ThreadPool(len(machines)) as pool:
            newest = pool.map(partial(fill, n=arguments.history), machines)
        time.sleep(SETTLING)
        calls(machines, figures, arguments.repeat)
        pages(list(zip(machines, newest, strict=True)), figures, arguments.repeat)
    print(f"{os.cpu_count()} cores; {arguments.history:,} flow runs and versions of an artifact\n")
    figures.table([each.database for each in machines])


def started(stack: ExitStack) -> list[Machine]:
    """Start a machine for each database; they stop when the stack closes."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    machines = [stack.enter_context(machine(folder, "SQLite", None))]
    if url := postgresql(stack):
        machines.append(stack.enter_context(machine(folder, "PostgreSQL", url)))
    return machines


def postgresql(stack: ExitStack) -> str | None:
    """Start a PostgreSQL server for Prefect, if one is installed; return its URL."""
    programs, user = postgres.find_programs(), postgres.find_user()
    if programs is None or user is None:
        print(
            "PostgreSQL is left out: it is not installed, or there is no user to run it as", file=sys.stderr
        )
        return None
    url = sa.make_url(stack.enter_context(postgres.postgres_server(programs, user, fsync=True)))
    return url.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


@contextmanager
def machine(folder: Path, database: str, url: str | None) -> Iterator[Machine]:
    home = Home(folder / database)
    own = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "SEQTAG_"))}
    environment = {**own, **PORTS, "SEQTAG_HOME": str(home.root)}
    if url:
        environment["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = url
    try:
        python(["-m", "flows.stack", "up"], environment)
        yield Machine(database, home, environment)
    finally:
        python(["-m", "flows.stack", "down"], environment)


def idle(machines: Sequence[Machine], figures: Figures, seconds: int) -> None:
    """Measure the processes of server and worker while they are idle."""
    time.sleep(SETTLING)
    watched = [(each, name, tree(each.service(name))) for name in ("server", "worker") for each in machines]
    before = [cpu_seconds(processes) for *_, processes in watched]
    begun = time.monotonic()
    sizes: list[list[float]] = [[] for _ in watched]
    for _ in range(seconds):
        time.sleep(1)
        for seen, (*_, processes) in zip(sizes, watched, strict=True):
            seen.append(sum(process.memory_info().rss for process in processes) / 2**20)
    spent = time.monotonic() - begun
    for seen, cpu, (each, name, processes) in zip(sizes, before, watched, strict=True):
        figures.add(f"idle {name}, MiB", each, *seen)
        figures.add(f"idle {name}, % of a core", each, 100 * (cpu_seconds(processes) - cpu) / spent)


def tree(service: process_manager.Service) -> list[psutil.Process]:
    process = psutil.Process(service.pid)
    return [process, *process.children(recursive=True)]


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def runs(machines: Sequence[Machine], figures: Figures, repeat: int) -> None:
    """Time flow runs, with tasks and without, in a fresh process each time."""
    for _ in range(repeat):
        for each in machines:
            environment = {**process_manager.environment(each.home), "PREFECT_API_URL": f"{each.url}/api"}
            output = python(["-m", "benchmarks.service", "--flows"], environment)
            beating, empty, full = json.loads(output.splitlines()[-1])
            figures.add("flow run without tasks, ms", each, 1000 * beating)
            figures.add("the same without heartbeat, ms", each, 1000 * empty)
            figures.add("each task run, ms", each, 1000 * (full - empty) / N_TASKS)


def flow_times() -> list[float]:
    """Return the seconds of an empty flow and, without heartbeat, of an empty flow and one with N_TASKS.

    With heartbeat, a flow run waits for a thread that sleeps a second at a time, which hides the tasks.
    """
    from prefect import flow, task
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    @task
    def nothing() -> None: ...

    @flow
    def tasks(n: int) -> None:
        for _ in range(n):
            nothing()

    tasks(1)
    beating = seconds(partial(tasks, 0))
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        return [beating, *(seconds(partial(tasks, n)) for n in (0, N_TASKS))]


def seconds(do: Callable[[], Any]) -> float:
    begun = time.monotonic()
    do()
    return time.monotonic() - begun


def fill(machine: Machine, *, n: int) -> str:
    """Create n finished flow runs, each with a version of one artifact; return the name of the last."""
    ends = random.Random(1).choices(list(ENDS), list(ENDS.values()), k=n)
    with httpx.Client(timeout=PATIENCE) as client:
        deployment = client.get(f"{machine.url}/api/deployments/name/retrain/sample").json()
        about = {"flow_id": deployment["flow_id"], "deployment_id": deployment["id"]}
        about |= {"work_pool_name": deployment["work_pool_name"], "state": {"type": "RUNNING"}}
        for number, (kind, name) in enumerate(ends):
            run = machine.post(client, "/flow_runs/", {**about, "name": f"run {number}"})["id"]
            end = {"type": kind, "name": name, "message": f"{name}: decided by the gate"}
            machine.post(client, f"/flow_runs/{run}/set_state", {"state": end, "force": True})
            machine.post(client, "/artifacts/", {**ARTIFACT, "flow_run_id": run})
    return f"run {n - 1}"


def calls(machines: Sequence[Machine], figures: Figures, repeat: int) -> None:
    """Time the API calls of the lists of runs and artifacts."""
    with httpx.Client(timeout=PATIENCE) as client:
        for _ in range(repeat):
            for each in machines:
                shown = each.post(client, "/flow_runs/paginate", CALLS["/flow_runs/paginate"])["results"]
                ids = {"flow_run_ids": [run["id"] for run in shown]}
                for path, body in CALLS.items():
                    asked = ids if "flow_run_ids" in body else body
                    spent = seconds(partial(each.post, client, path, asked))
                    figures.add(f"POST {path}, ms", each, 1000 * spent)


def pages(visits: Sequence[tuple[Machine, str]], figures: Figures, repeat: int) -> None:
    """Time a first visit of a page, until its newest entry is visible."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None or find_spec("playwright") is None:
        print(
            "pages are left out: chromium is not on the path, or playwright is not installed", file=sys.stderr
        )
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-quic"])
        for _ in range(repeat):
            for each, newest in visits:
                for page, text in (("runs", newest), ("artifacts", KEY), (f"artifacts/key/{KEY}", newest)):
                    with browser.new_page(viewport={"width": 1280, "height": 900}) as tab:
                        spent = seconds(partial(visit, tab, f"{each.url}/v2/{page}", text))
                    figures.add(f"page /{page}, ms", each, 1000 * spent)
        browser.close()


def visit(tab: Any, url: str, text: str) -> None:
    tab.goto(url)
    tab.get_by_text(text).first.wait_for(timeout=1000 * PATIENCE)


if __name__ == "__main__":
    main()
