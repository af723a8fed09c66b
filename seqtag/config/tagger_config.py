"""TaggerConfig: all settings that determine the result of a run, one table per step.

Only these enter `run_id`. The tables of `seqtag.config.schedule` and `seqtag.config.monitor_config` control
how a tagger is run and monitored; written configurations and digests leave them out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PositiveFloat, field_validator, model_validator

from seqtag.config.monitor_config import MonitorConfig
from seqtag.config.old_spellings import with_new_spellings
from seqtag.config.path_checks import checked_path
from seqtag.config.recipes import RECIPES, with_recipe
from seqtag.config.schedule import ApprovalConfig, ScheduleConfig
from seqtag.config.scheme_names import SchemeName, scheme_name, spelling_pattern
from seqtag.config.source_config import Source
from seqtag.config.suggestions import did_you_mean
from seqtag.config.toml_table import Table

Severity = Literal["fail", "quarantine", "warn", "off"]
Metric = Literal["accuracy", "span_f1"]
Fold = Literal["none", "case-digits"]
Output = Literal["softmax", "viterbi", "crf"]
RowRule = Literal[
    "broken_sequence",
    "length_mismatch",
    "missing_tag",
    "empty_token",
    "unknown_tag",
    "illegal_transition",
    "over_long",
    "duplicate_id",
    "conflicting_labels",
]


# Columns that snapshot, quarantine and predictions always have.
RESERVED_COLUMNS = (
    *("sequence_id", "document_id", "split", "tokens", "tags", "defect"),
    *("row", "reasons", "predicted", "confidence", "span_confidence", "unknown", "seen", "tested"),
)


class CorpusConfig(Table):
    """Sources of the sequences, and further columns to keep."""

    sources: tuple[Source, ...] = Field(min_length=1)
    columns: tuple[str, ...] = ()  # further columns, kept as strings up to the predictions

    @model_validator(mode="after")
    def _columns_are_distinct_and_not_reserved(self) -> Self:
        taken = [c for c in self.columns if c in RESERVED_COLUMNS or self.columns.count(c) > 1]
        if taken:
            raise ValueError(
                f"further columns are reserved or repeated: expected distinct names, none of "
                f"{', '.join(RESERVED_COLUMNS)}, got {taken}; rename them in the source"
            )
        return self


class TagsConfig(Table):
    """Scheme, spelling and set of tags, and the handling of tokens without a tag.

    A tag in IOBES says whether its span continues in the next token. IOB1 and IOB2 do not if that token has
    no tag, so the tag could not be converted. With `partial`, `train_scheme` therefore defaults to IOB2.
    """

    scheme: Annotated[Literal["auto"] | SchemeName, BeforeValidator(scheme_name)] = "auto"
    spelling: Annotated[str, AfterValidator(spelling_pattern)] = "auto"  # such as "B-X", "b_X" or "X-B"
    outside: str | None = Field(default=None, min_length=1)  # tag outside spans; None: inferred from the data
    declared: tuple[str, ...] | None = None  # tag set, spelled as in the corpus; None: the tags in train
    train_scheme: Annotated[Literal["IOB2", "IOBES"], BeforeValidator(scheme_name)] = "IOBES"
    # scheme of spans in the splits, where they are spelled B-X and O
    partial: bool = False  # true: tokens without a tag are allowed, and left out of losses and scores
    unlabelled: str = "-"  # with `partial`, the tag that means no tag, as do null and an empty tag

    @model_validator(mode="before")
    @classmethod
    def _partial_tags_default_to_iob2(cls, table: Any) -> Any:
        if isinstance(table, Mapping) and table.get("partial") is True:
            return {"train_scheme": "IOB2", **table}
        return table

    @model_validator(mode="after")
    def _spelling_has_a_scheme(self) -> Self:
        if self.scheme == "none" and (self.spelling != "auto" or self.outside is not None):
            raise ValueError(
                'spelling and outside have no effect without a scheme: remove them, or scheme = "none"'
            )
        return self

    @field_validator("unlabelled")
    @classmethod
    def _surrounding_spaces_are_ignored(cls, mark: str) -> str:
        return mark.strip()

    @model_validator(mode="after")
    def _the_mark_is_used(self) -> Self:
        if self.unlabelled != "-" and not self.partial:
            raise ValueError(
                f"unlabelled has no effect here: got {self.unlabelled!r} without partial = true; set that, "
                "or remove unlabelled"
            )
        return self

    @model_validator(mode="after")
    def _the_mark_is_not_a_tag(self) -> Self:
        if self.partial and self.unlabelled in (self.declared or ()):
            raise ValueError(
                f"unlabelled is one of the declared tags: got {self.unlabelled!r}, which cannot mean both a "
                "tag and no tag; set tags.unlabelled to another mark"
            )
        return self

    @property
    def mark(self) -> str | None:
        """Tag that means no tag; None if every token needs a tag."""
        return self.unlabelled if self.partial else None


class QualityConfig(Table):
    """Data quality rules of the corpus. Shares are fractions in [0, 1]."""

    rules: dict[RowRule, Severity] = Field(default_factory=dict)  # overrides of `severity`
    max_length: int = Field(default=10_000, ge=1)  # tokens; a longer sequence is over_long
    quarantine_budget: float = Field(default=0.01, ge=0, le=1)  # share of sequences
    min_sequences: int = Field(default=10, ge=1)  # in the whole corpus, after quarantine
    max_volume_loss: float = Field(default=0.20, ge=0, le=1)  # fewer sequences than the champion's corpus
    min_tag_support: int = Field(default=10, ge=0)  # tokens; warns
    max_majority_share: float = Field(default=0.60, ge=0, le=1)  # of the most common tag, if no scheme; warns
    max_duplicate_share: float = Field(default=0.10, ge=0, le=1)  # warns
    max_leakage_share: float = Field(default=0.05, ge=0, le=1)  # of dev or test that is also in train; warns
    leakage_min_length: int = Field(default=5, ge=1)  # tokens; shorter ones repeat by chance
    max_tag_drift: float = Field(default=0.05, ge=0, le=1)  # Jensen-Shannon divergence, bits; warns

    def severity(self, rule: RowRule) -> Severity:
        """Return the severity of a rule: as configured, else "warn" for conflicting labels or "quarantine".

        Equal sequences with different tags are legitimate if tags depend on more than the tokens, as in
        clicks and logs. Without them, the test split would be easier than production traffic.
        """
        return self.rules.get(rule, "warn" if rule == "conflicting_labels" else "quarantine")


class SplitConfig(Table):
    """Splits: those labelled in the sources are used, the others are drawn by hash of the document."""

    mode: Literal["auto", "official", "hash"] = "auto"
    dev: float = Field(default=0.1, gt=0, lt=0.5)  # share of documents
    test: float = Field(default=0.1, gt=0, lt=0.5)


def _increasing(lengths: tuple[int, ...]) -> tuple[int, ...]:
    if not lengths or list(lengths) != sorted(set(lengths)) or lengths[0] < 1:
        raise ValueError(f"lengths do not increase: expected one or more from 1 up, got {list(lengths)}")
    return lengths


LengthBuckets = Annotated[tuple[int, ...], AfterValidator(_increasing)]


class FeaturesConfig(Table):
    """Vocabulary and padded lengths (tokens)."""

    min_count: int = Field(default=1, ge=1)  # rarer words of train become <unk>, and train it
    fold: Fold = "case-digits"  # words are looked up in lower case, digits as 0; affixes keep the spelling
    # length buckets: a sequence is padded to the shortest that fits; a longer one is cut into windows
    bucket_lengths: LengthBuckets = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
    window_overlap: int = Field(default=64, ge=0)  # tokens shared by neighbouring windows

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

    recipe: Literal[*RECIPES] = "default"  # type: ignore[valid-type]  # known at run time only
    batch_size: int = Field(default=32, ge=1)  # sequences of mean length; fewer if long, more if short
    # maximum of tokens per batch with padding; bounds memory
    max_batch_tokens: int = Field(default=8192, ge=1)
    optimizer: Literal["adam", "lazy-adam"] = "lazy-adam"  # lazy: updates only rows of words in the batch
    learning_rate: float = Field(default=2e-3, gt=0)  # of Adam (Kingma and Ba 2015)
    decay: float = Field(default=0.05, ge=0)  # the rate of epoch n is learning_rate / (1 + decay * (n - 1))
    clip_norm: float = Field(default=1.0, ge=0)  # of the whole gradient; 0: no clipping (Pascanu et al. 2013)
    average: float = Field(default=1.0, ge=0)  # epochs in the moving average of weights; 0: no averaging
    sequence_weight: str | None = None  # further column with each sequence's weight in the loss, 0 or more
    tag_weights: dict[str, PositiveFloat] = Field(default_factory=dict)  # weights in the loss; default 1
    max_epochs: int = Field(default=30, ge=1)
    patience: int = Field(default=5, ge=1)  # epochs without improvement on dev (Reimers and Gurevych 2017)


_WORD_SIZE = 100


class ModelConfig(Table):
    """Sizes of the recipe `default`; those of `base` are fixed."""

    word_size: int = Field(default=_WORD_SIZE, ge=1)  # with `vectors`, their size is used
    affix_size: int = Field(default=50, ge=1)  # of hashed prefixes, suffixes and shape
    affix_buckets: int = Field(default=16_384, ge=2)
    character_size: int = Field(default=30, ge=1)
    character_filters: int = Field(default=30, ge=1)  # of width 3 (Ma and Hovy 2016)
    units: int = Field(default=100, ge=1)  # of each direction
    layers: int = Field(default=1, ge=1, le=3)
    word_dropout: float = Field(default=0.5, ge=0, lt=1)  # words that occur once in train, replaced by <unk>
    dropout: float = Field(default=0.25, ge=0, lt=1)  # of inputs and outputs of the recurrence
    recurrent_dropout: float = Field(default=0.25, ge=0, lt=1)
    output: Literal["auto"] | Output = "auto"  # auto: viterbi if tags have a scheme, else softmax
    vectors: str | None = None  # path or URL of static word vectors as text: GloVe, word2vec, fastText
    frequent_words: int = Field(default=100_000, ge=0)  # first words of `vectors`, kept even if not in train

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


class EvaluateConfig(Table):
    """Evaluation on the test split."""

    slices: tuple[str, ...] = ()  # further columns of the corpus
    length_buckets: tuple[int, ...] = (10, 25, 50)  # upper bounds, tokens; the last bucket is open
    resamples: int = Field(default=1000, ge=100)  # of the bootstrap over documents
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    baseline: Literal["none", "crfsuite-ap", "crfsuite-lbfgs"] = "none"  # does not affect the gate


class GateConfig(Table):
    """Conditions of a promotion. Scores are in [0, 1]; a ratio of 0 means no limit.

    Among `horizon` comparisons with new evidence, the probability that any promotion is no improvement is at
    most `false_promotions`. The default of 365 comparisons is a year of daily retrainings.
    """

    metric: Literal["auto"] | Metric = "auto"  # auto: span_f1 if tags have a scheme, else accuracy
    margin: float = Field(default=0.0, ge=0, lt=1)  # minimum improvement over the champion
    floor: float = Field(default=0.1, ge=0, le=1)  # minimum score of the first model
    horizon: int = Field(default=365, ge=1)
    false_promotions: float = Field(default=0.05, gt=0, lt=0.5)
    improvement: float = Field(default=0.003, gt=0, lt=1)  # worth detecting; sets the planned size of test
    confidence: float = Field(default=0.95, gt=0.5, lt=1)  # of intervals, rejections and guardrails
    resamples: int = Field(default=2000, ge=100)
    # standard deviation of the score between equally good retrainings; None: estimated from earlier runs of
    # the same configuration, 0.001 if there are none
    retraining_noise: float | None = Field(default=None, ge=0, lt=1)
    guard_margin: float = Field(default=0.02, ge=0, le=1)  # allowed loss of a type, tag or slice
    min_support: int = Field(default=50, ge=1)  # of a guarded type (spans), tag (tokens) or slice (sequences)
    max_seen: float = Field(default=0.2, ge=0, le=1)  # share of test that only the champion was trained on
    min_new: float = Field(default=0.1, ge=0, le=1)  # share of test that the challenger was not trained on
    reanchor: bool = True  # above max_seen: true: compare with the champion's recipe retrained, false: hold
    new_tags: Literal["allow", "hold"] = "allow"  # tags or types unknown to the champion
    removed_tags: Literal["allow", "hold"] = "hold"  # tags or types unknown to the challenger
    renamed_tags: dict[str, str] = Field(default_factory=dict)  # champion's type (or tag) -> its new name
    max_size_ratio: float = Field(default=2.0, ge=0)  # size of the bundle, relative to the champion's
    max_latency_ratio: float = Field(default=3.0, ge=0)  # CPU time of tagging, relative to the champion's
    max_memory_ratio: float = Field(default=2.0, ge=0)  # peak memory of tagging, relative to the champion's


class TaggerConfig(Table):
    """Configuration of one tagger, the root of its TOML file."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
        description="up to 63 lower-case letters, digits and hyphens, not beginning with a hyphen",
    )
    description: str = ""
    seed: int = Field(default=1, ge=0, lt=2**31)
    corpus: CorpusConfig
    tags: TagsConfig = TagsConfig()
    quality: QualityConfig = QualityConfig()
    split: SplitConfig = SplitConfig()
    features: FeaturesConfig = FeaturesConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    gate: GateConfig = GateConfig()
    schedule: ScheduleConfig = Field(default=ScheduleConfig(), exclude=True)
    approval: ApprovalConfig = Field(default=ApprovalConfig(), exclude=True)
    monitor: MonitorConfig = Field(default=MonitorConfig(), exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _recipe_sets_defaults(cls, tables: Any) -> Any:
        return with_recipe(with_new_spellings(tables))

    @model_validator(mode="after")
    def _sizes_have_an_effect(self) -> Self:
        if self.train.recipe != "default" and self.model != ModelConfig():
            raise ValueError(
                '[model] has no effect here: expected train.recipe = "default", got '
                f'"{self.train.recipe}"; remove the table, or change the recipe'
            )
        return self

    @model_validator(mode="after")
    def _metric_fits_the_scheme(self) -> Self:
        if self.gate.metric == "span_f1" and self.tags.scheme == "none":
            raise ValueError(
                'gate.metric = "span_f1" needs spans: expected a span scheme, got tags.scheme = "none"; '
                "change one of the two"
            )
        return self

    @model_validator(mode="after")
    def _sequence_weight_is_a_column(self) -> Self:
        column = self.train.sequence_weight
        if column is not None and column not in self.corpus.columns:
            raise ValueError(_no_column("train.sequence_weight", column, self.corpus.columns))
        return self

    @model_validator(mode="after")
    def _slices_are_columns(self) -> Self:
        unknown = sorted(set(self.evaluate.slices) - set(self.corpus.columns))
        if unknown:
            raise ValueError(_no_column("evaluate.slices", ", ".join(unknown), self.corpus.columns))
        return self

    @model_validator(mode="after")
    def _period_column_is_a_column(self) -> Self:
        column = self.monitor.period_column
        if column is not None and column not in self.corpus.columns:
            raise ValueError(_no_column("monitor.period_column", column, self.corpus.columns))
        return self


def _no_column(key: str, name: str, columns: tuple[str, ...]) -> str:
    return (
        f"{key} is not a further column: expected one of corpus.columns {list(columns)}, got {name!r}; "
        f"add it to corpus.columns{did_you_mean(name, columns)}"
    )


def config_digest(*tables: Table) -> str:
    """Return the sha256 of configuration tables; equal values have equal digests, however written."""
    text = json.dumps([t.model_dump(mode="json") for t in tables], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
