"""Model versions: their description in MLflow, and their files checked."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import TYPE_CHECKING

from seqtag.errors import RegistryError
from seqtag.features import TagIndex
from seqtag.registry import types
from seqtag.registry.artifact_files import ArtifactFiles
from seqtag.registry.model_artifact import bundle_digest
from seqtag.registry.types import Champion, Version

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from seqtag.registry.mlflow_tables import StoredVersion


def described(version: ModelVersion | StoredVersion, aliases: Mapping[str, str]) -> Version:
    """Return MLflow's description of a version."""
    number = str(version.version)
    return Version(
        version=number,
        seqtag_run_id=version.tags.get(types.RUN_ID_TAG, ""),
        tracked_run_id=version.run_id or "",
        bundle_digest=version.tags.get(types.BUNDLE_TAG, ""),
        verdict=version.tags.get(types.VERDICT_TAG, ""),
        sentence=version.description or "",
        aliases=tuple(sorted(alias for alias, target in aliases.items() if target == number)),
        promoted_over=version.tags.get(types.PROMOTED_OVER_TAG),
    )


def checked(
    version: ModelVersion | StoredVersion, location: str, files: ArtifactFiles, *, role: str, store: str
) -> Champion:
    """Return a version after comparing its bundle with the registered digest.

    Raises:
        RegistryError: its files are missing or changed. If one could not be read, which may be transient, the
            OSError is the cause.
    """
    place = f"registry {store}: {role} {version.version} of {version.name}"
    fix = (
        "restore its folder, or make another version the champion: "
        f"seqtag rollback {version.name} --to VERSION --reason TEXT"
    )
    # Without a cause, unlike errors of disk, database or network: a retry does not repair a damaged file.
    try:
        expected = version.tags[types.BUNDLE_TAG]
        bundle = files.bundle(location, expected)
        digest = bundle_digest(bundle)
        run_id = version.tags[types.RUN_ID_TAG]
        tag_set = TagIndex.load(bundle)
    except MemoryError:
        raise
    except Exception as error:  # a damaged file may make a parser raise anything; never return None
        fault = _machine_fault(error)
        if fault is not None:
            raise RegistryError(f"{place}: bundle at {location} cannot be read: {fault}") from fault
        raise RegistryError(
            f"{place}: bundle at {location} is missing or damaged: {error!r}; {fix}"
        ) from None
    if digest != expected:
        raise RegistryError(
            f"{place}: bundle was changed: expected sha256 {expected}, got {digest} in {bundle}; {fix}"
        )
    return Champion(
        str(version.version),
        run_id,
        bundle,
        digest,
        tag_set.tags,
        tag_set.counts,
        version.tags.get(types.SERVING_TAG, ""),
    )


def _machine_fault(error: BaseException | None) -> OSError | None:
    """Return the error that kept an intact file from being read, None if it is missing or damaged."""
    while error is not None:
        if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT, errno.ENOTDIR):
            return error
        error = error.__cause__
    return None
