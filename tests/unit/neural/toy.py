"""A toy language that only a reader of what comes next can tag, and the ground to train a tagger on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.config import FeaturesConfig, Metric, SchemeName, TrainConfig
from seqtag.features import Rung, TagIndex, Vocabulary, encode_corpus, index_corpus, read_encoded
from seqtag.neural import train

Sequences = Sequence[Sequence[tuple[str, str]]]  # tokens with their tags


@dataclass(frozen=True)
class Ground:
    """Splits, vocabulary and encoded data below one folder."""

    folder: Path
    features: FeaturesConfig
    metric: Metric

    @property
    def vocabulary(self) -> Path:
        return self.folder / "vocabulary"

    @property
    def encoded(self) -> Path:
        return self.folder / "encoded"

    def split(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def train(self, bundle: Path, *, seed: int = 1, on_epoch=None, **config) -> Path:
        bundle.mkdir(parents=True)
        train(
            self.encoded,
            self.vocabulary,
            config=TrainConfig(**{"batch_size": 16, "learning_rate": 0.01, "max_epochs": 1} | config),
            features=self.features,
            metric=self.metric,
            seed=seed,
            folder=bundle,
            on_epoch=on_epoch,
        )
        return bundle


def lay_ground(
    folder: Path,
    splits: dict[str, Sequences],
    *,
    scheme: SchemeName = "none",
    metric: Metric = "accuracy",
    features: FeaturesConfig | None = None,
) -> Ground:
    """Write splits and encode them; row numbers of the snapshot go on from split to split."""
    ground = Ground(folder, features or FeaturesConfig(ladder=(4, 8), window_overlap=2), metric)
    for made in (ground.vocabulary, ground.encoded):
        made.mkdir(parents=True)
    first = 0
    for name, sequences in splits.items():
        write_split(ground.split(name), sequences, name=name, first_row=first)
        first += len(sequences)
    index_corpus(
        ground.split("train"),
        declared=None,
        previous=(),
        scheme=scheme,
        config=ground.features,
        folder=ground.vocabulary,
    )
    encode_corpus(
        {name: ground.split(name) for name in splits},
        Vocabulary.load(ground.vocabulary),
        TagIndex.load(ground.vocabulary),
        config=ground.features,
        folder=ground.encoded,
    )
    return ground


def rungs_of(ground: Ground, split: str = "train") -> list[Rung]:
    vocabulary, tags = Vocabulary.load(ground.vocabulary), TagIndex.load(ground.vocabulary)
    return read_encoded(ground.encoded / split, vocabulary_digest=vocabulary.digest, tags_digest=tags.digest)


def write_split(path: Path, sequences: Sequences, *, name: str = "test", first_row: int = 0) -> None:
    n = len(sequences)
    strings = pa.list_(pa.string())
    table = pa.table(
        {
            "row": pa.array(range(first_row, first_row + n), pa.int64()),
            "sequence_id": pa.array([f"{name}#{i}" for i in range(n)]),
            "document_id": pa.array([f"{name}#{i}" for i in range(n)]),
            "split": pa.array([name] * n),
            "tokens": pa.array([[token for token, _ in sequence] for sequence in sequences], strings),
            "tags": pa.array([[tag for _, tag in sequence] for sequence in sequences], strings),
            "genre": pa.array(["toy"] * n),
        }
    )
    pq.write_table(table, path)


def toy_language(n_sequences: int, *, seed: int, longest: int = 8) -> Sequences:
    """Draw sequences of a, b and c: a "b" is tagged B-X where the next token is "c", else all is O."""
    draw = np.random.default_rng(seed)
    sequences = []
    for _ in range(n_sequences):
        tokens = draw.choice(list("abc"), size=draw.integers(1, longest + 1)).tolist()
        following = [*tokens[1:], ""]
        sequences.append(
            [(t, "B-X" if (t, f) == ("b", "c") else "O") for t, f in zip(tokens, following, strict=True)]
        )
    return sequences
