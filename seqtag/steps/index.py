"""Index: number words, characters and tags of train."""

from __future__ import annotations

from pathlib import Path

from seqtag.artifacts import Manifest, digest, require_manifest
from seqtag.config import config_inputs
from seqtag.corpus import files_digest
from seqtag.features import (
    SEEN,
    TESTED,
    ColumnIndex,
    Vocabulary,
    index_corpus,
    index_vectors,
    learn_columns,
    read_gazetteers,
    write_sequence_hashes,
)
from seqtag.run_dir import RunDir
from seqtag.steps.context import declared_tags, read_config, train_scheme
from seqtag.steps.planned_run import DryRun
from seqtag.steps.run_inputs import PinnedOpponent, joint_runs
from seqtag.steps.step import run_step


def index(run: RunDir, *, dry_run: DryRun | None = None) -> Manifest:
    """Number the words, characters and tags of train.

    Writes `index/`, with static vectors of its words and the hashes of the sequences of all splits.
    """
    config = read_config(run)
    champion, source = PinnedOpponent.load(run.opponent).champion, config.model.vectors
    previous = () if champion is None else champion.tags
    splits, declared = require_manifest(run.output("split")), declared_tags(run)
    first = joint_runs(run)[0]  # whose words and columns all runs have that are trained together
    is_first = first.path == run.path

    def write(folder: Path) -> None:
        vocabulary, _ = index_corpus(
            run.split("train"),
            declared=declared,
            previous=previous,
            scheme=train_scheme(run),
            config=config.features,
            folder=folder,
            vocabulary=None if is_first else Vocabulary.load(first.output("index")),
        )
        if is_first:
            gazetteers = read_gazetteers(config.features.gazetteers, config.features.fold)
            learn_columns(run.split("train"), config.features.columns, folder, gazetteers=gazetteers)
        else:
            ColumnIndex.load(first.output("index")).save(folder)
        if source is not None:
            n_frequent = config.model.frequent_words
            index_vectors(source, vocabulary, n_frequent=n_frequent, folder=folder)
        shown = [run.split("train"), run.split("dev")]
        write_sequence_hashes(shown, folder / SEEN, min_length=config.quality.leakage_min_length)
        write_sequence_hashes([run.split("test")], folder / TESTED, min_length=1)

    return run_step(
        index,
        run,
        inputs={
            "train split": splits.outputs[run.split("train").name],
            "dev split": splits.outputs[run.split("dev").name],
            "test split": splits.outputs[run.split("test").name],
            "scheme": train_scheme(run),
            **config_inputs(config, "tags", "features", "quality.leakage_min_length"),
            **({} if source is None else config_inputs(config, "model")),
            **{f"gazetteer {each.name}": files_digest(each.path) for each in config.features.gazetteers},
            "word vectors": "" if source is None else files_digest(source),
            "champion's tags": digest(*previous),
            "declared tags": digest(*(declared or ())),
            **({} if is_first else {"words of": require_manifest(first.output("index")).digest}),
        },
        write=write,
        dry_run=dry_run,
    )
