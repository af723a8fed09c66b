"""Open a bulk tagging: pin the version that tags a snapshot, and check that it can."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

from seqtag.artifacts import file_lock, readable_manifest, require_manifest
from seqtag.config import TaggerConfig
from seqtag.config.source_columns import token_columns_of
from seqtag.errors import ConfigError, CorpusRejectedError
from seqtag.features.column_index import ColumnIndex
from seqtag.formatting import percent, plural
from seqtag.records import Record
from seqtag.registry import Champion
from seqtag.run_dir import Snapshot, TaggedSnapshot
from seqtag.steps.context import Workspace
from seqtag.steps.lookup import Alias, find_version
from seqtag.steps.step import write_output

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PinnedTagging(Record):
    """pinned.json: a version and the snapshot that it tags, before anything is tagged."""

    FORMAT: ClassVar[str] = "pinned-tagging/1"

    version: str
    run_id: str  # of the run that trained it
    bundle: str  # digest
    snapshot: str  # id
    n_sequences: int
    n_tokens: int
    n_quarantined: int  # sequences
    by_rule: Mapping[str, int]  # sequences that break each rule

    @property
    def share_quarantined(self) -> float:
        """Share of the sequences."""
        return self.n_quarantined / max(self.n_sequences, 1)


def open_tagging(
    config: TaggerConfig,
    snapshot: Snapshot,
    workspace: Workspace,
    *,
    as_of: date,
    version: str | None = None,
) -> TaggedSnapshot:
    """Pin the champion, and check that it can tag a snapshot of [tagging].

    Writes the sequences that cannot be tagged, and refuses the snapshot if there are too many. A snapshot
    that this version has tagged already, whenever that was, is not tagged again.

    Args:
        as_of: day of the tagging.
        version: number or alias in the registry. Default: the champion.

    Raises:
        ConfigError: there is no such version, or it reads columns of tokens that a source lacks.
        CorpusRejectedError: more sequences than `quality.quarantine_budget` cannot be tagged.
        RegistryError: the registry or the version's files could not be read.
    """
    _, pinned = find_version(f"{config.name}@{version or Alias.champion}", workspace)
    tagged = _begun(config, snapshot, workspace, pinned) or TaggedSnapshot(
        workspace.home.tagged(config.name) / f"{as_of.isoformat()}-{snapshot.id}-v{pinned.version}"
    )
    with file_lock(tagged.lock):
        if not is_finished(tagged):
            _open(config, snapshot, tagged, pinned)
    return tagged


def is_finished(tagged: TaggedSnapshot) -> bool:
    """Return whether a snapshot was tagged, even if its files were moved or changed since."""
    return readable_manifest(tagged.path) is not None


def read_pinned(tagged: TaggedSnapshot) -> PinnedTagging:
    """Return the pinned version of an unfinished tagging, and the sizes of its snapshot."""
    return PinnedTagging.load(tagged.pinned)


def is_refused(pinned: PinnedTagging, config: TaggerConfig) -> bool:
    """Return whether too many sequences of a snapshot cannot be tagged."""
    return pinned.share_quarantined > config.quality.quarantine_budget


def _open(config: TaggerConfig, snapshot: Snapshot, tagged: TaggedSnapshot, pinned: Champion) -> None:
    """Write the quarantine, or refuse the snapshot."""
    index = ColumnIndex.load(pinned.bundle)
    for number, source in enumerate(config.tagging.sources):
        missing = sorted(set(index.names) - set(token_columns_of(source)))
        if missing:
            raise ConfigError(
                f"tagging.sources[{number}] lacks columns of tokens that version {pinned.version} of "
                f"{config.name} reads: expected {', '.join(missing)} in token_columns; add them"
            )
    write_output(
        open_tagging,
        tagged.opened,
        inputs={"snapshot": require_manifest(snapshot.path).digest, "version": pinned.bundle_digest},
        write=lambda folder: _write(folder, tagged, snapshot, pinned, index),
    )
    found = read_pinned(tagged)
    if is_refused(found, config):
        share, budget = found.share_quarantined, config.quality.quarantine_budget
        reasons = ", ".join(f"{name} {n:,}" for name, n in found.by_rule.items() if n)
        raise CorpusRejectedError(
            f"too many sequences cannot be tagged: expected at most {percent(budget)} "
            f"(quality.quarantine_budget), got {percent(share)} of {plural(found.n_sequences, 'sequence')} "
            f"({reasons}); nothing was tagged. See {tagged.refused}"
        )


def _begun(
    config: TaggerConfig, snapshot: Snapshot, workspace: Workspace, pinned: Champion
) -> TaggedSnapshot | None:
    """Return a tagging of the snapshot by the version, finished ones first; None if there is none."""
    folder, name = workspace.home.tagged(config.name), f"????-??-??-{snapshot.id}-v{pinned.version}"
    found = [*sorted(folder.glob(name)), *sorted(folder.glob(f".{name}"))]
    return TaggedSnapshot(folder / found[0].name.lstrip(".")) if found else None


def _write(
    folder: Path, tagged: TaggedSnapshot, snapshot: Snapshot, pinned: Champion, index: ColumnIndex
) -> None:
    from seqtag.quality import validate_untagged

    columns = [learned.column for learned in index.columns]
    counts = validate_untagged(snapshot.parts, columns=columns, quarantine=folder / tagged.refused.name)
    PinnedTagging(
        version=pinned.version,
        run_id=pinned.seqtag_run_id,
        bundle=pinned.bundle_digest,
        snapshot=snapshot.id,
        n_sequences=counts.n_sequences,
        n_tokens=counts.n_tokens,
        n_quarantined=counts.n_quarantined,
        by_rule=counts.by_rule,
    ).save(folder / tagged.pinned.name)
