"""Report: write the HTML page of a run."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from seqtag import __version__
from seqtag.artifacts import Manifest, require_manifest
from seqtag.bundle_description import Bundle
from seqtag.corpus import BestPossible, CorpusChanges, Profile
from seqtag.evaluation import Metrics, TrainingHistory
from seqtag.formatting import without_verdict
from seqtag.reporting import ReportContext, RunSummary, write_changes, write_report
from seqtag.run_dir import RunDir
from seqtag.steps.context import read_config, read_snapshot
from seqtag.steps.diff import diff
from seqtag.steps.outcome import final_decision, run_warnings
from seqtag.steps.planned_run import DryRun
from seqtag.steps.register import RegisteredVersion
from seqtag.steps.step import run_step, steps_code_version


def report(run: RunDir, *, dry_run: DryRun | None = None) -> Manifest:
    """Write the HTML report.

    Writes `report/report.html`, `report/summary.json`, and with an opponent `report/changed_sequences.jsonl`.
    """
    return run_step(
        report,
        run,
        inputs={
            "validation": require_manifest(run.output("validate")).digest,
            "model": require_manifest(run.output("train")).digest,
            "evaluation": require_manifest(run.output("evaluate")).digest,
            "decision": require_manifest(run.output("decide")).digest,
            "registration": require_manifest(run.output("register")).digest,
            "promotion": require_manifest(run.output("promote")).digest,
        },
        write=lambda folder: _write(run, folder),
        dry_run=dry_run,
    )


def _write(run: RunDir, folder: Path) -> None:
    profile, metrics, decision = Profile.load(run.profile), Metrics.load(run.metrics), final_decision(run)
    changes = None if metrics.champion is None else diff(run)
    if changes is not None:
        write_changes(changes, folder / run.changed_sequences.name)
    write_report(
        profile=profile,
        quarantine=run.quarantine,
        metrics=metrics,
        decision=decision,
        history=TrainingHistory.load(run.history),
        config=read_config(run).model_dump(mode="json"),
        optimum=BestPossible.load(run.optimum) if run.optimum.exists() else None,
        changes=changes,
        corpus=CorpusChanges.load(run.corpus_changes) if run.corpus_changes.exists() else None,
        context=_context(run),
        folder=folder,
        warnings=run_warnings(run, decision),
    )
    RunSummary(
        verdict=decision.verdict,
        reason=without_verdict(decision.sentence, decision.verdict),
        metric=metrics.metric,
        score=metrics.challenger.score,
        version=RegisteredVersion.load(run.registration).version,
        quarantined=profile.quarantined.share,
    ).save(folder / run.summary.name)


def _context(run: RunDir) -> ReportContext:
    """Return what identifies the run: ids, digests and versions."""
    bundle = Bundle.load(run.output("train"))
    return ReportContext(
        run_id=run.id,
        tagger=run.tagger,
        snapshot_id=read_snapshot(run).id,
        code=steps_code_version(),
        model=require_manifest(run.output("train")).digest,
        registration=RegisteredVersion.load(run.registration),
        seqtag_version=__version__,
        versions={name: version(name) for name in ("tensorflow", "keras", "pyarrow", "numpy")},
        vectors=bundle.vectors,
        max_batch_tokens=bundle.max_batch_tokens,
        links={
            "Data docs": str(Path("..", run.data_docs.relative_to(run.path))),
            "Metrics": str(Path("..", run.metrics.relative_to(run.path))),
            "Decision": str(Path("..", run.decision.relative_to(run.path))),
        },
    )
