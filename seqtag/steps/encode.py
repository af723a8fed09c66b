"""Encode: write padded ids as Parquet."""

from __future__ import annotations

from seqtag.artifacts import Manifest, require_manifest
from seqtag.config import SPLITS, config_inputs
from seqtag.features import ColumnIndex, TagIndex, Vocabulary, encode_corpus
from seqtag.run_dir import RunDir
from seqtag.steps.context import read_config
from seqtag.steps.planned_run import DryRun
from seqtag.steps.step import run_step


def encode(run: RunDir, *, dry_run: DryRun | None = None) -> Manifest:
    """Write padded ids as Parquet, one file per length bucket.

    Writes `encode/<split>/length=<tokens>/`.
    """
    config = read_config(run)
    return run_step(
        encode,
        run,
        inputs={
            "splits": require_manifest(run.output("split")).digest,
            "vocabulary": require_manifest(run.output("index")).digest,
            **config_inputs(config, "features", "train.sequence_weight"),
        },
        write=lambda folder: encode_corpus(
            {name: run.split(name) for name in SPLITS},
            Vocabulary.load(run.output("index")),
            TagIndex.load(run.output("index")),
            columns=ColumnIndex.load(run.output("index")),
            config=config.features,
            folder=folder,
            weight_column=config.train.sequence_weight,
        ),
        dry_run=dry_run,
    )
