"""The steps of a retraining, in order: names, folders and commands all derive from this table.

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
        name: name of the function, the task, the command and the output folder in the run directory, which is
            written completely or not at all.
        is_shared: True if a run may reuse the output of another run with the same inputs.
        older_folder: name of the folder in run directories of earlier versions, which are still read; "" if
            it was the same.
    """

    name: str
    is_shared: bool = True
    older_folder: str = ""


STEPS = (
    Step("validate", older_folder="validation"),
    Step("split", older_folder="splits"),
    Step("index", older_folder="vocabulary"),
    Step("encode", older_folder="encoded"),
    Step("baseline"),
    Step("train", older_folder="model"),
    Step("retrain_champion", older_folder="anchor"),
    Step("evaluate", older_folder="evaluation"),
    Step("decide", older_folder="decision"),
    Step("register", is_shared=False, older_folder="registration"),
    Step("smoke_test", is_shared=False, older_folder="infra"),
    Step("promote", is_shared=False, older_folder="promotion"),
    Step("report", is_shared=False),
)
OLDER_FOLDERS = {step.name: step.older_folder or step.name for step in STEPS}

if TYPE_CHECKING:
    StepName: TypeAlias = str
else:
    StepName = Literal[tuple(OLDER_FOLDERS)]  # offered as choices in the dashboard's form
