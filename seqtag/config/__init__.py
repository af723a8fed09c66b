"""Configuration of taggers (`TaggerConfig`) and of the machine (`Settings`)."""

from seqtag.config.corpus_config import CutConfig, QualityConfig, RowRule, SplitConfig, TagsConfig
from seqtag.config.expectation_config import ExpectationConfig, ExpectationTable, Severity, table_definition
from seqtag.config.further_tags import FurtherTags, taggers_of
from seqtag.config.gate_config import EvaluateConfig, GateConfig, Metric
from seqtag.config.json_schema import SCHEMA_FILE, schema_text, tagger_schema
from seqtag.config.library_environment import NO_TELEMETRY, redirect_library_caches
from seqtag.config.loading import load_tagger, parse_tagger, require_toml
from seqtag.config.monitor_config import MonitorConfig
from seqtag.config.named_settings import config_inputs, named_settings
from seqtag.config.old_spellings import new_recipe_name
from seqtag.config.recipes import RECIPES
from seqtag.config.schedule import ApprovalConfig, ScheduleConfig
from seqtag.config.scheme_names import SchemeName
from seqtag.config.settings import HOST, Settings
from seqtag.config.source_columns import SPLITS, Split
from seqtag.config.source_config import Source
from seqtag.config.tagger_config import TaggerConfig, config_digest
from seqtag.config.tagging_config import TaggingConfig, without_tags
from seqtag.config.token_columns import (
    CategoryColumn,
    GazetteerConfig,
    NumberColumn,
    ReadColumn,
    SetColumn,
    TimeColumn,
    sqlite_types,
)
from seqtag.config.training_config import FeaturesConfig, Fold, ModelConfig, Output, TrainConfig

__all__ = [
    "HOST",
    "NO_TELEMETRY",
    "RECIPES",
    "SCHEMA_FILE",
    "SPLITS",
    "ApprovalConfig",
    "CategoryColumn",
    "CutConfig",
    "EvaluateConfig",
    "ExpectationConfig",
    "ExpectationTable",
    "FeaturesConfig",
    "Fold",
    "FurtherTags",
    "GateConfig",
    "GazetteerConfig",
    "Metric",
    "ModelConfig",
    "MonitorConfig",
    "NumberColumn",
    "Output",
    "QualityConfig",
    "ReadColumn",
    "RowRule",
    "ScheduleConfig",
    "SchemeName",
    "SetColumn",
    "Settings",
    "Severity",
    "Source",
    "Split",
    "SplitConfig",
    "TaggerConfig",
    "TaggingConfig",
    "TagsConfig",
    "TimeColumn",
    "TrainConfig",
    "config_digest",
    "config_inputs",
    "load_tagger",
    "named_settings",
    "new_recipe_name",
    "parse_tagger",
    "redirect_library_caches",
    "require_toml",
    "schema_text",
    "sqlite_types",
    "table_definition",
    "tagger_schema",
    "taggers_of",
    "without_tags",
]
