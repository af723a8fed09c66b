"""Validate: check the snapshot against the rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seqtag.artifacts import (
    DryRun,
    Manifest,
    file_digest,
    read_json,
    require_manifest,
)
from seqtag.config import config_digest
from seqtag.errors import (
    CorpusRejectedError,
)
from seqtag.run_dir import RunDir
from seqtag.steps.context import (
    read_config,
    read_snapshot,
)
from seqtag.steps.ingest import read_records
from seqtag.steps.step import run_step

if TYPE_CHECKING:
    pass


def validate(run: RunDir, *, dry_run: DryRun | None = None) -> Manifest:
    """Check the snapshot against the rules; refuse it, or quarantine what is broken.

    Writes `validation/`: profile, quarantine and data docs, also for a corpus that is refused.

    Raises:
        CorpusRejectedError: a rule of severity "fail" broke, or the quarantine is larger than its budget.
    """
    from seqtag.gate import fewest_test_documents
    from seqtag.quality import validate as check

    config, snapshot = read_config(run), read_snapshot(run)
    previous = _champions_profile(run)
    fewest = fewest_test_documents(config.gate)
    manifest = run_step(
        validate,
        run,
        inputs={
            "snapshot": require_manifest(snapshot.path).digest,
            "config": config_digest(config.corpus, config.tags, config.quality, config.split),
            "fewest_test_documents": str(fewest),
            "previous": file_digest(previous) if previous else "",
        },
        write=lambda folder: check(
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
        dry_run=dry_run,
    )
    profile = read_json(run.profile)
    if not profile["accepted"]:
        raise CorpusRejectedError(f"{profile['sentence']} See {run.data_docs}")
    return manifest


def _champions_profile(run: RunDir) -> Path | None:
    """Return the profile of the data that the champion was trained on, if its run directory still exists."""
    run_id = read_json(run.opponent)["run_id"]
    profile = RunDir(run.path.with_name(run_id)).profile if run_id else None
    return profile if profile is not None and profile.exists() else None
