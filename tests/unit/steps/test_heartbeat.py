"""Lines that show that a step is running."""

from __future__ import annotations

import logging
import threading
import time
from contextvars import ContextVar

import pytest

from seqtag.steps import heartbeat as module
from seqtag.steps.heartbeat import heartbeat

FLOW_RUN: ContextVar[str] = ContextVar("FLOW_RUN", default="none")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The lines of a heartbeat of 20 ms, each with the flow run that its thread knows."""
    found: list[tuple[str, str]] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append((record.getMessage(), FLOW_RUN.get()))

    monkeypatch.setattr(module, "_FIRST", 0.02)
    monkeypatch.setattr(module.logger, "handlers", [Listener()])
    monkeypatch.setattr(module.logger, "level", logging.INFO)
    return found


def test_a_long_step_logs_lines_in_the_context_of_its_flow_run(lines: list[tuple[str, str]]) -> None:
    FLOW_RUN.set("nightly")
    with heartbeat("train"):
        deadline = time.monotonic() + 30
        while len(lines) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert lines[:2] == [("train: running, 0 s so far", "nightly")] * 2


def test_a_step_that_has_ended_logs_nothing_more(lines: list[tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match="broken"), heartbeat("train"):
        raise ValueError("broken")
    n_lines = len(lines)
    time.sleep(0.1)
    assert len(lines) == n_lines
    assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat of train"]
