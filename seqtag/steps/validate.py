"""Validate: check the snapshot against the rules."""

from __future__ import annotations

import logging
from pathlib import Path

from seqtag.artifacts import Manifest, file_digest, require_manifest
from seqtag.config import TaggerConfig, config_inputs
from seqtag.corpus import Profile
from seqtag.errors import CorpusRejectedError, RunDirError
from seqtag.gate import fewest_test_documents
from seqtag.run_dir import RunDir, Snapshot
from seqtag.steps.context import read_config, read_snapshot
from seqtag.steps.ingest import read_records
from seqtag.steps.planned_run import DryRun
from seqtag.steps.run_inputs import PinnedOpponent
from seqtag.steps.step import run_step

logger = logging.getLogger(__name__)


def validate(run: RunDir, *, dry_run: DryRun | None = None) -> Manifest:
    """Check the snapshot against the rules; refuse it, or quarantine what is broken.

    Writes `validate/`: profile, quarantine and data docs, also for a corpus that is refused.

    Raises:
        CorpusRejectedError: a rule of severity "fail" broke, or the quarantine is larger than its budget.
    """
    config, snapshot = read_config(run), read_snapshot(run)
    previous, previous_digest = _champions_profile(run)
    manifest = run_step(
        validate,
        run,
        inputs={
            "snapshot": require_manifest(snapshot.path).digest,
            **config_inputs(config, "corpus", "tags", "quality", "split", "features.columns"),
            "test documents needed": str(fewest_test_documents(config.gate)),
            "champion's profile": previous_digest,
        },
        write=lambda folder: write_validation(config, snapshot, previous=previous, folder=folder),
        dry_run=dry_run,
    )
    profile = Profile.load(run.profile)
    if not profile.accepted:
        raise CorpusRejectedError(f"{profile.sentence} See {run.data_docs}")
    return manifest


def write_validation(
    config: TaggerConfig, snapshot: Snapshot, *, previous: Profile | None, folder: Path
) -> None:
    """Check a snapshot against the rules, and write profile, quarantine and data docs into `folder`.

    Args:
        previous: profile of the data that the champion was trained on.
    """
    from seqtag.quality import validate as check

    check(
        snapshot.parts,
        columns=config.corpus.columns,
        token_columns=config.corpus.token_columns,
        read_columns=config.features.columns,
        tags=config.tags,
        quality=config.quality,
        split=config.split,
        previous=previous,
        fewest_test_documents=fewest_test_documents(config.gate),
        sources=read_records(snapshot),
        places=snapshot.places,
        folder=folder,
    )


def _champions_profile(run: RunDir) -> tuple[Profile | None, str]:
    """Return the profile of the data that the champion was trained on, and the digest of its file.

    None and "" without a champion, if its run directory no longer exists, or if another version of seqtag
    wrote the profile: the rule `tag_drift` is not in force then.

    Raises:
        RunDirError: the file could not be read, which may be transient.
    """
    champion = PinnedOpponent.load(run.opponent).champion
    if champion is None:
        return None, ""
    file = RunDir(run.path.with_name(champion.run_id)).profile
    try:
        return Profile.load(file), file_digest(file)
    except RunDirError as error:
        if error.is_unreadable:
            raise
        if isinstance(error.__cause__, FileNotFoundError):
            return None, ""
        logger.warning("validate: tags are not compared with the champion's: %s", error)
        return None, ""
