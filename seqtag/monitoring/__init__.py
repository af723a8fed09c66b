"""Drift between the champion's snapshot and new data, above a measured noise floor.

The reference must be a sample of the traffic. If documents are derived from content, dev and test are not:
all copies of a repeated sequence then fall into one split, so dev and test contain a few of them far too
often and lack the others. With 30% repeats, steady traffic raised an alarm in most runs. Therefore:

- New data is compared with the whole snapshot. A word or span that occurs in only one document of train
  counts as unknown in that document (leave-one-out): the document is as new to the rest of train as the next
  one to arrive is to all of it. The expected shares of unknown words and unseen spans then match those of new
  data, with or without repeats. If the data has dates, whole periods are left out in the same way.
- Tagged logs can only be compared with the test split, because the model is fitted to the tags of train. Both
  sides omit sequences that the snapshot also contains in another document: sequences seen once in n documents
  are distributed like those that the next document adds (Good 1953). If all document ids come from the
  source, the test split is already a sample and nothing is omitted.

Omitting repeats on both sides would also calibrate the comparison of snapshots. But a reference of dev and
test has a fifth of the data and detects fewer small drifts, and it can never detect that a repeated sequence
is now tagged differently.
"""

from seqtag.monitoring.block_bootstrap import Blocks, Extent, extent, plan_blocks
from seqtag.monitoring.column_bins import ColumnBins, learn_bins
from seqtag.monitoring.count_columns import CountColumns
from seqtag.monitoring.drift import Origin, ProfilePair, Statistic, compare
from seqtag.monitoring.drift_report import (
    Compared,
    DrawnFrom,
    DriftReport,
    LastNotice,
    MonitoredChampion,
    NoiseFloor,
    ProfileSides,
    drift_findings,
    without_champion,
)
from seqtag.monitoring.drift_verdict import DriftVerdict, judge_drift
from seqtag.monitoring.new_sequences import EarlierSequences, is_grown
from seqtag.monitoring.period_profile import PeriodProfile, ProfileSummary, UnseenSpans, profile_period
from seqtag.monitoring.period_reader import read_labelled, read_reference, read_tagged
from seqtag.monitoring.repeated_sequences import RepeatedSequences
from seqtag.monitoring.staleness import AgeAlarm, model_age, retraining_gap
from seqtag.monitoring.training_reference import TrainingReference

__all__ = [
    "AgeAlarm",
    "Blocks",
    "ColumnBins",
    "Compared",
    "CountColumns",
    "DrawnFrom",
    "DriftReport",
    "DriftVerdict",
    "EarlierSequences",
    "Extent",
    "LastNotice",
    "MonitoredChampion",
    "NoiseFloor",
    "Origin",
    "PeriodProfile",
    "ProfilePair",
    "ProfileSides",
    "ProfileSummary",
    "RepeatedSequences",
    "Statistic",
    "TrainingReference",
    "UnseenSpans",
    "compare",
    "drift_findings",
    "extent",
    "is_grown",
    "judge_drift",
    "learn_bins",
    "model_age",
    "plan_blocks",
    "profile_period",
    "read_labelled",
    "read_reference",
    "read_tagged",
    "retraining_gap",
    "without_champion",
]
