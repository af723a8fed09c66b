"""Ingest: read the sources into one snapshot, and notice when they change."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seqtag.artifacts import (
    digest,
    file_lock,
    find_manifest,
    publish,
    read_json,
    scratch_folder,
    write_json,
)
from seqtag.code_version import code_version
from seqtag.config import TaggerConfig, config_digest
from seqtag.errors import (
    CorpusChangedError,
    RunDirError,
)
from seqtag.run_dir import Snapshot
from seqtag.steps.context import (
    Workspace,
)

if TYPE_CHECKING:
    from seqtag.corpus import SourceRecord

logger = logging.getLogger(__name__)


def ingest(config: TaggerConfig, workspace: Workspace) -> Snapshot:
    """Read the sources into one snapshot, unless the same bytes were read before.

    Reads the sources; writes `corpora/<tagger>/<snapshot_id>/`.

    Raises:
        CorpusFormatError: a source is not what it was declared to be.
        CorpusChangedError: a source was replaced while it was read; nothing was kept.
    """
    from seqtag.corpus import PlacesWriter, corpus_schema, read_sources, write_corpus

    started = time.monotonic()
    remembered = _memory(config, workspace)
    snapshot = _remembered(remembered, config, workspace)
    if snapshot is not None:
        _log_sources(read_records(snapshot))
        logger.info("ingest: the sources are unchanged, snapshot %s is reused", snapshot.id)
        return snapshot
    partial = workspace.home.corpus(config.name) / ".partial"
    with file_lock(workspace.home.corpus(config.name) / ".lock"), scratch_folder(partial):
        records: list[SourceRecord] = []
        with PlacesWriter(Snapshot(partial).places) as places:
            batches = read_sources(
                config.corpus,
                on_source=lambda report: records.append(report.record()),
                on_places=places.add,
            )
            snapshot_id = write_corpus(batches, corpus_schema(config.corpus.columns), partial)
        write_json(Snapshot(partial).sources, records)
        if _memory(config, workspace) != remembered:
            raise CorpusChangedError(
                f"{config.name}: sources that stay as they are while they are read were required. Received: "
                "others meanwhile"
            )
        snapshot = Snapshot(workspace.home.corpus(config.name) / snapshot_id)
        if find_manifest(snapshot.path) is None or not _were_read_alike(Snapshot(partial), snapshot):
            seconds = time.monotonic() - started
            publish(partial, snapshot.path, step="ingest", inputs={"content": snapshot_id}, seconds=seconds)
    if remembered is not None:
        remembered.parent.mkdir(exist_ok=True)
        write_json(remembered, {"snapshot_id": snapshot.id})
    _log_sources(records)
    logger.info("ingest: snapshot %s, %.1f s", snapshot.id, time.monotonic() - started)
    return snapshot


def matching_snapshot(config: TaggerConfig, workspace: Workspace) -> Snapshot | None:
    """Return the snapshot that was read from the sources as they are, None if they have to be read."""
    return _remembered(_memory(config, workspace), config, workspace)


def poll_sources(config: TaggerConfig, workspace: Workspace) -> Literal["changed", "unchanged", "unknown"]:
    """Tell whether the sources are others than those that a retraining read, or that were noted before.

    What monitoring alone has read is still to be retrained on. Unknown: whether a database has changed cannot
    be told without reading it.
    """
    memory = _memory(config, workspace)
    if memory is None:
        return "unknown"
    snapshot = _remembered(memory, config, workspace)
    runs = workspace.home.runs(config.name)
    if snapshot is not None and any(runs.glob(f"????-??-??-{snapshot.id[:8]}-*")):
        return "unchanged"
    noted = workspace.home.noted_sources(config.name)
    is_noted = noted.exists() and read_json(noted) == {"sources": memory.name}
    return "unchanged" if is_noted else "changed"


def record_source_change(config: TaggerConfig, workspace: Workspace) -> None:
    """Note the sources as they are, so that their change is told no more."""
    memory = _memory(config, workspace)
    if memory is not None:
        memory.parent.mkdir(parents=True, exist_ok=True)
        write_json(workspace.home.noted_sources(config.name), {"sources": memory.name})


def read_records(snapshot: Snapshot) -> list[SourceRecord]:
    """Return what the readers assumed about each source of a snapshot."""
    from seqtag.corpus import read_source_records

    return read_source_records(snapshot.sources)


def _were_read_alike(new: Snapshot, old: Snapshot) -> bool:
    """Tell whether the same sequences were read in the same way, whatever the names of their files.

    A file that is renamed every day and has the same content is nothing new.
    """
    from seqtag.corpus import are_equal_numbers

    found = [
        [
            {**record, "name": "", "warnings": [{**warned, "place": ""} for warned in record["warnings"]]}
            for record in read_records(snapshot)
        ]
        for snapshot in (new, old)
    ]
    return found[0] == found[1] and are_equal_numbers(new.places, old.places)


def _log_sources(records: Sequence[SourceRecord]) -> None:
    """Say in one line how each source was read, and in one more what contradicts it."""
    from seqtag.corpus import source_sentence, warning_sentences

    for record in records:
        logger.info("source %s", source_sentence(record))
        for sentence in warning_sentences(record):
            logger.warning("warning: %s", sentence)


def _remembered(memory: Path | None, config: TaggerConfig, workspace: Workspace) -> Snapshot | None:
    if memory is None or not memory.exists():
        return None
    try:
        snapshot = Snapshot(workspace.home.corpus(config.name) / read_json(memory)["snapshot_id"])
    except (RunDirError, KeyError, TypeError):  # damaged: the sources are read again
        return None
    return None if find_manifest(snapshot.path) is None else snapshot


def _memory(config: TaggerConfig, workspace: Workspace) -> Path | None:
    """Return where it stands which snapshot the sources gave; None where they cannot be told apart unread."""
    from seqtag.corpus import source_fingerprint

    fingerprint = source_fingerprint(config.corpus)
    if fingerprint is None:
        return None
    key = digest(fingerprint, config_digest(config.corpus), code_version(__name__, "ingest").key)
    return workspace.home.sources(config.name) / f"{key[:16]}.json"
