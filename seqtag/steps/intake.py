"""From sources to accepted sequences in splits: ingest, open_run, validate, split."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow.parquet as pq

from seqtag.artifacts import (
    Manifest,
    file_digest,
    file_lock,
    find_manifest,
    publish,
    read_json,
    require_manifest,
    scratch_folder,
    write_json,
)
from seqtag.code_version import code_version
from seqtag.config import TaggerConfig, config_digest
from seqtag.errors import CorpusChangedError, CorpusRejectedError, RunDirError
from seqtag.run_dir import RunDir, Snapshot
from seqtag.steps.approval import require_approval
from seqtag.steps.context import (
    Workspace,
    digest,
    read_config,
    read_snapshot,
    spelling_of,
    step,
    steps_code_version,
)

if TYPE_CHECKING:
    from seqtag.corpus import SourceRecord
    from seqtag.registry import Champion

_MOST_EARLIER = 50  # runs

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


def read_records(snapshot: Snapshot) -> list[SourceRecord]:
    """Return what the readers assumed about each source of a snapshot."""
    from seqtag.corpus import read_source_records

    return read_source_records(snapshot.sources)


def _log_sources(records: Sequence[SourceRecord]) -> None:
    """Say in one line how each source was read, and in one more what contradicts it."""
    from seqtag.corpus import source_sentence, warning_sentences

    for record in records:
        logger.info("source %s", source_sentence(record))
        for sentence in warning_sentences(record):
            logger.warning("warning: %s", sentence)


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


def open_run(config: TaggerConfig, snapshot: Snapshot, workspace: Workspace, *, as_of: date) -> RunDir:
    """Return the run directory of this configuration, snapshot and code, begun at `as_of` if it is new.

    The champion of this moment is pinned as the opponent; a run whose own model became champion in the
    meantime keeps the opponent it was judged against.

    Raises:
        RegistryError: the registry could not be asked who the champion is.
    """
    name, run = matching_run(config, snapshot, workspace)
    if run is None:
        run = RunDir(workspace.home.runs(config.name) / f"{as_of:%Y-%m-%d}-{name}")
    champion = workspace.registry().champion(config.name)
    run.path.mkdir(parents=True, exist_ok=True)
    with file_lock(run.path / ".lock"):
        write_run_inputs(run, config, snapshot)
        require_approval(run, required=config.approval.required)
        if not keeps_opponent(run, champion):
            write_opponent(run, champion, workspace)
    logger.info("run directory %s", run.path)
    return run


def matching_run(config: TaggerConfig, snapshot: Snapshot, workspace: Workspace) -> tuple[str, RunDir | None]:
    """Return the name, but for the day, of what such a run is called, and that run if it has begun."""
    key = digest(config_digest(config), snapshot.id, steps_code_version())
    name = f"{snapshot.id[:8]}-{key[:8]}"
    begun = sorted(workspace.home.runs(config.name).glob(f"????-??-??-{name}"))
    return name, RunDir(begun[0]) if begun else None


def keeps_opponent(run: RunDir, champion: Champion | None) -> bool:
    """Tell whether the champion is a run's own model, which stays judged against the one before it."""
    return champion is not None and champion.seqtag_run_id == run.id and run.opponent.exists()


def write_run_inputs(run: RunDir, config: TaggerConfig, snapshot: Snapshot) -> None:
    """Write the configuration, with every default, and the address of the snapshot."""
    write_json(run.config, config.model_dump(mode="json"))
    write_json(run.snapshot_address, {"path": str(snapshot.path)})


def write_opponent(run: RunDir, champion: Champion | None, workspace: Workspace) -> None:
    """Write who the run is judged against, which runs came before, and what their comparisons have spent.

    A run that is opened again with the same opponent keeps what it was opened with the first time: it is the
    same comparison, and spends nothing new.
    """
    opponent: dict[str, Any] = {
        "version": champion.version if champion else None,
        "run_id": champion.seqtag_run_id if champion else None,
        "bundle": str(champion.bundle) if champion else None,
        "digest": champion.bundle_digest if champion else None,
        "serving": champion.serving if champion else None,
        "tags": list(champion.tags) if champion else [],
        "tag_counts": dict(champion.tag_counts) if champion else {},
        "config": None,
        "scores": None,
    }
    if champion is not None:
        logged = workspace.registry().logged(run.tagger, champion.version)
        opponent |= {"config": logged["config"], "scores": _scores_of(logged["metrics"])}
    known = read_json(run.opponent) if run.opponent.exists() and run.earlier.exists() else None
    if known != opponent:
        horizon = read_config(run).gate.horizon
        recent = workspace.registry().comparisons(run.tagger)[-(horizon - 1) :] if horizon > 1 else []
        evaluated = run.path.parent.glob("????-??-??-*/evaluation/metrics.json")
        in_time = sorted(evaluated, key=lambda path: (path.stat().st_mtime_ns, path))
        runs = [path.parents[1].name for path in in_time if path.parents[1] != run.path]
        spent = sum(comparison.spent for comparison in recent)
        earlier = {"comparisons": len(recent), "spent": spent, "runs": runs[-_MOST_EARLIER:]}
        write_json(run.earlier, earlier)
    write_json(run.opponent, opponent)


def _scores_of(metrics: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a champion's scores when it was judged itself, by part of its test split."""
    from seqtag.gate import score_parts

    return None if metrics is None else score_parts(metrics["challenger"])


def validate(run: RunDir) -> Manifest:
    """Judge the snapshot. Writes `validation/`: profile, quarantine and data docs, also when it refuses.

    Raises:
        CorpusRejectedError: a rule of severity "fail" broke, or the quarantine is over its budget.
    """
    from seqtag.gate import fewest_test_documents
    from seqtag.quality import validate as judge

    config, snapshot = read_config(run), read_snapshot(run)
    previous = _champions_profile(run)
    fewest = fewest_test_documents(config.gate)
    manifest = step(
        run.validation,
        "validate",
        {
            "snapshot": require_manifest(snapshot.path).digest,
            "config": config_digest(config.corpus, config.tags, config.quality, config.split),
            "fewest_test_documents": str(fewest),
            "previous": file_digest(previous) if previous else "",
        },
        lambda folder: judge(
            snapshot.parts,
            columns=config.corpus.columns,
            tags=config.tags,
            quality=config.quality,
            split=config.split,
            previous=read_json(previous) if previous else None,
            fewest_test_documents=fewest,
            sources=read_records(snapshot),
            places=snapshot.places,
            folder=folder,
        ),
    )
    profile = read_json(run.profile)
    if not profile["accepted"]:
        raise CorpusRejectedError(f"{profile['sentence']} See {run.data_docs}")
    return manifest


def split(run: RunDir) -> Manifest:
    """Deal the accepted sequences out. Writes `splits/`: train, dev and test, spans in the train scheme."""
    from seqtag.corpus import split_corpus

    config, snapshot = read_config(run), read_snapshot(run)
    validated = require_manifest(run.validation)
    scheme, spelling = read_json(run.profile)["scheme"]["used"], spelling_of(run)
    return step(
        run.splits,
        "split",
        {
            "snapshot": require_manifest(snapshot.path).digest,
            "quarantine": validated.outputs[run.quarantine.name],
            "scheme": scheme,
            "spelling": digest(*spelling.to_json().values()),
            "config": config_digest(config.split, config.tags),
        },
        lambda folder: split_corpus(
            snapshot.parts,
            quarantined=pq.read_table(run.quarantine, columns=["row"])["row"].to_numpy(),
            config=config.split,
            scheme=scheme,
            spelling=spelling,
            train_scheme=config.tags.train_scheme,
            folder=folder,
            mark=config.tags.mark,
        ),
    )


def _champions_profile(run: RunDir) -> Path | None:
    """Return the profile of the data that the champion was trained on, if its run directory still stands."""
    run_id = read_json(run.opponent)["run_id"]
    profile = RunDir(run.path.with_name(run_id)).profile if run_id else None
    return profile if profile is not None and profile.exists() else None
