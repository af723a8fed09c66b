"""Ingest: read the sources into one snapshot, and notice when they change."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from seqtag.artifacts import digest, file_lock, find_manifest, publish, scratch_folder
from seqtag.config import TaggerConfig, config_inputs
from seqtag.corpus import (
    PlacesWriter,
    SourceRecord,
    SourceRecords,
    SourceReport,
    are_equal_numbers,
    corpus_schema,
    read_sources,
    source_digests,
    source_sentence,
    warning_sentences,
    write_corpus,
)
from seqtag.errors import ConfigError, CorpusChangedError, CorpusFormatError, RunDirError
from seqtag.records import Record
from seqtag.run_dir import Snapshot
from seqtag.steps.context import Workspace
from seqtag.steps.step import code_inputs

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReadSnapshot(Record):
    """The snapshot that a state of the sources was read into; the file's name is the digest of `inputs`."""

    FORMAT: ClassVar[str] = "read-snapshot/2"

    snapshot_id: str
    inputs: Mapping[str, str]  # settings, digests of files, packages and code


@dataclass(frozen=True)
class NotedSources(Record):
    """noted.json: the fingerprint of the sources whose change was reported last."""

    FORMAT: ClassVar[str] = "noted-sources/1"

    sources: str


def ingest(config: TaggerConfig, workspace: Workspace) -> Snapshot:
    """Read the sources into one snapshot, unless the same bytes were read before.

    Reads the sources; writes `corpora/<tagger>/<snapshot_id>/`.

    Raises:
        CorpusFormatError: a source is not what its configuration says.
        CorpusChangedError: a source was replaced while it was read; nothing was kept.
    """
    home = workspace.home
    return _read_snapshot(config, home.corpus(config.name), sources=home.sources(config.name))


def ingest_untagged(config: TaggerConfig, workspace: Workspace) -> Snapshot:
    """Read the sources of [tagging] into one snapshot without tags, unless the same bytes were read before.

    Writes `untagged/<tagger>/<snapshot_id>/`.

    Raises:
        ConfigError: there are no such sources.
        CorpusFormatError, CorpusChangedError: as for `ingest`.
    """
    if not config.tagging.sources:
        raise ConfigError(
            f"{config.name}: nothing to tag is configured: expected [[tagging.sources]] in its file, "
            "got none; add one, or tag files with `seqtag tag`"
        )
    home = workspace.home
    untagged = config.model_copy(update={"corpus": config.tagging.corpus})
    try:
        return _read_snapshot(
            untagged, home.untagged(config.name), sources=home.untagged_sources(config.name)
        )
    except (ConfigError, CorpusFormatError) as error:
        if not str(error).startswith("corpus."):  # a key of the table, as readers know it
            raise
        raise type(error)(f"tagging.{str(error).removeprefix('corpus.')}") from error


def _read_snapshot(config: TaggerConfig, folder: Path, *, sources: Path) -> Snapshot:
    started = time.monotonic()
    inputs = source_inputs(config)
    record = _record_file(inputs, sources)
    with file_lock(folder / ".lock"):  # `seqtag remove --keep` has it while it removes
        snapshot = _recorded_snapshot(record, folder)
        if snapshot is not None:
            os.utime(snapshot.path)  # tells it that the snapshot was read now
    if snapshot is not None:
        _log_sources(read_records(snapshot))
        logger.info("ingest: the sources are unchanged, snapshot %s is reused", snapshot.id)
        return snapshot
    partial = folder / ".partial"
    with file_lock(folder / ".lock"), scratch_folder(partial):
        snapshot_id, reports = read_into(Snapshot(partial), config)
        if source_inputs(config) != inputs:
            raise CorpusChangedError(
                f"{config.name}: sources changed while they were read, so nothing was kept; run it again"
            )
        snapshot = Snapshot(folder / snapshot_id)
        if find_manifest(snapshot.path) is None or not _were_read_alike(Snapshot(partial), snapshot):
            seconds = time.monotonic() - started
            publish(partial, snapshot.path, step="ingest", inputs={"content": snapshot_id}, seconds=seconds)
        os.utime(snapshot.path)
    if record is not None and inputs is not None:
        record.parent.mkdir(exist_ok=True)
        ReadSnapshot(snapshot.id, inputs).save(record)
    _log_sources([report.record() for report in reports])
    logger.info("ingest: snapshot %s, %.1f s", snapshot.id, time.monotonic() - started)
    return snapshot


def read_into(
    snapshot: Snapshot, config: TaggerConfig, *, enough: int | None = None
) -> tuple[str, Sequence[SourceReport]]:
    """Read the sources into an existing folder; return the id of the snapshot, and a report per source.

    Args:
        enough: sequences of a source after which the rest of it is left out; None: read everything.

    Raises:
        CorpusFormatError: a source is not what its configuration says.
    """
    reports: list[SourceReport] = []
    with PlacesWriter(snapshot.places) as places:
        batches = read_sources(
            config.corpus,
            on_source=reports.append,
            on_places=places.add,
            enough=enough,
            has_spans=config.tags.scheme != "none",
        )
        schema = corpus_schema(config.corpus.columns, config.corpus.token_columns)
        snapshot_id = write_corpus(batches, schema, snapshot.path)
    SourceRecords([report.record() for report in reports]).save(snapshot.sources)
    return snapshot_id, reports


def matching_snapshot(config: TaggerConfig, workspace: Workspace) -> Snapshot | None:
    """Return the snapshot of the sources as they are now, None if they have to be read."""
    record = _record_file(source_inputs(config), workspace.home.sources(config.name))
    return _recorded_snapshot(record, workspace.home.corpus(config.name))


def last_read(config: TaggerConfig, workspace: Workspace, *, snapshot: Snapshot) -> ReadSnapshot | None:
    """Return the newest record of the sources that a snapshot was read from, None without one."""
    records = workspace.home.sources(config.name).glob("*.json")
    newest_first = sorted(records, key=lambda path: path.stat().st_mtime_ns, reverse=True)
    found = (ReadSnapshot.load_or_none(path) for path in newest_first)
    return next((read for read in found if read is not None and read.snapshot_id == snapshot.id), None)


def source_inputs(config: TaggerConfig) -> dict[str, str] | None:
    """Return everything that a snapshot depends on, None if only reading can tell, as for a database."""
    files = source_digests(config.corpus)
    if files is None:
        return None
    of_cut = [] if config.corpus.cut is None else ["tags.scheme"]
    return {**config_inputs(config, "corpus", *of_cut), **files, **code_inputs(__name__, "ingest")}


def poll_sources(config: TaggerConfig, workspace: Workspace) -> Literal["changed", "unchanged", "unknown"]:
    """Return whether the sources differ from those that a retraining read, or whose change was reported.

    Sources that only monitoring has read count as changed. A database is "unknown", since it would have to be
    read to be compared.
    """
    record = _record_file(source_inputs(config), workspace.home.sources(config.name))
    if record is None:
        return "unknown"
    snapshot = _recorded_snapshot(record, workspace.home.corpus(config.name))
    runs = workspace.home.runs(config.name)
    if snapshot is not None and any(runs.glob(f"????-??-??-{snapshot.id[:8]}-*")):
        return "unchanged"
    return "unchanged" if _noted(config, workspace) == record.name else "changed"


def _noted(config: TaggerConfig, workspace: Workspace) -> str | None:
    """Return the fingerprint of the sources whose change was reported last, None if it is not known."""
    noted = NotedSources.load_or_none(workspace.home.noted_sources(config.name))
    return None if noted is None else noted.sources


def record_source_change(config: TaggerConfig, workspace: Workspace) -> None:
    """Record the sources as they are now, so that this change is reported once."""
    record = _record_file(source_inputs(config), workspace.home.sources(config.name))
    if record is not None:
        record.parent.mkdir(parents=True, exist_ok=True)
        NotedSources(record.name).save(workspace.home.noted_sources(config.name))


def read_records(snapshot: Snapshot) -> Sequence[SourceRecord]:
    """Return the assumptions of the readers about each source, none for an older snapshot without them."""
    return SourceRecords.load(snapshot.sources).sources if snapshot.sources.exists() else ()


def _were_read_alike(new: Snapshot, old: Snapshot) -> bool:
    """Return whether the same sequences were read in the same way, whatever the names of their files.

    A file that is renamed every day but has the same content gives no new snapshot.
    """

    def read(snapshot: Snapshot) -> list[SourceRecord]:
        return [
            replace(record, name="", warnings=[replace(warned, place="") for warned in record.warnings])
            for record in read_records(snapshot)
        ]

    try:
        before = read(old)
    except RunDirError:  # of another version
        return False
    return read(new) == before and are_equal_numbers(new.places, old.places)


def _log_sources(records: Sequence[SourceRecord]) -> None:
    """Log a line on how each source was read, and one on each contradiction."""
    for record in records:
        logger.info("source %s", source_sentence(record))
        for sentence in warning_sentences(record):
            logger.warning("warning: %s", sentence)


def _recorded_snapshot(record: Path | None, folder: Path) -> Snapshot | None:
    if record is None or not record.exists():
        return None
    try:
        snapshot = Snapshot(folder / ReadSnapshot.load(record).snapshot_id)
    except RunDirError:  # damaged: the sources are read again
        return None
    return None if find_manifest(snapshot.path) is None else snapshot


def _record_file(inputs: Mapping[str, str] | None, sources: Path) -> Path | None:
    """Return the file that records the snapshot of the sources, None for sources without digests."""
    if inputs is None:
        return None
    key = digest(*(text for pair in sorted(inputs.items()) for text in pair))
    return sources / f"{key[:16]}.json"
