"""Tasks from a decision to what serves."""

from __future__ import annotations

from seqtag import steps
from seqtag.run_dir import RunDir
from tasks.base import HOUR, MINUTE, step


@step(name="register {run.tagger} {run.id}", timeout_seconds=10 * MINUTE)
def register(run: RunDir, workspace: steps.Workspace) -> RunDir:
    """Record the model as a version, the challenger."""
    steps.register(run, workspace)
    return run


@step(name="infra validate {run.tagger} {run.id}", timeout_seconds=HOUR)
def infra_validate(run: RunDir, workspace: steps.Workspace) -> RunDir:
    """Load the registered model as those do whom it serves, and see whether it works."""
    steps.infra_validate(run, workspace)
    return run


@step(name="promote {run.tagger} {run.id}", timeout_seconds=10 * MINUTE)
def promote(run: RunDir, workspace: steps.Workspace, *, by: steps.AuditContext) -> RunDir:
    """Let the version serve if the decision says so and nothing forbids it."""
    steps.promote(run, workspace, by=by)
    return run
