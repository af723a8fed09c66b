"""Rollback: an earlier version becomes the champion again."""

from __future__ import annotations

import logging
from pathlib import Path

from seqtag.artifacts import require_manifest
from seqtag.config import SchemeName
from seqtag.errors import RegistryError, SeqtagError
from seqtag.registry import AuditContext, Champion, Entry, bundle_digest, failures
from seqtag.run_dir import RunDir
from seqtag.steps.context import Workspace, train_scheme
from seqtag.steps.lookup import no_version

logger = logging.getLogger(__name__)


def rollback(
    tagger: str, workspace: Workspace, *, to: str | None, reason: str, everything: bool, by: AuditContext
) -> Entry:
    """Make an earlier version the champion again, after another smoke test.

    Models like the one that is rolled back are blocked: none of its configuration and code is promoted until
    they are unblocked.

    Args:
        to: the version; None for the previous champion.
        everything: block every model.

    Raises:
        ConfigError: there is no such version.
        RegistryError: there is no earlier champion, or the version fails the smoke test; the champion stays.
        PromotionConflictError: the champion was moved meanwhile.
    """
    registry = workspace.registry()
    versions = [each.version for each in registry.versions(tagger)]
    if registry.exists() and (not versions or to not in (None, *versions)):
        what = "champion" if to is None else f"version {to!r}"
        expected = "a tagger with versions" if to is None else "the number of one that is registered"
        raise no_version(what, tagger, versions, workspace, expected=expected)
    champion, target = registry.rollback_target(tagger, to, by=by)
    golden, scheme = _predicted(target, RunDir(workspace.home.runs(tagger) / target.seqtag_run_id))
    findings = registry.smoke_test(tagger, target.version, golden=golden, scheme=scheme)
    if not findings.passed:
        raise RegistryError(
            f"{tagger}: version {target.version} fails its smoke test: {failures(findings)}. Version "
            f"{champion} is still the champion"
        )
    return registry.roll_back(tagger, champion, target.version, reason=reason, everything=everything, by=by)


def _predicted(target: Champion, run: RunDir) -> tuple[Path | None, SchemeName]:
    """Return the predictions of a version from its evaluation and their scheme; None if they are gone."""
    try:
        require_manifest(run.output("evaluate"))
        if bundle_digest(run.output("train")) == target.bundle_digest:
            return run.predictions("challenger"), train_scheme(run)
    except SeqtagError:
        pass
    logger.warning("rollback: %s no longer has what version %s predicted", run.path, target.version)
    return None, "none"
