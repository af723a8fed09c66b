"""Run a flow in this process, reported to this machine's Prefect server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.logging.configuration import setup_logging
from prefect.logging.handlers import PrefectConsoleHandler
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

from flows import stack
from seqtag import steps
from seqtag.config import Settings, load_tagger
from seqtag.errors import SeqtagError
from seqtag.run_dir import RunDir


def run_here(flow: Flow[[str], State[RunDir]], arguments: list[str]) -> int:
    """Run `flow` for the tagger named on the command line; return the exit code.

    Exit codes: 0 completed, 1 failed or refused by data or policy, 2 wrong usage, 130 interrupted.
    `PREFECT_API_URL` names the server; if it is unset, one is started and left running.
    """
    if len(arguments) != 1 or arguments[0].startswith("-"):
        stack.say(f"Usage: python -m flows.{flow.name} TAGGER.toml")
        return 2
    try:
        load_tagger(arguments[0])  # reject a wrong file before starting a server
        api = stack.api(steps.Workspace.of(Settings()))
    except (SeqtagError, OSError) as error:
        return stack.say_error(error)
    dashboard = api.removesuffix("/api")
    try:
        with temporary_settings({PREFECT_API_URL: api, PREFECT_UI_URL: dashboard}), hooks_left_out():
            state = flow(arguments[0], return_state=True)
    except KeyboardInterrupt:
        stack.say(
            "\nInterrupted: finished steps are kept, and training resumes from its last checkpoint; continue "
            f"with: python -m flows.{flow.name} {arguments[0]}"
        )
        return 130
    if not state.is_completed():
        stack.say(f"\n{state.name}: {state.message}\nDashboard   {dashboard}")
        return 1
    headline = state.message if state.name == "Skipped" else None
    run = cast(RunDir, state.result())
    stack.say("\n" + steps.outcome_text(run, headline, dashboard=dashboard))
    return 0


@contextmanager
def hooks_left_out() -> Iterator[None]:
    """Leave Prefect's lines about our hooks out of the terminal; the server still gets them."""
    setup_logging()  # with settings that a flow keeps
    handlers = [each for each in logging.getLogger().handlers if isinstance(each, PrefectConsoleHandler)]
    for handler in handlers:
        handler.addFilter(_is_about_no_hook)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(_is_about_no_hook)


def _is_about_no_hook(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(("Running hook '", "Hook '"))
