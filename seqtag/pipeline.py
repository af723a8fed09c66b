"""The steps of a retraining, in order: step names, folders and commands all derive from this table.

A step is a function in the module of the same name in `seqtag.steps`. It reads files, calls the library
once and writes one folder of the run directory. `ingest` and `open_run` run first: they create the snapshot
and the run directory that the steps work on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias


@dataclass(frozen=True)
class Step:
    """One step of a retraining.

    Attributes:
        name: name of the function, the task and the command.
        folder: output folder in the run directory, written completely or not at all.
        is_shared: True if a run may reuse the output of another run with the same inputs.
    """

    name: str
    folder: str
    is_shared: bool = True


STEPS = (
    Step("validate", "validation"),
    Step("split", "splits"),
    Step("index", "vocabulary"),
    Step("encode", "encoded"),
    Step("baseline", "baseline"),
    Step("train", "model"),
    Step("anchor", "anchor"),
    Step("evaluate", "evaluation"),
    Step("decide", "decision"),
    Step("register", "registration", is_shared=False),
    Step("infra_validate", "infra", is_shared=False),
    Step("promote", "promotion", is_shared=False),
    Step("report", "report", is_shared=False),
)
FOLDERS = {step.name: step.folder for step in STEPS}

if TYPE_CHECKING:
    StepName: TypeAlias = str
else:
    StepName = Literal[tuple(FOLDERS)]  # offered as choices in the dashboard's form
