"""Encoded splits to train on, for one column of tags or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from seqtag.config import Metric, ModelConfig, SchemeName
from seqtag.features import (
    Bucket,
    ColumnIndex,
    TagIndex,
    Vectors,
    Vocabulary,
    read_encoded,
    read_word_types,
)
from seqtag.neural.export.bundle import bundled_vectors
from seqtag.neural.training.joint_windows import joint_windows, windows_of_column
from seqtag.neural.windowed_inference import WordTypeTable

if TYPE_CHECKING:
    from seqtag.neural.layers.token_features import TokenFeatures


@dataclass(frozen=True)
class TagColumn:
    """A column of tags to learn, and where its bundle is written.

    encoded: folder of the encoded splits; `train` and `dev` are read
    vocabulary: folder of words, characters and tags
    folder: folder of the bundle
    metric: dev metric that selects the best epoch
    output_scheme: tag scheme of the output; None for the scheme of training
    """

    encoded: Path
    vocabulary: Path
    folder: Path
    metric: Metric
    output_scheme: SchemeName | None = None


@dataclass(frozen=True)
class TrainingData:
    """Encoded train and dev, with the indices that they were encoded with."""

    words: Vocabulary
    token_columns: ColumnIndex
    tags: Sequence[TagIndex]  # of each column of tags
    vectors: Vectors | None
    tokens: TokenFeatures
    train: Sequence[Bucket]
    dev: Sequence[Bucket]
    train_word_types: WordTypeTable
    dev_word_types: WordTypeTable

    @classmethod
    def read(cls, columns: Sequence[TagColumn], model: ModelConfig) -> Self:
        """Read the splits; word types and everything but the tags are those of the first column.

        Large buckets are in files without a name, in the folder of the first bundle; those of several columns
        are copied into memory.
        """
        from seqtag.neural.layers.token_features import TokenFeatures

        encoded, vocabulary = columns[0].encoded, columns[0].vocabulary
        words, token_columns = Vocabulary.load(vocabulary), ColumnIndex.load(vocabulary)
        tags = [TagIndex.load(column.vocabulary) for column in columns]
        vectors = bundled_vectors(vocabulary)
        tokens = TokenFeatures(words, affix_buckets=model.affix_buckets, vectors=vectors)

        def windows(split: str) -> Sequence[Bucket]:
            of_columns = [
                read_encoded(
                    column.encoded / split,
                    vocabulary_digest=words.digest,
                    tags_digest=index.digest,
                    columns=token_columns,
                    scratch=columns[0].folder,
                )
                for column, index in zip(columns, tags, strict=True)
            ]
            return of_columns[0] if len(columns) == 1 else joint_windows(of_columns)

        types = (tokens.word_type_table(read_word_types(encoded / split)) for split in ("train", "dev"))
        return cls(words, token_columns, tags, vectors, tokens, windows("train"), windows("dev"), *types)

    def dev_of(self, number: int) -> Sequence[Bucket]:
        """Return dev with the tags of one column, `[n_windows, length]`."""
        return self.dev if len(self.tags) == 1 else windows_of_column(self.dev, number)
