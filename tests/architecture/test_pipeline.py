"""The table of steps agrees with the flow, the tasks, the commands and the library."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest

import tasks
from seqtag import steps
from seqtag.cli.main import app
from seqtag.pipeline import OLDER_FOLDERS, STEPS, Step

CHECKOUT = Path(__file__).resolve().parents[2]
NAMES = [step.name for step in STEPS]


def test_the_flow_calls_the_tasks_in_the_order_of_the_table() -> None:
    tree = ast.parse((CHECKOUT / "flows" / "retrain.py").read_text("utf-8"))
    calls = sorted(
        (node.lineno, node.func.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "tasks"
    )

    assert [name for _, name in calls] == ["ingest", "open_run", *NAMES]


@pytest.mark.parametrize("step", STEPS, ids=NAMES)
def test_a_step_is_a_documented_function_in_the_module_of_its_name(step: Step) -> None:
    function = getattr(steps, step.name)

    assert (function.__module__, function.__name__) == (f"seqtag.steps.{step.name}", step.name)
    assert function.__doc__
    assert getattr(tasks, step.name).description.startswith(function.__doc__.splitlines()[0])


def test_names_and_older_folders_are_unique() -> None:
    assert len(set(NAMES)) == len(set(OLDER_FOLDERS.values())) == len(STEPS)
    assert get_args(steps.StepName) == tuple(NAMES)


def test_the_command_line_has_a_command_for_each_step() -> None:
    commands = {command.name for command in app.registered_commands}

    assert {name.replace("_", "-") for name in NAMES} <= commands
