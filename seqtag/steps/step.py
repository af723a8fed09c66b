"""Run one step: reuse its output where nothing changed, else write it, whole or not at all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from seqtag.artifacts import Manifest, digest, file_lock, materialize
from seqtag.code_version import code_version, uncached_code_version
from seqtag.errors import ConfigError, RunDirError
from seqtag.pipeline import STEPS
from seqtag.run_dir import RunDir, opened_runs
from seqtag.steps.heartbeat import heartbeat
from seqtag.steps.planned_run import DryRun
from seqtag.steps.run_inputs import ForcedSteps

logger = logging.getLogger(__name__)


def run_step(
    step: Callable[..., Any],
    run: RunDir,
    *,
    inputs: Mapping[str, str],
    write: Callable[[Path], None],
    dry_run: DryRun | None = None,
) -> Manifest:
    """Write the folder of a step, unless this run or another one has it, made from the same inputs.

    Args:
        step: the function in `seqtag.steps` whose output it is.
        inputs: what the output depends on besides code and packages: texts and digests by name. A setting
            has the name of its key, and a short text, such as a number, is shown where it changed.
        write: writes the files into an empty folder.
        dry_run: notes what would be done, and nothing is written.

    Raises:
        RunDirError: the code was changed while the step ran.
        MissingUpstreamError: in a dry run, no run has an output of this step.
    """
    output, by = run.output(step.__name__), forced_by(run, step.__name__)
    is_shared = next(each.is_shared for each in STEPS if each.name == step.__name__)
    others = [other.output(step.__name__) for other in opened_runs(run.path.parent)] if is_shared else []
    inputs = inputs if by is None else {**inputs, "forced": by}
    if dry_run is not None:
        return dry_run.plan(step.__name__, _all_inputs(step, inputs), [output, *others])
    elsewhere = [other for other in others if other != output]
    return write_output(step, output, inputs=inputs, write=write, elsewhere=elsewhere)


def write_output(
    step: Callable[..., Any],
    output: Path,
    *,
    inputs: Mapping[str, str],
    write: Callable[[Path], None],
    elsewhere: Sequence[Path] = (),
) -> Manifest:
    """Write one output of `step`; the code that it reaches and the versions of its packages count as inputs.

    The arguments are those of `run_step` and of `seqtag.artifacts.materialize`.
    """
    name, version = step.__name__, code_version(step.__module__, step.__name__)

    def write_with_this_code(folder: Path) -> None:
        with heartbeat(name):
            write(folder)
        if uncached_code_version(step.__module__, name).code != version.code:
            raise RunDirError(
                f"{name}: code changed while the step ran, its output is not kept; run it again"
            )

    manifest = materialize(
        output,
        step=name,
        inputs=_all_inputs(step, inputs),
        write=write_with_this_code,
        elsewhere=elsewhere,
    )
    if manifest.reused:
        logger.info("%s: unchanged, its output is reused", name)
    else:
        logger.info("%s: %.1f s", name, manifest.seconds)
    return manifest


def code_inputs(module: str, function: str) -> dict[str, str]:
    """Return the packages and source files that a function reaches as inputs."""
    version = code_version(module, function)
    packages = {f"package {package}": number for package, number in version.packages.items()}
    return {**packages, **version.code}


def step_function(name: str) -> Callable[..., Any]:
    """Return the function of a step: `decide` of `seqtag.steps.decide`."""
    function: Callable[..., Any] = getattr(import_module(f"seqtag.steps.{name}"), name)
    return function


def steps_code_version() -> str:
    """Return the sha256 of the code that all steps reach, versions of packages included."""
    return digest(*(code_version(f"seqtag.steps.{step.name}", step.name).key for step in STEPS))


def check_step_names(names: Sequence[str]) -> None:
    """Refuse names that are no step's.

    Raises:
        ConfigError: there is no such step.
    """
    known = [step.name for step in STEPS]
    unknown = sorted(set(names) - set(known))
    if unknown:
        renamed = {step.older_folder: step.name for step in STEPS} | {"infra_validate": "smoke_test"}
        hints = "".join(f"; {name} is now {renamed[name]}" for name in unknown if name in renamed)
        raise ConfigError(
            f"force: no step is called {', '.join(unknown)}; expected one of {', '.join(known)}{hints}"
        )


def force(run: RunDir, names: Sequence[str], *, by: str) -> None:
    """Have steps of a run done even if nothing changed, once for each `by`; later steps follow."""
    if names:
        with file_lock(run.path / ".lock"):
            ForcedSteps({**_forced(run), **dict.fromkeys(names, by)}).save(run.forced)


def forced_by(run: RunDir, step: str) -> str | None:
    """Return who asked for a step of a run to be done even if nothing changed, None if nobody did."""
    return _forced(run).get(step)


def _all_inputs(step: Callable[..., Any], inputs: Mapping[str, str]) -> dict[str, str]:
    """Return the inputs of a step with its packages and the files of its code."""
    return {**inputs, **code_inputs(step.__module__, step.__name__)}


def _forced(run: RunDir) -> Mapping[str, str]:
    return ForcedSteps.load(run.forced).by if run.forced.exists() else {}
