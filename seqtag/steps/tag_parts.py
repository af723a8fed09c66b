"""Tag parts: tag some files of a snapshot in a subprocess, each whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from seqtag.artifacts import file_digest, require_manifest, shared_lock
from seqtag.corpus.splits import ROW
from seqtag.errors import BundleError
from seqtag.neural import Tagger, write_tagged_part
from seqtag.run_dir import Snapshot, TaggedSnapshot
from seqtag.steps.context import Workspace
from seqtag.steps.open_tagging import is_finished, read_pinned
from seqtag.steps.step import write_output
from seqtag.subprocess_runner import run_in_subprocess

PARTS_PER_SUBPROCESS = 16  # of about a million tokens: loading the tagger takes about as long as tagging one


def groups_of_parts(tagged: TaggedSnapshot, workspace: Workspace) -> list[tuple[str, ...]]:
    """Return the names of the parts of a snapshot, in the groups that a subprocess tags.

    There are none if it is tagged already.
    """
    with shared_lock(tagged.lock):
        parts = [] if is_finished(tagged) else snapshot_of(tagged, workspace).parts
    names = [part.stem for part in parts]
    return [
        tuple(names[first : first + PARTS_PER_SUBPROCESS])
        for first in range(0, len(names), PARTS_PER_SUBPROCESS)
    ]


def tag_parts(tagged: TaggedSnapshot, names: Sequence[str], workspace: Workspace) -> None:
    """Tag parts of a snapshot with the pinned version; those that are tagged already are kept.

    Writes a folder for each part. If the subprocess is killed, the part that it was tagging is lost. Of two
    processes that tag the same part the second waits, and keeps what the first one wrote.

    Args:
        names: names of the parts.

    Raises:
        BundleError: the pinned version has other files now.
        RegistryError: its files could not be read.
        SubprocessKilledError: the subprocess was killed.
    """
    with shared_lock(tagged.lock):
        if not is_finished(tagged):
            _tag_parts(tagged, names, workspace)


def _tag_parts(tagged: TaggedSnapshot, names: Sequence[str], workspace: Workspace) -> None:
    pinned = read_pinned(tagged)
    version = workspace.registry().checked_version(tagged.tagger, pinned.version)
    if version.bundle_digest != pinned.bundle:
        raise BundleError(
            f"version {pinned.version} of {tagged.tagger} has changed since the tagging began: expected "
            f"digest {pinned.bundle[:12]}, got {version.bundle_digest[:12]}"
        )
    run_in_subprocess(
        tag_files,
        tagged=str(tagged.path),
        parts=[str(snapshot_of(tagged, workspace).path / f"{name}.parquet") for name in names],
        bundle=str(version.bundle),
    )


def tag_files(tagged: str, parts: Sequence[str], bundle: str) -> None:
    """Tag the files of a snapshot that are not tagged yet; the tagger is loaded if there are any."""
    at = TaggedSnapshot(Path(tagged))
    pinned = read_pinned(at)
    refused = pq.read_table(at.refused, columns=[ROW])[ROW].to_numpy()
    tagger = cache(lambda: _tagger(Path(bundle)))
    for part in map(Path, parts):
        first_row = _first_row(part)

        def write(folder: Path, part: Path = part, first_row: int = first_row) -> None:
            n_rows = pq.read_metadata(part).num_rows
            here = refused[np.searchsorted(refused, first_row) : np.searchsorted(refused, first_row + n_rows)]
            counts = write_tagged_part(
                tagger(),
                part,
                folder / at.tagged_part(part.stem).name,
                version=pinned.version,
                refused=here - first_row,
            )
            counts.save(folder / at.counts(part.stem).name)

        write_output(
            tag_parts,
            at.part(part.stem),
            inputs={
                "part": file_digest(part),
                "version": pinned.bundle,
                "opened": require_manifest(at.opened).digest,
            },
            write=write,
        )


def snapshot_of(tagged: TaggedSnapshot, workspace: Workspace) -> Snapshot:
    """Return the snapshot that an unfinished tagging tags."""
    return Snapshot(workspace.home.untagged(tagged.tagger) / read_pinned(tagged).snapshot)


def _tagger(bundle: Path) -> Tagger:
    """Return the tagger: as a network, which is faster, unless another version of seqtag built that."""
    try:
        return Tagger.load(bundle)
    except BundleError:
        return Tagger.load_exported(bundle)  # raises the error again if the bundle is damaged


def _first_row(part: Path) -> int:
    """Return the number of the first row of a part in its snapshot."""
    before = [each for each in Snapshot(part.parent).parts if each.name < part.name]
    return sum(pq.read_metadata(each).num_rows for each in before)
