"""`[features]`, `[train]` and `[model]`: the model of a tagger, and its training."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveFloat, field_validator, model_validator

from seqtag.config.path_checks import checked_path
from seqtag.config.recipes import RECIPES
from seqtag.config.token_columns import GazetteerConfig, ReadColumn
from seqtag.config.toml_table import Table

Fold = Literal["none", "case-digits"]
Output = Literal["softmax", "viterbi", "crf"]


def _increasing(lengths: tuple[int, ...]) -> tuple[int, ...]:
    if not lengths or list(lengths) != sorted(set(lengths)) or lengths[0] < 1:
        raise ValueError(f"lengths do not increase: expected one or more from 1 up, got {list(lengths)}")
    return lengths


LengthBuckets = Annotated[tuple[int, ...], AfterValidator(_increasing)]


class FeaturesConfig(Table):
    """Vocabulary and padded lengths (tokens)."""

    min_count: int = Field(default=1, ge=1, description="rarer words of train become `<unk>`, and train it")
    fold: Fold = Field(
        default="case-digits",
        description="words are looked up in lower case, digits as 0; affixes keep the spelling",
    )
    bucket_lengths: LengthBuckets = Field(
        default=(8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512),
        description="tokens; a sequence is padded to the shortest that fits, or cut into windows",
    )
    window_overlap: int = Field(default=64, ge=0, description="tokens shared by neighbouring windows")
    columns: tuple[ReadColumn, ...] = Field(
        default=(), description="further columns of tokens that the recipe `default` reads"
    )

    gazetteers: tuple[GazetteerConfig, ...] = Field(
        default=(), description="lists of phrases that the recipe `default` reads"
    )

    @model_validator(mode="after")
    def _columns_are_read_once(self) -> Self:
        names = [each.name for each in (*self.columns, *self.gazetteers)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"columns are read twice: expected distinct names, got {twice} more than once")
        return self

    @model_validator(mode="after")
    def _overlap_fits_into_a_window(self) -> Self:
        longest, overlap = self.bucket_lengths[-1], self.window_overlap
        if overlap >= longest:
            raise ValueError(
                f"window_overlap is too large: expected less than the last length bucket, {longest}, "
                f"got {overlap}"
            )
        return self


class TrainConfig(Table):
    """Recipe, optimisation and stopping."""

    recipe: Literal[*RECIPES] = Field(  # type: ignore[valid-type]  # known at run time only
        default="default", description="architecture and training settings"
    )
    batch_size: int = Field(
        default=32, ge=1, description="sequences of mean length; fewer if long, more if short"
    )
    max_batch_tokens: int = Field(
        default=8192, ge=1, description="tokens per batch with padding; bounds memory"
    )
    optimizer: Literal["adam", "lazy-adam"] = Field(
        default="lazy-adam", description="lazy: updates only rows of words in the batch"
    )
    learning_rate: float = Field(default=2e-3, gt=0, description="of Adam (Kingma and Ba 2015)")
    decay: float = Field(
        default=0.05, ge=0, description="the rate of epoch n is learning_rate / (1 + decay * (n - 1))"
    )
    clip_norm: float = Field(
        default=1.0, ge=0, description="of the whole gradient; 0: no clipping (Pascanu et al. 2013)"
    )
    average: float = Field(
        default=1.0, ge=0, description="epochs in the moving average of weights; 0: no averaging"
    )
    sequence_weight: str | None = Field(
        default=None, description="further column with each sequence's weight in the loss, 0 or more"
    )
    tag_weights: dict[str, PositiveFloat] = Field(
        default_factory=dict, description="weight of a tag in the loss; default: 1"
    )
    workers: int = Field(
        default=1, ge=1, description="of a Dask cluster that share each batch; 1: this machine alone"
    )
    max_epochs: int = Field(default=30, ge=1, description="epochs, unless patience ends training before")
    patience: int = Field(
        default=5, ge=1, description="epochs without improvement on dev (Reimers and Gurevych 2017)"
    )


_WORD_SIZE = 100


class ModelConfig(Table):
    """Sizes of the recipe `default`; those of `base` are fixed."""

    word_size: int = Field(default=_WORD_SIZE, ge=1, description="with `vectors`, their size is used")
    affix_size: int = Field(default=50, ge=1, description="of hashed prefixes, suffixes and shape")
    affix_buckets: int = Field(default=16_384, ge=2, description="hash buckets of affixes and shapes")
    character_size: int = Field(default=30, ge=1, description="of the embedding of a character")
    character_filters: int = Field(default=30, ge=1, description="of width 3 (Ma and Hovy 2016)")
    units: int = Field(default=100, ge=1, description="of each direction")
    layers: int = Field(default=1, ge=1, le=3, description="BiLSTM layers")
    word_dropout: float = Field(
        default=0.5, ge=0, lt=1, description="words that occur once in train, replaced by `<unk>`"
    )
    dropout: float = Field(default=0.25, ge=0, lt=1, description="of inputs and outputs of the recurrence")
    recurrent_dropout: float = Field(default=0.25, ge=0, lt=1, description="of the state of the recurrence")
    output: Literal["auto"] | Output = Field(
        default="auto", description="auto: viterbi if tags have a scheme, else softmax"
    )
    vectors: str | None = Field(
        default=None, description="path or URL of static word vectors as text: GloVe, word2vec, fastText"
    )
    frequent_words: int = Field(
        default=100_000, ge=0, description="first words of `vectors`, kept even if not in train"
    )

    @field_validator("vectors")
    @classmethod
    def _vectors_path_is_valid(cls, path: str | None) -> str | None:
        return None if path is None else checked_path(path)

    @model_validator(mode="after")
    def _word_size_fits_the_vectors(self) -> Self:
        if self.vectors is not None and "word_size" in self.model_fields_set and self.word_size != _WORD_SIZE:
            raise ValueError(
                f"word_size contradicts vectors, which set it: got {self.word_size}; remove word_size"
            )
        return self
