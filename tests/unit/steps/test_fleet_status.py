"""Status of all taggers, from the runs of real steps and the records that flows write."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seqtag import steps
from seqtag.artifacts import read_json, write_json
from seqtag.config import Settings
from seqtag.evaluation import Metrics
from seqtag.reporting import TaggerStatus
from seqtag.run_dir import Home, RunDir
from seqtag.steps import LastFlowRun, WorkerReport, Workspace
from tests.taggers import Taggers, retrain

NOW = datetime.now(UTC).replace(microsecond=0)
TIE = "A tie on all 18 documents keeps the champion."
URL = "http://127.0.0.1:4200/runs/flow-run/1"


def at(**ago: float) -> str:
    return (NOW - timedelta(**ago)).isoformat()


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, RunDir, RunDir]:
    """A workspace, the run of a first champion, and the run of a challenger with another gate."""
    folder = tmp_path_factory.mktemp("two_runs")
    workspace = Workspace.of(Settings(home=folder / "home"))
    first = retrain(Taggers(folder).write(), workspace)
    return workspace, first, retrain(Taggers(folder).write(floor=0.06), workspace, day=2)


@pytest.fixture
def recorded(two_runs: tuple[Workspace, RunDir, RunDir]) -> Iterator[Home]:
    """The home of the two runs, without records of flows afterwards."""
    home = two_runs[0].home
    yield home
    shutil.rmtree(home.runs("other"), ignore_errors=True)
    home.last_flow_run("small").unlink(missing_ok=True)
    home.worker_report.unlink(missing_ok=True)


def only(workspace: Workspace) -> TaggerStatus:
    (status,) = steps.fleet(workspace, now=NOW).taggers
    return status


def flow_run(
    *, started: str, ended: str | None = None, state: str = "Running", failure: str = ""
) -> LastFlowRun:
    return LastFlowRun(URL, started, ended, state, failure)


def test_the_fleet_shows_the_newest_run_and_the_champion(
    two_runs: tuple[Workspace, RunDir, RunDir],
) -> None:
    workspace, first, second = two_runs
    status = only(workspace)
    assert (status.tagger, status.run_id, status.state) == ("small", second.id, "held")
    assert status.reason == TIE
    assert status.report == f"small/{second.id}/report/report.html"
    assert [run.run_id for run in status.scored] == [first.id, second.id]
    assert status.scored[0].summary.reason.endswith(" reaches the floor of 5.0% for a first model.")
    assert status.scored[0].summary.score == Metrics.load(first.metrics).challenger.score
    assert (status.champion, status.drift, status.attention) == ("1", None, [])
    assert (status.links, status.next_run) == ({}, None)


def test_the_records_of_flows_add_the_next_run_and_the_links(
    two_runs: tuple[Workspace, RunDir, RunDir], recorded: Home
) -> None:
    workspace, _, second = two_runs
    held = flow_run(started=at(minutes=9), ended=at(minutes=1), state="Held")
    steps.record_flow_run(recorded, "small", held)
    soon = at(hours=-18)
    report = WorkerReport(
        at(seconds=50), "http://127.0.0.1:1", "http://127.0.0.1:2", {"small": soon, "other": soon}
    )
    steps.record_worker_report(recorded, report)
    fleet = steps.fleet(workspace, now=NOW)
    assert (fleet.attention, fleet.is_scheduled) == ([], True)
    other, small = fleet.taggers
    assert (other.tagger, other.state, other.run_id, other.next_run) == ("other", "new", None, soon)
    assert (small.state, small.next_run) == ("held", soon)
    assert small.links == {
        "report": f"http://127.0.0.1:1/runs/small/{second.id}/report/report.html",
        "flow run": URL,
        "registry": "http://127.0.0.1:2/#/models/small/versions/1",
    }


@pytest.mark.parametrize(
    ("started", "ended", "failure", "shown"),
    [
        (at(hours=-8), at(hours=-9), "FormatError: 1:2", ("failed", "FormatError: 1:2")),
        (at(days=3), at(days=2), "an older failure", ("held", TIE)),
        (at(minutes=5), None, "", ("running", f"since {at(minutes=5)[:16].replace('T', ' ')} UTC")),
    ],
    ids=["failed", "run again without a flow", "running"],
)
def test_a_flow_run_that_failed_or_is_running_is_shown_in_place_of_the_run_before(
    two_runs: tuple[Workspace, RunDir, RunDir],
    recorded: Home,
    started: str,
    ended: str | None,
    failure: str,
    shown: tuple[str, str],
) -> None:
    state = "DataError" if failure else "Running"
    steps.record_flow_run(
        recorded, "small", flow_run(started=started, ended=ended, state=state, failure=failure)
    )
    status = only(two_runs[0])
    assert (status.state, status.reason) == shown
    assert status.attention == (["the newest run has failed"] if shown[0] == "failed" else [])


def test_a_tagger_whose_first_run_failed_before_it_was_opened_is_shown(
    two_runs: tuple[Workspace, RunDir, RunDir], recorded: Home
) -> None:
    failed = flow_run(started=at(minutes=3), ended=at(minutes=2), state="AccessError", failure="gone")
    steps.record_flow_run(recorded, "other", failed)
    other, small = steps.fleet(two_runs[0], now=NOW).taggers  # it needs attention
    assert (other.tagger, other.state, other.reason) == ("other", "failed", "gone")
    assert (small.tagger, small.state) == ("small", "held")


def test_a_flow_run_of_more_than_twelve_hours_needs_attention(
    two_runs: tuple[Workspace, RunDir, RunDir], recorded: Home
) -> None:
    steps.record_flow_run(recorded, "small", flow_run(started=at(hours=13)))
    assert only(two_runs[0]).attention == ["the newest run has taken more than 12 hours"]


def test_a_silent_worker_concerns_all_taggers_and_a_late_run_one(
    two_runs: tuple[Workspace, RunDir, RunDir], recorded: Home
) -> None:
    due = at(hours=1)
    report = WorkerReport(at(minutes=1), None, None, {"small": due})
    steps.record_worker_report(recorded, report)
    minute = f"{due[:16].replace('T', ' ')} UTC"
    assert only(two_runs[0]).attention == [f"the run due at {minute} has not started"]

    steps.record_worker_report(recorded, replace(report, at=due))
    fleet = steps.fleet(two_runs[0], now=NOW)
    assert fleet.attention == [
        f"no worker has reported since {minute}: no scheduled run starts; start it with make up"
    ]
    assert fleet.taggers[0].attention == []


def test_an_unfinished_or_refused_run_needs_attention(
    two_runs: tuple[Workspace, RunDir, RunDir], tmp_path: Path
) -> None:
    workspace, first, _ = two_runs
    home = Home(tmp_path / "home")
    shutil.copytree(first.path, home.runs("small") / first.id)
    run, elsewhere = RunDir(home.runs("small") / first.id), replace(workspace, home=home)
    run.summary.unlink()
    assert only(elsewhere).state == "promoted"  # of an earlier version
    shutil.rmtree(run.output("report"))
    assert only(elsewhere).state == "unfinished"
    profile = read_json(run.profile)
    write_json(run.profile, profile | {"accepted": False, "sentence": "rejected: all of it"})
    status = only(elsewhere)
    assert (status.state, status.reason) == ("refused", "rejected: all of it")
    assert status.attention == ["the newest run is refused"]
    failed = flow_run(started=at(days=1), ended=at(days=-1), state="DataError", failure="rejected: all of it")
    steps.record_flow_run(home, "small", failed)
    assert only(elsewhere).state == "refused"  # by this flow run


def test_a_ledger_that_cannot_be_read_concerns_all_taggers(
    two_runs: tuple[Workspace, RunDir, RunDir], tmp_path: Path
) -> None:
    damaged = tmp_path / "registry.db"
    damaged.write_text("no database")
    fleet = steps.fleet(replace(two_runs[0], registry_url=f"sqlite:///{damaged}"), now=NOW)
    assert fleet.attention[0].startswith(f"the champions are unknown: registry sqlite:///{damaged}")
    assert (fleet.taggers[0].state, fleet.taggers[0].champion) == ("held", None)
