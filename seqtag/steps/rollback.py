"""The way back: an earlier version serves again."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from seqtag.artifacts import (
    require_manifest,
)
from seqtag.errors import RegistryError, SeqtagError
from seqtag.registry import AuditContext, Entry, bundle_digest, failures
from seqtag.run_dir import RunDir
from seqtag.steps.context import Workspace, train_scheme

if TYPE_CHECKING:
    from seqtag.config import SchemeName
    from seqtag.registry import Champion

logger = logging.getLogger(__name__)


def rollback(
    tagger: str, workspace: Workspace, *, to: str | None, reason: str, everything: bool, by: AuditContext
) -> Entry:
    """Let an earlier version serve in place of the champion, after its infra was validated anew.

    What is taken back is held: no model of its configuration and code is promoted until the hold is released.

    Args:
        to: the version; None for the one that served before.
        everything: hold every model.

    Raises:
        RegistryError: there is nothing to roll back to, or it does not work; the champion stays.
        PromotionConflictError: somebody else moved the champion meanwhile.
    """
    registry = workspace.registry()
    champion, target = registry.earlier(tagger, to, by=by)
    golden, scheme = _predicted(target, RunDir(workspace.home.runs(tagger) / target.seqtag_run_id))
    findings = registry.validate_infra(tagger, target.version, golden=golden, scheme=scheme)
    if not findings["held"]:
        raise RegistryError(
            f"{tagger}: a version that works was required. Received: version {target.version}, of which does "
            f"not hold: {failures(findings)}. Version {champion} is still the champion"
        )
    return registry.roll_back(tagger, champion, target.version, reason=reason, everything=everything, by=by)


def _predicted(target: Champion, run: RunDir) -> tuple[Path | None, SchemeName]:
    """Return what a version predicted when it was evaluated, and in which scheme; None if that is gone."""
    try:
        require_manifest(run.output("evaluate"))
        if bundle_digest(run.output("train")) == target.bundle_digest:
            return run.predictions("challenger"), train_scheme(run)
    except SeqtagError:
        pass
    logger.warning("rollback: %s no longer has what version %s predicted", run.path, target.version)
    return None, "none"
