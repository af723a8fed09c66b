"""Toy languages, and corpora in them to train taggers on.

The tags of one language depend on the next token, those of the other one on suffixes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.config import FeaturesConfig, Metric, ModelConfig, SchemeName, TaggerConfig, TrainConfig
from seqtag.features import Bucket, TagIndex, Vocabulary, encode_corpus, index_corpus, read_encoded, windows
from seqtag.neural import TagColumn, train

Sequences = Sequence[Sequence[tuple[str, str]]]  # tokens with their tags

SMALL = ModelConfig(  # small layers, for fast tests
    word_size=12, affix_size=8, affix_buckets=1024, character_size=6, character_filters=8, units=12
)


@dataclass(frozen=True)
class ToyCorpus:
    """Splits, vocabulary and encoded data in one folder."""

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

    def train(
        self,
        bundle: Path,
        *,
        seed: int = 1,
        output: str = "auto",
        output_scheme=None,
        checkpoints=None,
        halved: bool = False,
        on_epoch=None,
        **train_settings,
    ) -> Path:
        """Train for one epoch or more, by default the recipe `default` with small layers."""
        bundle.mkdir(parents=True)
        config = train_config(**{"batch_size": 16, "learning_rate": 0.01, "max_epochs": 1} | train_settings)
        small = SMALL.model_copy(update={"output": output})
        train(
            [TagColumn(self.encoded, self.vocabulary, bundle, self.metric, output_scheme)],
            config=config,
            model=small if config.recipe == "default" else ModelConfig(),
            features=self.features,
            seed=seed,
            checkpoints=checkpoints,
            halved=halved,
            on_epoch=on_epoch,
        )
        return bundle


def train_config(**settings) -> TrainConfig:
    """Return the training configuration with these settings and the defaults of their recipe."""
    corpus = {"sources": [{"format": "sample"}]}
    return TaggerConfig.model_validate({"name": "toy", "corpus": corpus, "train": settings}).train


def make_corpus(
    folder: Path,
    splits: dict[str, Sequences],
    *,
    scheme: SchemeName = "none",
    metric: Metric = "accuracy",
    features: FeaturesConfig | None = None,
) -> ToyCorpus:
    """Write splits and encode them; row numbers of the snapshot continue from split to split."""
    corpus = ToyCorpus(folder, features or FeaturesConfig(bucket_lengths=(4, 8), window_overlap=2), metric)
    for subfolder in (corpus.vocabulary, corpus.encoded):
        subfolder.mkdir(parents=True)
    first = 0
    for name, sequences in splits.items():
        write_split(corpus.split(name), sequences, name=name, first_row=first)
        first += len(sequences)
    index_corpus(
        corpus.split("train"),
        declared=None,
        previous=(),
        scheme=scheme,
        config=corpus.features,
        folder=corpus.vocabulary,
    )
    encode_corpus(
        {name: corpus.split(name) for name in splits},
        Vocabulary.load(corpus.vocabulary),
        TagIndex.load(corpus.vocabulary),
        config=corpus.features,
        folder=corpus.encoded,
    )
    return corpus


def buckets_of(corpus: ToyCorpus, split: str = "train") -> list[Bucket]:
    vocabulary, tags = Vocabulary.load(corpus.vocabulary), TagIndex.load(corpus.vocabulary)
    return read_encoded(corpus.encoded / split, vocabulary_digest=vocabulary.digest, tags_digest=tags.digest)


def bucket(word_type_ids, tag_ids, *, rows=None, weights=None) -> Bucket:
    """Return a bucket of sequences with one window each; word type ids are also the word ids."""
    word_type_ids, tag_ids = np.array(word_type_ids, np.int32), np.array(tag_ids, np.int32)
    n_windows, length = word_type_ids.shape
    return Bucket(
        length=length,
        row=np.arange(n_windows) if rows is None else np.array(rows),
        weight=np.ones(n_windows, np.float32) if weights is None else np.array(weights, np.float32),
        windows=windows(np.count_nonzero(word_type_ids, axis=1), buckets=[length], overlap=0),
        token_ids=word_type_ids,
        word_type_ids=word_type_ids,
        tag_ids=tag_ids,
    )


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
    """Draw sequences of a, b and c: a "b" before a "c" is tagged B-X, everything else O."""
    draw = np.random.default_rng(seed)
    sequences = []
    for _ in range(n_sequences):
        tokens = draw.choice(list("abc"), size=draw.integers(1, longest + 1)).tolist()
        following = [*tokens[1:], ""]
        sequences.append(
            [(t, "B-X" if (t, f) == ("b", "c") else "O") for t, f in zip(tokens, following, strict=True)]
        )
    return sequences


def suffix_language(n_sequences: int, *, seed: int, letters: str, longest: int = 8) -> Sequences:
    """Draw sequences of names, verbs in -ed, "the" and "of"; all tokens outside names are O.

    A name is a word in -ton, tagged B-X, followed by up to two words in -ly, tagged I-X. Stems consist of
    `letters`, so that words of disjoint letters are all different.
    """
    draw = np.random.default_rng(seed)

    def word(suffix: str) -> str:
        return "".join(draw.choice(list(letters), size=4)) + suffix

    sequences = []
    for _ in range(n_sequences):
        sequence: list[tuple[str, str]] = []
        length = draw.integers(1, longest + 1)
        while len(sequence) < length:
            kind = draw.choice(["function", "verb", "name"], p=[0.4, 0.3, 0.3])
            if kind == "function":
                sequence.append((str(draw.choice(["the", "of"])), "O"))
            elif kind == "verb":
                sequence.append((word("ed"), "O"))
            else:
                sequence += [(word("ton"), "B-X"), *((word("ly"), "I-X") for _ in range(draw.integers(3)))]
        sequences.append(sequence[:length])
    return sequences


def without_native_operations():
    """Return a context in which networks are built for XLA, as where the library cannot be loaded."""
    return mock.patch("seqtag.neural.native.operations", return_value=None)
