"""TaggerConfig: all that decides what is computed, one table per verb. It alone enters `run_id`.

Tables of `seqtag.config.schedule` and `seqtag.config.monitor_config` say how a tagger is run and watched;
they are left out wherever a configuration is written or its digest taken.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PositiveFloat,
    field_validator,
    model_validator,
)

from seqtag.config.monitor_config import MonitorConfig
from seqtag.config.path_checks import checked_path
from seqtag.config.recipes import RecipeName, with_recipe
from seqtag.config.schedule import ApprovalConfig, ScheduleConfig
from seqtag.config.scheme_names import SchemeName, scheme_name, spelling_pattern
from seqtag.config.source_config import Source, Table

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


# The columns that the snapshot, the quarantine and the predictions have of their own.
RESERVED_COLUMNS = (
    *("sequence_id", "document_id", "split", "tokens", "tags", "defect"),
    *("row", "reasons", "predicted", "confidence", "span_confidence", "unknown", "seen", "tested"),
)


class CorpusConfig(Table):
    """Where the sequences come from, and which further columns stay with them."""

    sources: tuple[Source, ...] = Field(min_length=1)
    columns: tuple[str, ...] = ()  # further columns, kept as strings to the predictions

    @model_validator(mode="after")
    def _columns_have_names_of_their_own(self) -> Self:
        taken = [c for c in self.columns if c in RESERVED_COLUMNS or self.columns.count(c) > 1]
        if taken:
            raise ValueError(
                f"further columns are reserved or repeated: expected different names, none of "
                f"{', '.join(RESERVED_COLUMNS)}, got {taken}; rename them in the source"
            )
        return self


class TagsConfig(Table):
    """The tag scheme, how tags are spelled, the tag set if it is known beforehand, and what no tag means.

    Next to a token whose tag nobody knows, IOBES would ask whether a span goes on there, which IOB1 and IOB2
    do not say: such tags would be lost. With `partial` the default of `train_scheme` is therefore IOB2.
    """

    scheme: Annotated[Literal["auto"] | SchemeName, BeforeValidator(scheme_name)] = "auto"
    spelling: Annotated[str, AfterValidator(spelling_pattern)] = "auto"  # such as "B-X", "b_X" or "X-B"
    outside: str | None = Field(default=None, min_length=1)  # the tag outside spans; None: found by evidence
    declared: tuple[str, ...] | None = None  # as the corpus spells them; None: the tags that train shows
    train_scheme: Annotated[Literal["IOB2", "IOBES"], BeforeValidator(scheme_name)] = "IOBES"
    # what spans are converted to at the door, spelled B-X and O
    partial: bool = False  # True: a token without a tag is left out of losses and scores, its sequence is not
    unlabelled: str = "-"  # with `partial`, this tag stands for none, as null and an empty one do

    @model_validator(mode="before")
    @classmethod
    def _partial_tags_are_trained_in_iob2(cls, table: Any) -> Any:
        if isinstance(table, Mapping) and table.get("partial") is True:
            return {"train_scheme": "IOB2", **table}
        return table

    @model_validator(mode="after")
    def _spellings_are_those_of_spans(self) -> Self:
        if self.scheme == "none" and (self.spelling != "auto" or self.outside is not None):
            raise ValueError('spelling and outside without a scheme: remove them, or scheme = "none"')
        return self

    @field_validator("unlabelled")
    @classmethod
    def _tags_have_no_blanks_around_them(cls, mark: str) -> str:
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
    def _the_mark_is_no_tag(self) -> Self:
        if self.partial and self.unlabelled in (self.declared or ()):
            raise ValueError(
                f"unlabelled is one of the declared tags: {self.unlabelled!r} cannot stand for a tag and for "
                "none; set tags.unlabelled to another mark"
            )
        return self

    @property
    def mark(self) -> str | None:
        """The tag that stands for none; None where every token needs a tag."""
        return self.unlabelled if self.partial else None


class QualityConfig(Table):
    """What a corpus must be like. Shares are fractions in [0, 1]."""

    rules: dict[RowRule, Severity] = Field(default_factory=dict)  # overrides of `severity`
    max_length: int = Field(default=10_000, ge=1)  # tokens; a longer sequence is over_long
    quarantine_budget: float = Field(default=0.01, ge=0, le=1)  # share of sequences
    min_sequences: int = Field(default=10, ge=1)  # in the whole corpus, after quarantine
    min_tag_support: int = Field(default=10, ge=0)  # tokens; warns
    max_majority_share: float = Field(default=0.60, ge=0, le=1)  # of the commonest tag; no scheme; warns
    max_duplicate_share: float = Field(default=0.10, ge=0, le=1)  # warns
    max_leakage_share: float = Field(default=0.05, ge=0, le=1)  # of dev or test, also in train; warns
    leakage_min_length: int = Field(default=5, ge=1)  # tokens; shorter ones repeat honestly
    max_tag_drift: float = Field(default=0.05, ge=0, le=1)  # Jensen-Shannon divergence, bits; warns

    def severity(self, rule: RowRule) -> Severity:
        """Return what a sequence that breaks `rule` leads to: by default "quarantine" if it is faulty.

        Equal sequences with different tags are no fault where tags depend on what the tokens do not show, as
        in clicks and logs. They only warn: without them test would be easier than the traffic.
        """
        return self.rules.get(rule, "warn" if rule == "conflicting_labels" else "quarantine")


class SplitConfig(Table):
    """The splits that the sources label; the others are carved by hash of the document."""

    mode: Literal["auto", "official", "hash"] = "auto"
    dev: float = Field(default=0.1, gt=0, lt=0.5)  # share of documents
    test: float = Field(default=0.1, gt=0, lt=0.5)


class FeaturesConfig(Table):
    """Vocabulary and padded lengths (tokens)."""

    min_count: int = Field(default=1, ge=1)  # rarer words of train become <unk>, which is learnt from them
    fold: Fold = "case-digits"  # words are looked up in lower case, digits as 0; spelling is seen elsewhere
    ladder: tuple[int, ...] = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
    window_overlap: int = Field(default=64, ge=0)  # tokens that neighbouring windows share

    @model_validator(mode="after")
    def _ladder_rises(self) -> Self:
        if not self.ladder or list(self.ladder) != sorted(set(self.ladder)) or self.ladder[0] < 1:
            raise ValueError(f"ladder does not rise: expected growing lengths, got {list(self.ladder)}")
        if self.window_overlap >= self.ladder[-1]:
            raise ValueError(
                f"window_overlap is too large: expected less than {self.ladder[-1]}, the last length of "
                f"ladder, got {self.window_overlap}"
            )
        return self


class TrainConfig(Table):
    """The recipe by name, how it learns, and how long."""

    recipe: RecipeName = "default"
    batch_size: int = Field(default=32, ge=1)  # sequences of mean length; fewer long or more short ones
    batch_cells: int = Field(default=8192, ge=1)  # tokens and padding at the most, which bounds memory
    optimizer: Literal["adam", "lazy-adam"] = "lazy-adam"  # lazy: only rows of words that a batch shows move
    learning_rate: float = Field(default=2e-3, gt=0)  # of Adam (Kingma and Ba 2015)
    decay: float = Field(default=0.05, ge=0)  # the rate of epoch n is learning_rate / (1 + decay * (n - 1))
    clip_norm: float = Field(default=1.0, ge=0)  # of the whole gradient; 0: not clipped (Pascanu et al. 2013)
    average: float = Field(default=1.0, ge=0)  # epochs that the moving average of weights spans; 0: none
    sequence_weight: str | None = None  # a further column, of numbers from 0: each sequence's in the loss
    tag_weights: dict[str, PositiveFloat] = Field(default_factory=dict)  # of the loss, by tag; others have 1
    max_epochs: int = Field(default=30, ge=1)
    patience: int = Field(default=5, ge=1)  # epochs without a better dev score (Reimers and Gurevych 2017)


_WORD_SIZE = 100


class ModelConfig(Table):
    """The sizes of the recipe `default`; `seed` has its own, which nothing changes."""

    word_size: int = Field(default=_WORD_SIZE, ge=1)  # with vectors: theirs
    affix_size: int = Field(default=50, ge=1)  # of hashed prefixes, suffixes and shape
    affix_buckets: int = Field(default=16_384, ge=2)
    character_size: int = Field(default=30, ge=1)
    character_filters: int = Field(default=30, ge=1)  # of width 3 (Ma and Hovy 2016)
    units: int = Field(default=100, ge=1)  # of each direction
    layers: int = Field(default=1, ge=1, le=3)
    word_dropout: float = Field(default=0.5, ge=0, lt=1)  # of words that train shows once, which become <unk>
    dropout: float = Field(default=0.25, ge=0, lt=1)  # of what enters and leaves the recurrence
    recurrent_dropout: float = Field(default=0.25, ge=0, lt=1)
    output: Literal["auto"] | Output = "auto"  # auto: viterbi where tags have a scheme, else softmax
    vectors: str | None = None  # static word vectors as text: GloVe, word2vec, fastText; path or URL
    frequent_words: int = Field(default=100_000, ge=0)  # first ones of the vectors that train need not show

    @field_validator("vectors")
    @classmethod
    def _vectors_lie_somewhere(cls, path: str | None) -> str | None:
        return None if path is None else checked_path(path)

    @model_validator(mode="after")
    def _vectors_have_their_own_size(self) -> Self:
        if self.vectors is not None and "word_size" in self.model_fields_set and self.word_size != _WORD_SIZE:
            raise ValueError(
                f"word_size contradicts vectors, which have their own: got {self.word_size}; leave it out"
            )
        return self


class EvaluateConfig(Table):
    """How the test split is read."""

    slices: tuple[str, ...] = ()  # further columns of the corpus
    length_buckets: tuple[int, ...] = (10, 25, 50)  # tokens; upper bounds, the last bucket is open
    resamples: int = Field(default=1000, ge=100)  # of the bootstrap over documents
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    baseline: Literal["none", "crfsuite-ap", "crfsuite-lbfgs"] = "none"  # scored beside, decides nothing


class GateConfig(Table):
    """Conditions of a promotion. Scores are in [0, 1]; a ratio of 0 is no bound.

    The chance that any promotion among `horizon` comparisons with new evidence was no improvement is at most
    `false_promotions`: 365 comparisons are a year of daily retrainings.
    """

    metric: Literal["auto"] | Metric = "auto"  # auto: span_f1 where tags have a scheme
    margin: float = Field(default=0.0, ge=0, lt=1)  # by which a challenger must be better
    floor: float = Field(default=0.1, ge=0, le=1)  # what the first model must reach to serve at all
    horizon: int = Field(default=365, ge=1)
    false_promotions: float = Field(default=0.05, gt=0, lt=0.5)
    improvement: float = Field(default=0.003, gt=0, lt=1)  # worth finding; plans the size of the test split
    confidence: float = Field(default=0.95, gt=0.5, lt=1)  # of intervals, rejections and guards
    resamples: int = Field(default=2000, ge=100)
    retraining_noise: float | None = Field(default=None, ge=0, lt=1)  # standard deviation of equally good
    # retrainings; None: estimated from earlier runs of the same configuration, 0.001 before there are any
    guard_margin: float = Field(default=0.02, ge=0, le=1)  # what a type or slice may lose
    min_support: int = Field(default=50, ge=1)  # of a guarded type (spans), tag (tokens) or slice (sequences)
    max_seen: float = Field(default=0.2, ge=0, le=1)  # share of test that the champion alone was trained on
    min_new: float = Field(default=0.1, ge=0, le=1)  # share of test that the challenger was not trained on
    reanchor: bool = True  # where more is left out: True: compare with its recipe retrained, False: hold
    new_tags: Literal["allow", "hold"] = "allow"  # tags or types that the champion does not know
    removed_tags: Literal["allow", "hold"] = "hold"  # those that the challenger no longer knows
    renamed_tags: dict[str, str] = Field(default_factory=dict)  # type (or tag) of the champion: its new name
    max_size_ratio: float = Field(default=2.0, ge=0)  # bytes of the bundle, to the champion's
    max_latency_ratio: float = Field(default=3.0, ge=0)  # CPU time of tagging, to the champion's
    max_memory_ratio: float = Field(default=2.0, ge=0)  # bytes at the most while tagging, to the champion's


class TaggerConfig(Table):
    """One tagger, as its TOML file says it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
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
    def _recipe_decides_what_is_not_said(cls, tables: Any) -> Any:
        return with_recipe(tables)

    @model_validator(mode="after")
    def _sizes_are_listened_to(self) -> Self:
        if self.train.recipe != "default" and self.model != ModelConfig():
            raise ValueError(
                '[model] has no effect here: expected train.recipe = "default", got '
                f'"{self.train.recipe}"; leave the table out, or change the recipe'
            )
        return self

    @model_validator(mode="after")
    def _metric_fits_the_scheme(self) -> Self:
        if self.gate.metric == "span_f1" and self.tags.scheme == "none":
            raise ValueError(
                'gate.metric has no spans to score: "span_f1" expects a scheme of spans, got tags.scheme = '
                '"none"; correct one of them'
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
        f"{key} names no further column: expected one of corpus.columns {list(columns)}, got {name!r}; "
        "add it there"
    )


def config_digest(*tables: Table) -> str:
    """Return the sha256 of configuration tables, equal for equal values however they were written."""
    text = json.dumps([t.model_dump(mode="json") for t in tables], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
