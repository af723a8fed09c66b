"""Hooks on the states of flow runs: they record retrainings for the fleet, and publish its artifact."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State

from flows.run_context import flow_run_url
from seqtag import steps
from seqtag.config import Settings, load_tagger
from seqtag.errors import ConfigError
from seqtag.formatting import shortened
from tasks.artifacts import show_fleet

_LONGEST_FAILURE = 120  # characters on the fleet page; the flow run has all of it


def record_start(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - Prefect's
    """Record that a tagger is being retrained."""
    _record(flow_run, state, ended=None)


def record_end(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Record how a retraining ended, and publish the fleet."""
    _record(flow_run, state, ended=state.timestamp)
    publish_fleet(flow, flow_run, state)


def publish_fleet(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - Prefect's
    """Publish the status of all taggers."""
    show_fleet(steps.Workspace.of(Settings()))


def _record(flow_run: FlowRun, state: State[Any], *, ended: datetime | None) -> None:
    file = flow_run.parameters["tagger"]
    tagger = Path(file).stem
    with contextlib.suppress(ConfigError):  # which the flow run has failed with
        tagger = load_tagger(file).name
    has_failed, message = state.is_failed() or state.is_crashed(), state.message or state.name or ""
    record = steps.LastFlowRun(
        url=flow_run_url(str(flow_run.id)),
        started=(flow_run.start_time or state.timestamp).astimezone(UTC).isoformat(timespec="seconds"),
        ended=None if ended is None else ended.astimezone(UTC).isoformat(timespec="seconds"),
        state=state.name or "",
        failure=shortened(message, _LONGEST_FAILURE) if has_failed else "",
    )
    steps.record_flow_run(steps.Workspace.of(Settings()).home, tagger, record)
