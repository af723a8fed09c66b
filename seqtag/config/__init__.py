"""Configuration of taggers (`TaggerConfig`) and of the machine (`Settings`)."""

from seqtag.config.loading import load_tagger
from seqtag.config.monitor_config import MonitorConfig
from seqtag.config.old_spellings import new_recipe_name
from seqtag.config.schedule import ApprovalConfig, ScheduleConfig
from seqtag.config.scheme_names import SchemeName
from seqtag.config.settings import Settings
from seqtag.config.source_config import SPLITS, Source, Split
from seqtag.config.tagger_config import (
    EvaluateConfig,
    FeaturesConfig,
    Fold,
    GateConfig,
    Metric,
    ModelConfig,
    Output,
    QualityConfig,
    RowRule,
    Severity,
    SplitConfig,
    TaggerConfig,
    TagsConfig,
    TrainConfig,
    config_digest,
)

__all__ = [
    "SPLITS",
    "ApprovalConfig",
    "EvaluateConfig",
    "FeaturesConfig",
    "Fold",
    "GateConfig",
    "Metric",
    "ModelConfig",
    "MonitorConfig",
    "Output",
    "QualityConfig",
    "RowRule",
    "ScheduleConfig",
    "SchemeName",
    "Settings",
    "Severity",
    "Source",
    "Split",
    "SplitConfig",
    "TaggerConfig",
    "TagsConfig",
    "TrainConfig",
    "config_digest",
    "load_tagger",
    "new_recipe_name",
]
