"""Split: assign the accepted sequences to train, dev and test."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import pyarrow.parquet as pq

from seqtag.artifacts import Manifest, digest, require_manifest
from seqtag.config import TaggerConfig, config_inputs
from seqtag.corpus import Profile, split_corpus
from seqtag.corpus.corpus_profile import SchemeChoice
from seqtag.run_dir import RunDir, Snapshot
from seqtag.steps.context import read_config, read_snapshot
from seqtag.steps.planned_run import DryRun
from seqtag.steps.step import run_step


def split(run: RunDir, *, dry_run: DryRun | None = None) -> Manifest:
    """Assign the accepted sequences to train, dev and test.

    Writes `split/`: a Parquet file each, spans in the scheme that the model learns.
    """
    config, snapshot = read_config(run), read_snapshot(run)
    validated = require_manifest(run.output("validate"))
    chosen = Profile.load(run.profile).scheme
    return run_step(
        split,
        run,
        inputs={
            "snapshot": require_manifest(snapshot.path).digest,
            "quarantine": validated.outputs[run.quarantine.name],
            "scheme": chosen.used,
            "spelling": digest(*astuple(chosen.spelling)),
            **config_inputs(config, "split", "tags"),
        },
        write=lambda folder: write_splits(
            config, snapshot, scheme=chosen, quarantine=run.quarantine, folder=folder
        ),
        dry_run=dry_run,
    )


def write_splits(
    config: TaggerConfig, snapshot: Snapshot, *, scheme: SchemeChoice, quarantine: Path, folder: Path
) -> None:
    """Write train, dev and test of a validated snapshot into `folder`, without the quarantined sequences."""
    split_corpus(
        snapshot.parts,
        quarantined=pq.read_table(quarantine, columns=["row"])["row"].to_numpy(),
        config=config.split,
        scheme=scheme.used,
        spelling=scheme.spelling,
        train_scheme=config.tags.train_scheme,
        folder=folder,
        mark=config.tags.mark,
    )
