"""Drift between the data that the champion was trained beside and new data, above a measured noise floor."""

from seqtag.monitoring.ages import AgeAlarm, model_age, silence
from seqtag.monitoring.blocks import Blocks, Extent, extent, plan_blocks
from seqtag.monitoring.drift import Comparison, Statistic, compare
from seqtag.monitoring.findings import drift_findings, without_champion
from seqtag.monitoring.fresh import Earlier, is_grown
from seqtag.monitoring.known import Known
from seqtag.monitoring.layout import Layout
from seqtag.monitoring.profile import PeriodProfile, profile_period
from seqtag.monitoring.reading import read_labelled, read_tagged
from seqtag.monitoring.verdict import DriftVerdict, judge_drift

__all__ = [
    "AgeAlarm",
    "Blocks",
    "Comparison",
    "DriftVerdict",
    "Earlier",
    "Extent",
    "Known",
    "Layout",
    "PeriodProfile",
    "Statistic",
    "compare",
    "drift_findings",
    "extent",
    "is_grown",
    "judge_drift",
    "model_age",
    "plan_blocks",
    "profile_period",
    "read_labelled",
    "read_tagged",
    "silence",
    "without_champion",
]
