"""The as_of date of flow runs due at 02:00 in Tokyo, when UTC is still on the day before."""

import asyncio
import gc
from collections.abc import Coroutine
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.flow_engine import run_flow
from prefect.states import Scheduled

from flows import retrain_all
from flows.backfill import backfill
from flows.child_runs import Outcome
from flows.monitor import monitor
from flows.retrain import retrain
from flows.watch import watch
from seqtag.steps import Workspace
from tests.live_services import corpus, written

pytestmark = [
    pytest.mark.usefixtures("server"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

DUE = datetime(2026, 1, 31, 17, tzinfo=UTC)  # 02:00 on 1 February in Tokyo
TOKYO = '[schedule]\ncron = "0 2 * * *"\nmonitor = "0 2 * * *"\ntimezone = "Asia/Tokyo"\n'


@pytest.fixture
def tagger(tmp_path: Path) -> str:
    """A tagger in Tokyo whose source has one file per day; only the one of 1 February exists."""
    (tmp_path / "deployments" / "taggers").mkdir(parents=True)
    (tmp_path / "2026-02-01.jsonl").write_text(corpus())
    path = tmp_path / "${SEQTAG_AS_OF}.jsonl"
    return str(written(tmp_path, TOKYO, source=f'"jsonl"\npath = "{path}"'))


def run_that_was_due(flow: Flow[..., Any], at: datetime, **parameters: Any) -> State[Any]:
    """Schedule a flow run on the server, and run it as a worker does."""
    with get_client(sync_client=True) as client:
        flow_run = client.create_flow_run(flow, parameters=parameters, state=Scheduled(scheduled_time=at))
    state = run_flow(flow, flow_run, parameters, return_type="state")
    return ended(state) if flow.isasync else state


def ended(running: Coroutine[Any, Any, State[Any]]) -> State[Any]:
    state = asyncio.run(running)
    gc.collect()  # so that warnings about what Prefect's client leaves open appear here only
    return state


def test_a_retraining_uses_the_day_of_its_schedule_for_sources_and_names(
    workspace: Workspace, tagger: str
) -> None:
    assert run_that_was_due(watch, DUE, tagger=tagger).name == "Changed"
    state = run_that_was_due(retrain, DUE, tagger=tagger)
    assert state.name == "Promoted", state.message
    assert state.result().as_of == "2026-02-01"
    state = run_that_was_due(monitor, DUE, tagger=tagger)
    assert state.name == "Steady", state.message
    assert state.result().path.name.startswith("2026-02-01-")


def test_a_backfill_names_the_ticks_by_local_time(workspace: Workspace, tagger: str) -> None:
    first = date(2026, 2, 1)
    state = ended(backfill(tagger, first, first, dry_run=True, return_state=True))
    assert state.message == "1 retrainings would run.\n2026-02-01 02:00 Asia/Tokyo"


def test_retrain_all_uses_the_day_of_each_tagger_even_if_it_starts_later(tagger: str, monkeypatch) -> None:
    utc = Path(tagger).with_name("utc.toml")
    utc.write_text(Path(tagger).read_text().replace("Asia/Tokyo", "UTC").replace('"small"', '"utc"'))
    asked = {}

    async def ran(deployment: str, parameters: Any, *, name: str, key: str) -> Outcome:
        asked[deployment] = parameters
        return Outcome(name, "Held", "a tie", is_completed=True)

    monkeypatch.setattr(retrain_all, "run_and_wait", ran)

    async def deployed() -> dict[str, str]:
        return {"small": tagger, "utc": str(utc)}

    monkeypatch.setattr(retrain_all, "_deployed_taggers", deployed)
    run_that_was_due(retrain_all.retrain_all, DUE)
    assert asked == {
        "retrain/small": {"as_of": date(2026, 2, 1)},
        "retrain/utc": {"as_of": date(2026, 1, 31)},
    }
