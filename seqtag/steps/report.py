"""Report: write the HTML page of a run."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from seqtag import __version__
from seqtag.artifacts import (
    DryRun,
    Manifest,
    read_json,
    require_manifest,
)
from seqtag.run_dir import RunDir
from seqtag.steps.context import (
    read_snapshot,
)
from seqtag.steps.outcome import final_decision
from seqtag.steps.step import run_step, steps_code_version

if TYPE_CHECKING:
    from seqtag.reporting import ReportContext


def report(run: RunDir, *, dry_run: DryRun | None = None) -> Manifest:
    """Write the HTML report.

    Writes `report/report.html`.
    """
    from seqtag.reporting import write_report

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
        write=lambda folder: write_report(
            profile=read_json(run.profile),
            quarantine=run.quarantine,
            metrics=read_json(run.metrics),
            decision=final_decision(run),
            history=read_json(run.history),
            config=read_json(run.config),
            optimum=read_json(run.optimum) if run.optimum.exists() else None,
            context=_context(run),
            folder=folder,
        ),
        dry_run=dry_run,
    )


def _context(run: RunDir) -> ReportContext:
    """Return what identifies the run: ids, digests and versions."""
    context: ReportContext = {
        "run_id": run.id,
        "tagger": run.tagger,
        "snapshot_id": read_snapshot(run).id,
        "code": steps_code_version(),
        "model": require_manifest(run.output("train")).digest,
        "registration": read_json(run.registration),
        "seqtag_version": __version__,
        "versions": {name: version(name) for name in ("tensorflow", "keras", "pyarrow", "numpy")},
        "links": {
            "Data docs": str(Path("..", run.data_docs.relative_to(run.path))),
            "Metrics": str(Path("..", run.metrics.relative_to(run.path))),
            "Decision": str(Path("..", run.decision.relative_to(run.path))),
        },
    }
    bundle = read_json(run.bundle)
    if bundle["vectors"] is not None:
        context["vectors"] = bundle["vectors"]
    if bundle["batch_cells"] is not None:
        context["batch_cells"] = bundle["batch_cells"]
    return context
