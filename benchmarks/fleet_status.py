"""Time of the fleet page, its artifact and `seqtag status` for many taggers with many runs.

    python -m benchmarks.fleet_status [--taggers 200] [--runs 50]

The home is generated: each run has the files that the fleet reads, each tagger a drift report, and each
promotion an entry of the ledger. Times are of a first reading in a fresh process and of one after it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from seqtag import steps
from seqtag.artifacts import MANIFEST, write_json
from seqtag.config import Settings
from seqtag.evaluation import Interval
from seqtag.registry.ledger_table import ledger
from seqtag.registry.types import Entry
from seqtag.reporting import RunSummary, fleet_html
from seqtag.run_dir import RunDir
from seqtag.steps import Workspace

FIRST_DAY = date(2026, 1, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--taggers", type=int, default=200)
    parser.add_argument("--runs", type=int, default=50, help="of each tagger")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.of(Settings(home=Path(folder) / "home"))
        write_home(workspace, options.taggers, options.runs)
        print(f"{options.taggers} taggers, {options.taggers * options.runs:,} runs, {os.cpu_count()} cores\n")
        print("| | first, s | again, s |\n|---|---:|---:|")
        page = [timed(lambda: show_page(workspace)) for _ in range(2)]
        print(f"| page | {page[0]:.2f} | {page[1]:.2f} |")
        shown = [timed(lambda: status(workspace)) for _ in range(2)]
        print(f"| `seqtag status`, the whole process | {shown[0]:.2f} | {shown[1]:.2f} |")


def write_home(workspace: Workspace, n_taggers: int, n_runs: int) -> None:
    """Write runs, one a day, and a ledger in which every tenth run was promoted."""
    workspace.registry().create()
    for tagger in (f"tagger-{number:03}" for number in range(n_taggers)):
        entries = []
        for number in range(n_runs):
            day = FIRST_DAY + timedelta(days=number)
            run = RunDir(workspace.home.runs(tagger) / f"{day}-0123456789ab-01234567")
            write_run(run, number)
            if number % 10 == 0:
                at = f"{day}T02:10:00+00:00"
                version = str(number + 1)
                entries.append(
                    Entry(tagger, len(entries) + 1, at, "me", "flow run", "PROMOTE", None, version)
                )
        workspace.registry().history(tagger)  # makes the table
        with sa.create_engine(workspace.registry_url).begin() as connection:
            connection.execute(ledger.insert(), [asdict(entry) for entry in entries])


def write_run(run: RunDir, number: int) -> None:
    score = 0.9 + (number % 7) / 1000
    run.report.parent.mkdir(parents=True)
    run.config.write_text("{}")
    run.report.touch()
    RunSummary(
        verdict="PROMOTE" if number % 10 == 0 else "HOLD",
        reason="A tie on all 180 documents keeps the champion.",
        metric="accuracy",
        score=Interval(score, score - 0.01, score + 0.01, support=9000, documents=180),
        version=str(number + 1),
        quarantined=0.004,
    ).save(run.summary)
    write_json(
        run.output("report") / MANIFEST, {"step": "report", "inputs": {}, "outputs": {}, "seconds": 1.0}
    )


def show_page(workspace: Workspace) -> None:
    now = datetime.now(UTC)
    fleet_html(steps.fleet(workspace, now=now), now=now)


def status(workspace: Workspace) -> None:
    command = [sys.executable, "-c", "from seqtag.cli import main; main()", "status", "--json"]
    environment = {**os.environ, "SEQTAG_HOME": str(workspace.home.root)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True)
    json.loads(done.stdout)


def timed(call: Callable[[], object]) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started


if __name__ == "__main__":
    main()
