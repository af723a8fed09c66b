"""A version as MLflow has it, and as its files say."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import TYPE_CHECKING

from seqtag.errors import RegistryError
from seqtag.registry import types
from seqtag.registry.model_artifact import bundle_digest, bundle_tags, find_bundle
from seqtag.registry.types import Champion, Version

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion


def described(version: ModelVersion, aliases: Mapping[str, str]) -> Version:
    """Return a version as MLflow has it."""
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


def checked(version: ModelVersion, location: str, *, role: str, store: str) -> Champion:
    """Return a version whose bundle is what was registered.

    Raises:
        RegistryError: its files are missing or changed. Where one could not be read, which may pass, that is
            the cause.
    """
    what = f"registry {store}: {role} {version.version} of {version.name}"
    way_out = (
        "Restore its folder, or let another version serve: "
        f"seqtag rollback {version.name} --to VERSION --reason TEXT"
    )
    # Without a cause, unlike an error of the disk, the database or the network: trying again mends no file.
    try:
        bundle = find_bundle(location)
        digest = bundle_digest(bundle)
        expected = version.tags[types.BUNDLE_TAG]
        run_id = version.tags[types.RUN_ID_TAG]
        tag_set = bundle_tags(bundle)
    except MemoryError:
        raise
    except Exception as error:  # whatever a damaged file makes a parser raise, the answer is never None
        fault = _fault_of_the_machine(error)
        if fault is not None:
            raise RegistryError(f"{what}: bundle at {location} cannot be read: {fault}") from fault
        raise RegistryError(
            f"{what}: its bundle at {location} cannot be read: {error!r}. {way_out}"
        ) from None
    if digest != expected:
        raise RegistryError(
            f"{what}: sha256 {expected} was registered. Received: {digest} in {bundle}. {way_out}"
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


def _fault_of_the_machine(error: BaseException | None) -> OSError | None:
    """Return what kept a file from being read although it may be whole, None if it is missing or damaged."""
    while error is not None:
        if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT, errno.ENOTDIR):
            return error
        error = error.__cause__
    return None
