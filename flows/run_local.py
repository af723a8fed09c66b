"""Run a flow in this process, on the dashboard of this machine's own Prefect server."""

from __future__ import annotations

import sys
from typing import cast

from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

from flows import stack
from seqtag import steps
from seqtag.config import Settings, load_tagger
from seqtag.config.secrets import hide_passwords
from seqtag.errors import ConfigError, SeqtagError
from seqtag.run_dir import RunDir


def run_here(flow: Flow[[str], State[RunDir]], arguments: list[str]) -> int:
    """Run `flow` for the tagger named on the command line; return the exit code.

    0 done, 1 refused by data or policy or failed, 2 wrong use. `PREFECT_API_URL`, where it is set, names the
    server; else one is started and left running.
    """
    if len(arguments) != 1 or arguments[0].startswith("-"):
        stack.say(f"Usage: python -m flows.{flow.name} TAGGER.toml")
        return 2
    try:
        load_tagger(arguments[0])  # a misspelt file costs no server
        api = stack.api(steps.Workspace.of(Settings()))
    except (SeqtagError, OSError) as error:
        stack.say(f"Error: {hide_passwords(str(error))}")
        return 2 if isinstance(error, ConfigError) else 1
    dashboard = api.removesuffix("/api")
    with temporary_settings({PREFECT_API_URL: api, PREFECT_UI_URL: dashboard}):
        state = flow(arguments[0], return_state=True)
    if not state.is_completed():
        stack.say(f"\n{state.name}: {state.message}\nDashboard   {dashboard}")
        return 1
    run = cast(RunDir, state.result())  # what the state that the flow returned holds
    stack.say("\n" + steps.outcome_text(run, dashboard=dashboard))
    return 0


def run_main(flow: Flow[[str], State[RunDir]]) -> None:
    """Be the `__main__` of a flow's module."""
    sys.exit(run_here(flow, sys.argv[1:]))
