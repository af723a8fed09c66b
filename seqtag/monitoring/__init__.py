"""Drift between the champion's snapshot and new data, above a measured noise floor.

The reference has to be a sample of the traffic. Dev and test are none where documents are derived from
content: all copies of a repeated sequence are in one split then, so held-out data has a few of them far too
often and lacks the others. With 30 % of repeats, steady traffic alarmed in most runs. Therefore:

- New data is compared with the whole snapshot. A word or span that train has from one document alone counts
  as unknown in that document (leave-one-out), which is as new to the rest of train as the next document that
  arrives is to all of it. The expected shares of unknown words and unseen spans are then those of new data,
  whatever repeats. Where dates tell periods apart, whole periods are left out in the same way.
- Tagged logs can only be compared with the test split, since a model is fitted to the tags of train. Both
  sides leave out what the snapshot holds in another document: what came once in n documents is distributed
  like what the next one brings for the first time (Good 1953). Where all documents have ids from the source,
  the test split is a sample as it is, and nothing is left out.

Leaving repeats out on both sides would calibrate the comparison of snapshots, too. But with dev and test as
the reference it has a fifth of the data and finds fewer small drifts, and in no case does it see that a
repeated sequence is tagged in another way than before.
"""

from seqtag.monitoring.block_bootstrap import Blocks, Extent, extent, plan_blocks
from seqtag.monitoring.count_columns import CountColumns
from seqtag.monitoring.drift import ProfilePair, Statistic, compare
from seqtag.monitoring.drift_findings import drift_findings, without_champion
from seqtag.monitoring.drift_verdict import DriftVerdict, judge_drift
from seqtag.monitoring.new_sequences import EarlierSequences, is_grown
from seqtag.monitoring.period_profile import PeriodProfile, profile_period
from seqtag.monitoring.period_reader import read_labelled, read_reference, read_tagged
from seqtag.monitoring.repeated_sequences import RepeatedSequences
from seqtag.monitoring.staleness import AgeAlarm, model_age, retraining_gap
from seqtag.monitoring.training_reference import TrainingReference

__all__ = [
    "AgeAlarm",
    "Blocks",
    "CountColumns",
    "DriftVerdict",
    "EarlierSequences",
    "Extent",
    "PeriodProfile",
    "ProfilePair",
    "RepeatedSequences",
    "Statistic",
    "TrainingReference",
    "compare",
    "drift_findings",
    "extent",
    "is_grown",
    "judge_drift",
    "model_age",
    "plan_blocks",
    "profile_period",
    "read_labelled",
    "read_reference",
    "read_tagged",
    "retraining_gap",
    "without_champion",
]
