"""TaggerConfig: all settings that determine the result of a run, one table per step.

Only these enter `run_id`. The tables of `seqtag.config.schedule`, `seqtag.config.monitor_config` and
`seqtag.config.tagging_config` control how a tagger is run, monitored and used; written configurations and
digests leave them out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Self

from pydantic import Field, model_validator

from seqtag.config.corpus_config import CorpusConfig, QualityConfig, SplitConfig, TagsConfig
from seqtag.config.expectation_config import TABLES
from seqtag.config.further_tags import TAGGER_NAME, FurtherTags, check_further_tags
from seqtag.config.gate_config import EvaluateConfig, GateConfig
from seqtag.config.monitor_config import MonitorConfig
from seqtag.config.old_spellings import with_new_spellings
from seqtag.config.recipes import with_recipe
from seqtag.config.schedule import ApprovalConfig, ScheduleConfig
from seqtag.config.suggestions import did_you_mean
from seqtag.config.tagging_config import TaggingConfig
from seqtag.config.token_columns import sqlite_types
from seqtag.config.toml_table import Table
from seqtag.config.training_config import FeaturesConfig, ModelConfig, TrainConfig


class TaggerConfig(Table):
    """Configuration of one tagger, the root of its TOML file."""

    name: str = Field(
        pattern=TAGGER_NAME,
        description="up to 63 lower-case letters, digits and hyphens, not beginning with a hyphen",
    )
    description: str = Field(default="", description="for people, in reports and on the dashboard")
    seed: int = Field(default=1, ge=0, lt=2**31, description="of all randomness in training")
    corpus: CorpusConfig
    further_tags: tuple[FurtherTags, ...] = Field(
        default=(), description="other columns of tags, learned together; one table each"
    )
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
    tagging: TaggingConfig = Field(default=TaggingConfig(), exclude=True)

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
    def _read_columns_are_token_columns(self) -> Self:
        offered = self.corpus.token_columns
        for column in self.features.columns:
            if column.name not in offered:
                raise ValueError(
                    f"features.columns: {column.name!r} is not a column of tokens: expected one of "
                    f"{list(offered)}, which the sources name; add it to token_columns of a source"
                    f"{did_you_mean(column.name, offered)}"
                )
        read = [key for key in ("columns", "gazetteers") if getattr(self.features, key)]
        if read and self.train.recipe != "default":
            raise ValueError(
                f'features.{read[0]} has no effect here: expected train.recipe = "default", got '
                f'"{self.train.recipe}"; remove the tables, or change the recipe'
            )
        return self

    @model_validator(mode="after")
    def _pieces_are_not_over_long(self) -> Self:
        cut = self.corpus.cut
        if cut is not None and cut.max_length > self.quality.max_length:
            raise ValueError(
                f"corpus.cut.max_length exceeds quality.max_length: got {cut.max_length:,}, expected at most "
                f"{self.quality.max_length:,}; a longer piece would be over_long"
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
    def _expectations_fit_their_tables(self) -> Self:
        token_columns = sqlite_types(self.corpus.token_columns, self.features.columns)
        if self.quality.expectations:
            _check_case((*TABLES["tokens"], *TABLES["sequences"], *self.corpus.columns, *token_columns))
        for name, expectation in self.quality.expectations.items():
            expectation.check_columns(f"quality.expectations.{name}", self.corpus.columns, token_columns)
        return self

    @model_validator(mode="after")
    def _slices_are_columns(self) -> Self:
        groups = (
            column.name
            for column in self.features.columns
            if column.kind == "category" or (column.kind == "number" and column.buckets > 1)
        )
        offered = (*self.corpus.columns, *groups)
        unknown = sorted(set(self.evaluate.slices) - set(offered))
        if unknown:
            raise ValueError(
                "evaluate.slices is not a further column: expected one of corpus.columns, or a category or "
                f"a number with buckets of features.columns {list(offered)}, got {', '.join(unknown)!r}; "
                f"add it to one of the two{did_you_mean(', '.join(unknown), offered)}"
            )
        return self

    @model_validator(mode="after")
    def _further_tags_can_be_learned(self) -> Self:
        if not self.further_tags:
            return self
        if self.model.output == "crf":
            raise ValueError(
                'model.output = "crf" learns one column of tags: expected "auto", "softmax" or "viterbi" '
                "with further_tags; change one of the two"
            )
        if self.approval.required:
            raise ValueError(
                "approval.required has no effect with further_tags: expected false, got true; change one of "
                "the two"
            )
        if self.corpus.cut is not None:
            raise ValueError(
                "corpus.cut may cut the columns of further_tags differently: expected no [corpus.cut] with "
                "further_tags, got both; remove one of the two"
            )
        check_further_tags(self)
        return self

    @model_validator(mode="after")
    def _scheduled_tagging_has_sources(self) -> Self:
        if self.schedule.tagging is not None and not self.tagging.sources:
            raise ValueError(
                f'schedule.tagging = "{self.schedule.tagging}" has no effect here: expected '
                "[[tagging.sources]], got none; add a source, or remove the key"
            )
        return self

    @model_validator(mode="after")
    def _period_column_is_a_column(self) -> Self:
        column = self.monitor.period_column
        if column is not None and column not in self.corpus.columns:
            raise ValueError(_no_column("monitor.period_column", column, self.corpus.columns))
        return self


def _check_case(names: Iterable[str]) -> None:
    """Check that columns of SQLite, which ignores case, are distinct."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise ValueError(
                f"columns {other!r} and {name!r} differ in case only: expected distinct names, as the tables "
                "of quality.expectations ignore case; rename one in the source"
            )


def _no_column(key: str, name: str, columns: tuple[str, ...]) -> str:
    return (
        f"{key} is not a further column: expected one of corpus.columns {list(columns)}, got {name!r}; "
        f"add it to corpus.columns{did_you_mean(name, columns)}"
    )


def config_digest(*tables: Table) -> str:
    """Return the sha256 of configuration tables; equal values have equal digests, however written."""
    text = json.dumps([t.model_dump(mode="json") for t in tables], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
