"""A planned run: a run directory that a dry run reads in place of a real one, without writing a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqtag.artifacts import Manifest, find_manifest, json_text, readable_manifest
from seqtag.errors import RunDirError
from seqtag.formatting import plural
from seqtag.run_dir import RunDir

_MOST_FILES = 3


class MissingUpstreamError(RunDirError):
    """A dry run cannot go on: no run has an output of this step yet."""


@dataclass(frozen=True)
class PlannedStep:
    """A step in a dry run.

    changed  the inputs that differ from those of its newest output: before, and now; None: not an input
    reason   a reason that is no changed input; "" without one
    output   the folder that later steps are checked against; None if there is none
    """

    step: str
    would_run: bool
    changed: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    reason: str = ""
    output: Path | None = None


class DryRun:
    """Collects what steps would do; where one would run, its newest output takes the place of the new one."""

    def __init__(self) -> None:
        self.steps: list[PlannedStep] = []

    def plan(self, step: str, inputs: Mapping[str, str], folders: Iterable[Path]) -> Manifest:
        """Note what a step would do, and return the manifest of the output that takes its place.

        Args:
            folders: outputs of the step, the newest first.

        Raises:
            MissingUpstreamError: there is no output that later steps can be checked against.
        """
        known = [(folder, found) for folder in folders if (found := readable_manifest(folder)) is not None]
        known = [(folder, found) for folder, found in known if found.step == step]
        equal = [(folder, found) for folder, found in known if dict(found.inputs) == dict(inputs)]
        for folder, found in [*equal, *known]:
            if find_manifest(folder) is not None:
                changed = changed_inputs(found.inputs, inputs)
                self.steps.append(PlannedStep(step, bool(changed), changed, output=folder))
                return found
        self.steps.append(PlannedStep(step, would_run=True))
        raise MissingUpstreamError(f"no run has an output of {step}, so later steps cannot be checked")


@dataclass(frozen=True)
class PlannedRun(RunDir):
    """The run directory of a dry run; `path` is that of the real one, which may not exist.

    records: the records that a real run would be opened with, each in a file in memory
    """

    dry_run: DryRun
    records: Mapping[str, Path]

    def output(self, step: str) -> Path:
        """The folder that takes the place of the step's output, else that of the real run."""
        planned = (each.output for each in self.dry_run.steps if each.step == step)
        return next(filter(None, planned), super().output(step))

    @property
    def config(self) -> Path:
        return self.records["config"]

    @property
    def snapshot_address(self) -> Path:
        return self.records["snapshot_address"]

    @property
    def opponent(self) -> Path:
        return self.records["opponent"]

    @property
    def earlier(self) -> Path:
        return self.records["earlier"]


def changed_inputs(
    before: Mapping[str, str], now: Mapping[str, str]
) -> dict[str, tuple[str | None, str | None]]:
    """Return the inputs that differ: before, and now.

    >>> changed_inputs({"seed": "1", "metric": "accuracy"}, {"seed": "2", "metric": "accuracy"})
    {'seed': ('1', '2')}
    """
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    return {name: (before.get(name), now.get(name)) for name in names}


def without_most_code(names: Sequence[str]) -> list[str]:
    """Return names of inputs with at most three source files, and the number of the others.

    >>> without_most_code(["seed", "seqtag/a.py", "seqtag/b.py", "seqtag/c.py", "seqtag/d.py"])
    ['seed', 'seqtag/a.py', 'seqtag/b.py', 'seqtag/c.py', '1 more source file']
    """
    code = [name for name in names if name.startswith("seqtag/")]
    others = [name for name in names if name not in code]
    n_more = len(code) - _MOST_FILES
    more = [plural(n_more, "more source file")] if n_more > 0 else []
    return [*others, *code[:_MOST_FILES], *more]


@contextmanager
def file_in_memory(value: Any) -> Iterator[Path]:
    """Hold JSON in a file that only this process sees, and that ends with it, even if it is killed."""
    with os.fdopen(os.memfd_create("seqtag"), "wb") as file:
        file.write(json_text(value).encode())
        file.flush()
        yield Path(f"/proc/self/fd/{file.fileno()}")
