"""A pool of trained models with their predictions for a population of documents, cached on disk.

Each model is CRFsuite's averaged perceptron, trained on a resample of the train split of UD English-EWT. The
population is dev and test together: the score of a model on all of it is its true score, and a simulated test
split is a random sample of its documents.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag import steps
from seqtag.baseline import write_baseline
from seqtag.config import Settings, load_tagger

CHECKOUT = Path(__file__).resolve().parents[2]
NOISY, INSTEAD = "NOUN", "PROPN"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, order=True)
class Training:
    """Training of a model: number and size of the resample, and the share of NOISY tags relabelled."""

    number: int
    n_sequences: int
    noise: float = 0.0

    def predictions(self, folder: Path) -> Path:
        return folder / f"{self.n_sequences}-{self.noise:g}-{self.number:03}.parquet"


@dataclass(frozen=True, eq=False)
class Pool:
    """Models and the documents that they tagged.

    sequences: the population as a table of a split, in the order of `document`
    document: <int64>[n_sequences]         index of the document, ascending
    offsets: <int64>[n_sequences + 1]      offsets of the sequences in tokens
    gold: <uint8>[n_tokens]                indices into `tags`
    predicted: <uint8>[n_models, n_tokens]
    """

    trainings: tuple[Training, ...]
    sequences: pa.Table
    document: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    tags: tuple[str, ...]
    gold: npt.NDArray[np.uint8]
    predicted: npt.NDArray[np.uint8]

    @property
    def n_documents(self) -> int:
        return int(self.document[-1]) + 1

    @property
    def n_tokens(self) -> int:
        return len(self.gold)

    @cached_property
    def document_of_token(self) -> npt.NDArray[np.int64]:
        return np.repeat(self.document, np.diff(self.offsets))

    @cached_property
    def first_tokens(self) -> npt.NDArray[np.int64]:
        """`<int64>[n_documents]`, the first token of each document."""
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """`<int64>[n_documents]`, in tokens."""
        return np.bincount(self.document_of_token)

    @cached_property
    def n_right(self) -> npt.NDArray[np.int64]:
        """`<int64>[n_models]`, correct tokens in the population; divided by all tokens: the true scores."""
        return (self.predicted == self.gold).sum(axis=1)


def train_pool(folder: Path, trainings: Sequence[Training]) -> None:
    """Train the models whose predictions are not in the folder yet."""
    folder.mkdir(parents=True, exist_ok=True)
    train, population = folder / "train.parquet", folder / "population.parquet"
    if not population.exists():
        _write_splits(train, population)
    missing = [training for training in trainings if not training.predictions(folder).exists()]
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        train_one = partial(_train, train=train, population=population, folder=folder)
        for done, _ in enumerate(processes.map(train_one, missing), 1):
            logger.info("trained %d of %d models", done, len(missing))


def read_pool(folder: Path, trainings: Sequence[Training]) -> Pool:
    """Read the cached predictions of these trainings."""
    sequences = pq.read_table(folder / "population.parquet")
    _, document = np.unique(sequences["document_id"].to_numpy(), return_inverse=True)
    gold = pc.list_flatten(sequences["tags"])
    tags = sorted(pc.unique(gold).to_pylist())

    def numbered(values: pa.ChunkedArray) -> npt.NDArray[np.uint8]:
        return pc.index_in(values, value_set=pa.array(tags)).to_numpy().astype(np.uint8)

    tables = (pq.read_table(training.predictions(folder)) for training in trainings)
    return Pool(
        trainings=tuple(trainings),
        sequences=sequences,
        document=document,
        offsets=np.append(0, np.cumsum(pc.list_value_length(sequences["tags"]).to_numpy())),
        tags=tuple(tags),
        gold=numbered(gold),
        predicted=np.stack([numbered(pc.list_flatten(table["predicted"])) for table in tables]),
    )


def _write_splits(train: Path, population: Path) -> None:
    """Write train and population of UD English-EWT, as read and validated by the steps."""
    with tempfile.TemporaryDirectory() as home:
        workspace = steps.Workspace.of(Settings(home=Path(home)))
        config = load_tagger(CHECKOUT / "deployments/taggers/ud-english-ewt.toml")
        run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))
        steps.validate(run)
        steps.split(run)
        pq.write_table(pq.read_table(run.split("train")), train)
        both = pa.concat_tables([pq.read_table(run.split(name)) for name in ("dev", "test")])
        pq.write_table(both.sort_by([("document_id", "ascending"), ("row", "ascending")]), population)


def _train(training: Training, *, train: Path, population: Path, folder: Path) -> None:
    random = np.random.default_rng([training.number, training.n_sequences])
    sequences = pq.read_table(train)
    sample = sequences.take(random.integers(0, len(sequences), training.n_sequences))
    with tempfile.TemporaryDirectory(dir=folder) as name:
        resampled, tagged = Path(name, "train.parquet"), Path(name, "tagged.parquet")
        pq.write_table(_relabelled(sample, training.noise, random), resampled)
        write_baseline(resampled, population, tagged, algorithm="crfsuite-ap", seed=training.number)
        kept = Path(name, "kept.parquet")
        pq.write_table(pq.read_table(tagged, columns=["predicted"]), kept, compression="zstd")
        kept.rename(training.predictions(folder))


def _relabelled(table: pa.Table, share: float, random: np.random.Generator) -> pa.Table:
    """Replace a share of the NOISY tags by INSTEAD."""
    tags = table["tags"].combine_chunks()
    values = np.array(tags.values.to_pylist(), dtype=object)
    chosen = (values == NOISY) & (random.random(len(values)) < share)
    replaced = pa.ListArray.from_arrays(
        tags.offsets, pa.array(np.where(chosen, INSTEAD, values), pa.string())
    )
    return table.set_column(table.schema.get_field_index("tags"), "tags", replaced)
