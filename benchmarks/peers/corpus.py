"""The corpus that all contenders read, prepared once by the steps of seqtag."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag import steps
from seqtag.config import Metric, SchemeName, Settings, TaggerConfig, redirect_library_caches
from seqtag.corpus.schema import DOCUMENT_ID
from seqtag.features import Bucket, TagIndex, Vocabulary, read_encoded, read_word_types
from seqtag.run_dir import RunDir
from seqtag.steps.context import metric, train_scheme


@dataclass(frozen=True)
class Prepared:
    """A corpus prepared for one recipe, up to encoded windows."""

    run: RunDir

    @classmethod
    def at(cls, folder: str) -> Prepared:
        return cls(RunDir(Path(folder)))

    @property
    def folder(self) -> str:
        return str(self.run.path)

    @cached_property
    def config(self) -> TaggerConfig:
        return steps.read_config(self.run)

    @property
    def scheme(self) -> SchemeName:
        return train_scheme(self.run)

    @property
    def metric(self) -> Metric:
        return metric(self.run)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary.load(self.run.output("index"))

    @cached_property
    def tags(self) -> TagIndex:
        return TagIndex.load(self.run.output("index"))

    def n_tokens(self, split: str) -> int:
        lengths = pc.list_value_length(pq.read_table(self.run.split(split), columns=["tokens"])["tokens"])
        return pc.sum(lengths).as_py()

    def buckets(self, split: str) -> list[Bucket]:
        digests = {"vocabulary_digest": self.vocabulary.digest, "tags_digest": self.tags.digest}
        return read_encoded(self.run.output("encode") / split, **digests)

    def word_ids(self, split: str) -> Mapping[str, np.ndarray]:
        """Return the only word-type feature of the recipe `base`, `<int32>[1 + n_types]`."""
        ids = self.vocabulary.ids(read_word_types(self.run.output("encode") / split))
        return {"word_ids": np.append(np.zeros(1, np.int32), ids)}


def configured(tagger: Path, changes: Mapping[str, Mapping[str, Any]]) -> TaggerConfig:
    """Read a tagger's TOML file with changes to its tables; other defaults come from the recipe."""
    tables = tomllib.loads(tagger.read_text("utf-8"))
    for name, table in changes.items():
        tables[name] = {**tables.get(name, {}), **table}
    if tables.get("train", {}).get("recipe") == "base":
        tables.pop("model", None)  # the recipe has fixed sizes
    return TaggerConfig.model_validate(tables)


def workspace_at(home: Path) -> steps.Workspace:
    """Return a workspace with a separate registry, regardless of the environment."""
    workspace = steps.Workspace.of(Settings(home=home, registry_url=None))
    redirect_library_caches(workspace.home.caches)
    return workspace


def prepare(tagger: Path, home: Path, *, recipe: str, first: Mapping[str, int] | None = None) -> Prepared:
    """Run the steps on a corpus, up to encoded windows.

    Args:
        tagger: its TOML file.
        home: the home folder to write to.
        recipe: the recipe to prepare features for.
        first: number of sequences to keep of each split; None: all.
    """
    workspace = workspace_at(home)
    config = configured(tagger, {"train": {"recipe": recipe}})
    run = split_run(config, workspace)
    if first is not None:
        cuts = {name: _first(n_sequences) for name, n_sequences in first.items()}
        run = split_run(with_changed_splits(config, run, cuts), workspace)
    steps.index(run)
    steps.encode(run)
    return Prepared(run)


def split_run(config: TaggerConfig, workspace: steps.Workspace) -> RunDir:
    """Run the steps up to train, dev and test.

    Raises:
        ConfigError: the corpus is not there.
    """
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(1970, 1, 1))
    steps.validate(run)
    steps.split(run)
    return run


def with_changed_splits(
    config: TaggerConfig, run: RunDir, changes: Mapping[str, Callable[[pa.Table], pa.Table]]
) -> TaggerConfig:
    """Write changed splits into a run directory, and return a configuration that reads them.

    Args:
        config: of the run.
        run: the run, with train, dev and test.
        changes: functions from the table of a split to another, by split.
    """
    tables, sources = config.model_dump(mode="json"), []
    for name, change in changes.items():
        path = run.path / f"changed-{name}.parquet"
        pq.write_table(change(pq.read_table(run.split(name))), path)
        sources.append(
            {
                "format": "parquet",
                "path": str(path),
                "split": name,
                "document_column": DOCUMENT_ID,
                "token_columns": list(config.corpus.token_columns),
            }
        )
    tables["corpus"]["sources"] = sources
    tables["tags"]["scheme"] = train_scheme(run)
    return TaggerConfig.model_validate(tables)


def _first(n_sequences: int) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.slice(0, n_sequences)
