"""Split: assign the accepted sequences to train, dev and test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from seqtag.artifacts import (
    DryRun,
    Manifest,
    digest,
    read_json,
    require_manifest,
)
from seqtag.config import config_digest
from seqtag.run_dir import RunDir
from seqtag.steps.context import (
    read_config,
    read_snapshot,
    spelling_of,
)
from seqtag.steps.step import run_step

if TYPE_CHECKING:
    pass


def split(run: RunDir, *, dry_run: DryRun | None = None) -> Manifest:
    """Assign the accepted sequences to train, dev and test.

    Writes `splits/`: a Parquet file each, spans in the scheme that the model learns.
    """
    from seqtag.corpus import split_corpus

    config, snapshot = read_config(run), read_snapshot(run)
    validated = require_manifest(run.output("validate"))
    scheme, spelling = read_json(run.profile)["scheme"]["used"], spelling_of(run)
    return run_step(
        split,
        run,
        inputs={
            "snapshot": require_manifest(snapshot.path).digest,
            "quarantine": validated.outputs[run.quarantine.name],
            "scheme": scheme,
            "spelling": digest(*spelling.to_json().values()),
            "config": config_digest(config.split, config.tags),
        },
        write=lambda folder: split_corpus(
            snapshot.parts,
            quarantined=pq.read_table(run.quarantine, columns=["row"])["row"].to_numpy(),
            config=config.split,
            scheme=scheme,
            spelling=spelling,
            train_scheme=config.tags.train_scheme,
            folder=folder,
            mark=config.tags.mark,
        ),
        dry_run=dry_run,
    )
