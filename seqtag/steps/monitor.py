"""Monitor: compare new data with the data of the champion."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from seqtag.artifacts import digest, file_digest, require_manifest
from seqtag.config import MonitorConfig, TaggerConfig, config_inputs
from seqtag.corpus import Profile, expand
from seqtag.errors import CorpusFormatError
from seqtag.features import TagIndex, Vocabulary
from seqtag.features.column_index import ColumnIndex
from seqtag.registry import Champion
from seqtag.reporting import drift_markdown
from seqtag.run_dir import MonitorReport, RunDir, Snapshot
from seqtag.steps.context import Workspace, output_scheme, read_config, read_snapshot, train_scheme
from seqtag.steps.step import write_output

if TYPE_CHECKING:  # seqtag.monitoring takes half a second to import, for SciPy, in every command
    import pyarrow as pa

    from seqtag.monitoring import (
        AgeAlarm,
        Compared,
        CountColumns,
        DriftReport,
        LastNotice,
        Origin,
        ProfilePair,
        TrainingReference,
    )

    Read = Callable[[], Iterator[pa.RecordBatch]]

logger = logging.getLogger(__name__)


def monitor(
    config: TaggerConfig,
    workspace: Workspace,
    snapshot: Snapshot,
    *,
    as_of: date,
    tagged_logs: Path | None = None,
    last_run: date | None = None,
) -> MonitorReport:
    """Compare a snapshot, and what the champion tagged meanwhile, with the data of the champion's run.

    The reference is the champion's snapshot; of tagged logs it is the test split as the champion tagged it.
    `seqtag.monitoring` says why. Writes `monitoring/<tagger>/<as_of>-<snapshot>/drift.json`.

    Args:
        as_of: the day of the scheduled start.
        tagged_logs: a file or folder of Parquet or JSON Lines, see `seqtag.monitoring.read_tagged`.
        last_run: the day on which a retraining last came to its end, also one that found nothing new.

    Raises:
        RegistryError: the registry could not be asked who the champion is.
        RunDirError: the champion's run directory is no longer there, or was changed.
        CorpusFormatError: the logs cannot be read.
    """
    champion = workspace.registry().champion(config.name)
    report = MonitorReport.of(workspace.home, config.name, snapshot, day=as_of.isoformat())
    run = None if champion is None else RunDir(workspace.home.runs(config.name) / champion.seqtag_run_id)
    inputs = {
        "snapshot": require_manifest(snapshot.path).digest,
        "logs": "" if tagged_logs is None else _digest_of_logs(tagged_logs),
        **config_inputs(config, "monitor", "seed"),
        "last_run": str(last_run),
        "champion": "" if champion is None else champion.version,
        **({} if run is None else _inputs_of_run(run)),
    }
    write_output(
        monitor,
        report.path,
        inputs=inputs,
        write=lambda folder: _found(
            config, champion, run, snapshot, tagged_logs, as_of=as_of, last_run=last_run
        ).save(folder / report.drift.name),
    )
    found = drift(report)
    logger.info("monitor: %s (%s): %s", found.verdict, found.rule, found.sentence)
    return report


def drift_of_tagged(
    config: TaggerConfig, run: RunDir, sequences: Path, *, version: str, snapshot_id: str, as_of: date
) -> DriftReport:
    """Compare sequences that a version tagged with the test split of its run.

    Args:
        run: the run that trained the version.
        sequences: folder of Parquet files.

    Raises:
        RunDirError: the run directory is no longer there, or was changed.
    """
    from seqtag.monitoring import MonitoredChampion, drift_findings

    for output in ("split", "index", "evaluate"):
        require_manifest(run.output(output))
    known, layout = _known(run)
    return drift_findings(
        [_compare_logs(config.monitor, run, sequences, known, layout, version=version)],
        (),
        champion=MonitoredChampion(version, run.id, read_snapshot(run).id),
        compared="all",
        snapshot_id=snapshot_id,
        as_of=as_of,
        config=config,
    )


def drift_card(report: MonitorReport) -> str:
    """Return the drift card as Markdown."""
    return drift_markdown(drift(report))


def tagged_logs_path(config: TaggerConfig, named: str | None) -> Path | None:
    """Return the path of the tagged logs: as given, else from [monitor], with variables expanded.

    Raises:
        ConfigError: a variable is not set.
    """
    logs = named or config.monitor.tagged_logs
    return None if logs is None else Path(expand(logs, key="monitor.tagged_logs"))


def drift(report: MonitorReport) -> DriftReport:
    """Return the content of `drift.json`."""
    from seqtag.monitoring import DriftReport

    return DriftReport.load(report.drift)


def drift_notice(report: MonitorReport) -> tuple[str, str]:
    """Return subject and body of the notice about drift, as plain text."""
    found = drift(report)
    return f"{report.tagger}: {found.verdict} ({found.rule})", found.sentence


def is_new_verdict(report: MonitorReport) -> bool:
    """Return whether verdict, rule or alarms differ from those that were reported last."""
    from seqtag.monitoring import LastNotice

    now, last = drift(report), _last_notice(report)
    return now.verdict != "steady" if last is None else LastNotice.of(now) != last


def record_notified(report: MonitorReport) -> None:
    """Record what was reported, so that it is not reported again."""
    from seqtag.monitoring import LastNotice

    LastNotice.of(drift(report)).save(report.last_notice)


def _last_notice(report: MonitorReport) -> LastNotice | None:
    """Return what was reported last, None if nothing was, or by another version of seqtag.

    Raises:
        RunDirError: the file could not be read, which may be transient.
    """
    from seqtag.monitoring import LastNotice

    return LastNotice.load_or_none(report.last_notice)


def _inputs_of_run(run: RunDir) -> dict[str, str]:
    return {
        "splits": require_manifest(run.output("split")).digest,
        "vocabulary": require_manifest(run.output("index")).digest,
        "evaluation": require_manifest(run.output("evaluate")).digest,
    }


def _digest_of_logs(path: Path) -> str:
    if not path.exists():
        raise CorpusFormatError(f"{path}: no such file or folder of tagged logs; correct monitor.tagged_logs")
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return digest(*(part for file in files for part in (str(file.relative_to(path)), file_digest(file))))


def _found(
    config: TaggerConfig,
    champion: Champion | None,
    run: RunDir | None,
    snapshot: Snapshot,
    tagged_logs: Path | None,
    *,
    as_of: date,
    last_run: date | None,
) -> DriftReport:
    from seqtag.monitoring import MonitoredChampion, drift_findings, without_champion

    if champion is None or run is None:
        return without_champion(snapshot_id=snapshot.id, as_of=as_of, config=config)
    known, layout = _known(run)
    compared, snapshots = _compare_snapshot(config.monitor, run, snapshot, known, layout)
    comparisons = [snapshots]
    if tagged_logs is not None:
        logs = _compare_logs(config.monitor, run, tagged_logs, known, layout, version=champion.version)
        comparisons.append(logs)
    return drift_findings(
        comparisons,
        _ages(config.monitor, run, as_of=as_of, last_run=last_run),
        champion=MonitoredChampion(champion.version, run.id, read_snapshot(run).id),
        compared=compared,
        snapshot_id=snapshot.id,
        as_of=as_of,
        config=config,
    )


def _known(run: RunDir) -> tuple[TrainingReference, CountColumns]:
    from seqtag.monitoring import CountColumns, TrainingReference, learn_bins, read_labelled

    scheme = train_scheme(run)
    train = read_labelled([run.split("train")], scheme=scheme, spelled=scheme)
    words = Vocabulary.load(run.output("index")).words
    tags = TagIndex.load(run.output("index")).tags
    config = read_config(run)
    known = TrainingReference.of_training(
        train, words=words, scheme=scheme, min_count=config.features.min_count
    )
    bins = learn_bins(run.split("train"), ColumnIndex.load(run.output("index")))
    return known, CountColumns.of(tags, scheme, partial=config.tags.partial, bins=bins)


def _compare_snapshot(
    config: MonitorConfig, run: RunDir, snapshot: Snapshot, known: TrainingReference, layout: CountColumns
) -> tuple[Compared, ProfilePair]:
    """Return whether `all` of the snapshot was compared or what is `new` in it, and the comparison."""
    from seqtag.monitoring import EarlierSequences, is_grown, read_labelled, read_reference

    scheme = Profile.load(run.profile).scheme
    used, spelling = scheme.used, scheme.spelling
    before, mark = read_snapshot(run).parts, read_config(run).tags.mark
    further = () if config.period_column is None else (config.period_column,)

    def reference() -> Iterator[pa.RecordBatch]:
        train = run.split("train")
        return read_reference(
            before,
            train=train,
            scheme=used,
            spelled=layout.scheme,
            spelling=spelling,
            further=further,
            mark=mark,
        )

    def whole() -> Iterator[pa.RecordBatch]:
        return read_labelled(
            snapshot.parts,
            scheme=used,
            spelled=layout.scheme,
            spelling=spelling,
            mark=mark,
        )

    earlier = EarlierSequences(read_labelled(before, scheme=used, spelled=used))
    grown = is_grown(earlier, whole(), compare=config.compare)
    current = (lambda: earlier.left_out(whole())) if grown else whole
    return "new" if grown else "all", _comparison("snapshot", reference, current, known, layout, config)


def _compare_logs(
    config: MonitorConfig,
    run: RunDir,
    logs: Path,
    known: TrainingReference,
    layout: CountColumns,
    *,
    version: str,
) -> ProfilePair:
    from seqtag.monitoring import RepeatedSequences, profile_period, read_labelled, read_tagged

    def reference() -> Iterator[pa.RecordBatch]:
        return read_tagged(run.predictions("challenger"), scheme=layout.scheme, spelled=layout.scheme)

    def current() -> Iterator[pa.RecordBatch]:
        cut = read_config(run).corpus.cut
        scheme = output_scheme(run)
        return read_tagged(logs, scheme=scheme, spelled=layout.scheme, cut=cut, version=version)

    undated = config.model_copy(update={"period_column": None})
    held = RepeatedSequences(read_labelled(read_snapshot(run).parts, scheme="none", spelled="none"))
    if not held.has_derived_documents:
        return _comparison("logs", reference, current, known, layout, undated)
    found = _comparison(
        "logs",
        lambda: held.of_one_document(reference()),
        lambda: held.not_held(current()),
        known,
        layout,
        undated,
    )
    return replace(found, arrived=profile_period(current(), layout=layout, known=known))


def _comparison(
    origin: Origin,
    reference: Read,
    current: Read,
    known: TrainingReference,
    layout: CountColumns,
    config: MonitorConfig,
) -> ProfilePair:
    from seqtag.monitoring import ProfilePair, extent, plan_blocks, profile_period

    now = profile_period(current(), layout=layout, known=known)
    size = extent(reference(), column=config.period_column, length=config.period)
    blocks = plan_blocks(size, n_tokens=now.n_tokens, config=config)
    if blocks.column is not None:
        known = known.without_periods(reference(), blocks=blocks, scheme=layout.scheme)
    before = profile_period(reference(), layout=layout, known=known, blocks=blocks)
    return ProfilePair(origin, before, now)


def _ages(config: MonitorConfig, run: RunDir, *, as_of: date, last_run: date | None) -> list[AgeAlarm]:
    from seqtag.monitoring import model_age, retraining_gap

    found = [
        model_age(date.fromisoformat(run.as_of), as_of=as_of, max_days=config.max_model_age_days),
        retraining_gap(last_run, as_of=as_of, max_days=config.max_silence_days),
    ]
    return [alarm for alarm in found if alarm is not None]
