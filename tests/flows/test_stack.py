"""Real server and worker: cron runs fire, and late or interrupted runs are recovered."""

import json
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from prefect.states import Pending

from flows import stack
from flows.services import process_manager, service_specs
from seqtag.artifacts import read_json
from seqtag.errors import ConfigError
from seqtag.run_dir import RunDir
from seqtag.steps import Workspace
from tests.live_services import begin, client_of, corpus, finished, runs_at, until, until_final, written

pytestmark = pytest.mark.slow


def scheduled(checkout: Path, cron: str, source: str = "", name: str = "small") -> None:
    written(checkout, f'[schedule]\ncron = "{cron}"\n', source=source, name=name)


def test_a_cron_run_fires_and_completes_and_up_and_down_are_idempotent(
    workspace: Workspace, checkout: Path
) -> None:
    scheduled(checkout, "* * * * *")
    url, changes = stack.up(workspace, checkout=checkout)
    assert "+ retrain/small" in changes
    assert stack.up(workspace, checkout=checkout) == (url, [])
    state = until(url, finished)[0].state
    assert (state.type, state.name) == ("COMPLETED", "Promoted"), state
    (decision,) = workspace.home.runs("small").glob("*/decide/decision.json")
    assert state.message == read_json(decision)["sentence"]
    assert RunDir(decision.parents[1]).report.exists()
    assert stack.down(workspace.home) == ["worker", "pages", "registry", "server"]
    assert stack.down(workspace.home) == []


def test_a_pool_of_containers_gets_no_local_worker(workspace: Workspace, checkout: Path) -> None:
    path = checkout / "deployments" / "deployments.yaml"
    pool = "name: seqtag\n      type: docker\n      job_variables: {image: seqtag}\n"
    text = path.read_text("utf-8").replace("name: seqtag\n\nper_tagger", f"{pool}\nper_tagger")
    path.unlink()  # a link to the real file
    path.write_text(text, "utf-8")
    _, changes = stack.up(workspace, checkout=checkout)
    assert changes[0] == "+ work pool seqtag (docker)"
    assert changes[-1].startswith("No worker is started for work pool seqtag of type docker: run python -m ")
    assert process_manager.running(workspace.home, "worker") is None
    assert process_manager.running(workspace.home, "server") is not None


def test_killed_services_restart_on_their_old_ports(workspace: Workspace, checkout: Path) -> None:
    scheduled(checkout, "0 2 1 1 *")
    stack.up(workspace, checkout=checkout)
    before = {name: process_manager.running(workspace.home, name) for name in service_specs.NAMES}
    for service in before.values():
        process = service.process
        process.kill()
        process.wait()
    (checkout / "deployments" / "taggers" / "broken.toml").write_text("name = 1\n")
    with pytest.raises(ConfigError, match=r"broken\.toml"):
        stack.up(workspace, checkout=checkout)
    after = {name: process_manager.running(workspace.home, name) for name in service_specs.NAMES}
    assert all(after[name].pid != before[name].pid for name in service_specs.NAMES)
    assert {name: after[name].port for name in after} == {name: before[name].port for name in before}


def test_of_24_missed_hourly_runs_only_the_newest_runs(workspace: Workspace, checkout: Path) -> None:
    scheduled(checkout, "0 * * * *")
    url, _ = stack.up(workspace, checkout=checkout)
    until(url, lambda runs: runs if len(runs) >= 30 else [])
    stack.down(workspace.home)
    let_a_day_pass(workspace.home.prefect / "prefect.db")

    url, _ = stack.up(workspace, checkout=checkout)
    (ran,) = until(url, finished)
    runs = runs_at(url)
    missed = [run for run in runs if run.state.name == "Cancelled"]
    assert ran.state.name == "Promoted"
    assert ran.expected_start_time == max(run.expected_start_time for run in [ran, *missed])
    assert len(missed) == 23
    due = f"{ran.expected_start_time:%Y-%m-%d %H:%M}"
    assert {run.state.message for run in missed} == {f"Missed: replaced by the run due {due} UTC"}
    assert Counter(run.state.name for run in runs).keys() == {"Promoted", "Cancelled", "Scheduled"}


def test_runs_whose_worker_was_killed_are_recovered(workspace: Workspace, checkout: Path) -> None:
    for name in ("small", "other"):
        scheduled(checkout, "0 2 1 1 *", name=name)
    url, _ = stack.up(workspace, checkout=checkout)
    begun = begin(url)
    until(url, lambda _: list((workspace.home.runs("small")).glob("*/index/manifest.json")))
    worker = psutil.Process(process_manager.running(workspace.home, "worker").pid)
    for process in [worker, *worker.children(recursive=True)]:
        process.kill()
    killed = datetime.now(UTC)
    taken = begin(url, "retrain/other")
    with client_of(url) as client:  # as left by a worker that dies before it starts a process
        client.set_flow_run_state(taken, Pending())
    assert stack.up(workspace, checkout=checkout)[0] == url
    ended = {run: until_final(url, run) for run in (begun, taken)}
    assert {run: (ended[run].state.name, ended[run].run_count) for run in ended} == {
        begun: ("Promoted", 2), taken: ("Promoted", 1),
    }  # fmt: skip
    for run in ended:
        with client_of(url) as client:
            (crashed,) = [s for s in client.read_flow_run_states(run) if s.is_crashed()]
        assert (crashed.timestamp - killed).total_seconds() < 240  # at most four minutes later
    assert len(list(workspace.home.runs("small").glob("????-*"))) == 1


def test_a_run_whose_process_never_starts_finally_fails(workspace: Workspace, checkout: Path) -> None:
    more = '[schedule]\ncron = "0 2 1 1 *"\nenvironment = {PYTHONHOME = "/nowhere"}\n'  # Python cannot start
    written(checkout, more)
    url, _ = stack.up(workspace, checkout=checkout)
    state = until_final(url, begin(url)).state
    assert state.name == "CrashedTooOften"
    assert state.message.startswith("The process died 5 times, most recently: ")


def test_a_run_interrupted_by_make_down_resumes_after_make_up(workspace: Workspace, checkout: Path) -> None:
    scheduled(checkout, "0 2 1 1 *")
    url, _ = stack.up(workspace, checkout=checkout)
    begun = begin(url)
    until(url, lambda _: list((workspace.home.runs("small")).glob("*/index/manifest.json")))
    stack.down(workspace.home)
    url, _ = stack.up(workspace, checkout=checkout)
    (run,) = until(url, finished)
    assert (run.id, run.state.name, run.run_count) == (begun, "Promoted", 2)


def test_a_backfill_retrains_once_for_each_tick_with_the_data_of_its_day(
    workspace: Workspace, checkout: Path
) -> None:
    in_tokyo = '[schedule]\ncron = "0 2 * * *"\ntimezone = "Asia/Tokyo"\n'
    written(checkout, in_tokyo, source='"jsonl"\npath = "days/${SEQTAG_AS_OF}.jsonl"')
    (checkout / "days").mkdir()
    for day, drawn in (("2026-11-01", 1), ("2026-11-02", 2)):
        (checkout / "days" / f"{day}.jsonl").write_text(corpus(drawn=drawn))
    url, _ = stack.up(workspace, checkout=checkout)
    for _ in range(2):  # the second backfill must change nothing
        begun = begin(url, "backfill/small", first="2026-11-01", last="2026-11-02")
        (parent,) = until(url, lambda runs: [run for run in finished(runs) if run.id == begun])  # noqa: B023
        assert parent.state.is_completed(), parent.state.message
    made = [run for run in runs_at(url) if run.name.startswith("retrain small as of")]
    days = ["2026-11-01", "2026-11-02"]
    assert sorted(run.name for run in made) == [f"retrain small as of {day}" for day in days]
    assert all(run.state.is_completed() for run in made)
    assert {path.name[:10] for path in workspace.home.runs("small").glob("2026-*")} == {
        "2026-11-01",
        "2026-11-02",
    }


def test_retrain_all_continues_after_a_failure(workspace: Workspace, checkout: Path) -> None:
    scheduled(checkout, "0 2 1 1 *")
    broken = checkout / "deployments" / "taggers" / "broken.toml"
    broken.write_text('name = "broken"\n[[corpus.sources]]\nformat = "jsonl"\npath = "nowhere.jsonl"\n')
    url, _ = stack.up(workspace, checkout=checkout)
    begun = begin(url, "retrain-all/all")
    (parent,) = until(url, lambda runs: [run for run in finished(runs) if run.id == begun])
    assert (parent.state.name, parent.state.message.splitlines()[0]) == ("Failed", "1 of 2 did not complete.")
    assert "broken: " in parent.state.message
    assert "nowhere.jsonl" in parent.state.message
    assert workspace.registry().champion("small") is not None


def test_a_changed_source_is_reported_once_and_starts_a_retraining(
    workspace: Workspace, checkout: Path
) -> None:
    scheduled(checkout, "0 2 1 1 *", source='"jsonl"\npath = "corpus.jsonl"')
    (checkout / "corpus.jsonl").write_text(corpus(drawn=1))
    url, _ = stack.up(workspace, checkout=checkout)
    looks = []
    for _ in range(2):
        begun = begin(url, "watch/small")
        looks += until(url, lambda runs: [run for run in finished(runs) if run.id == begun])  # noqa: B023
    assert [look.state.name for look in looks] == ["Changed", "Unchanged"]
    (retraining,) = until(url, lambda runs: [run for run in finished(runs) if run.name == "retrain small"])
    assert retraining.state.name == "Promoted"


def let_a_day_pass(database: Path) -> None:
    """Move scheduled runs a day into the past, as if 24 hourly runs had been missed."""
    day = timedelta(hours=24)
    with closing(sqlite3.connect(database)) as connection, connection:
        for column in ("expected_start_time", "next_scheduled_start_time"):
            connection.execute(
                f"UPDATE flow_run SET {column} = strftime('%Y-%m-%d %H:%M:%f000', {column}, '-24 hours')"  # noqa: S608
            )
        for state, text in connection.execute("SELECT id, state_details FROM flow_run_state").fetchall():
            details = json.loads(text)
            due = datetime.fromisoformat(details["scheduled_time"])
            details["scheduled_time"] = (due - day).isoformat()
            connection.execute(
                "UPDATE flow_run_state SET state_details = ? WHERE id = ?", (json.dumps(details), state)
            )
