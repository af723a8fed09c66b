"""Drift between the champion's snapshot and new data, above a measured noise floor.

The reference has to be a sample of the traffic. Dev and test are none where documents are derived from content:
all copies of a repeated sequence are then in one split, so that held-out data has a few of them far too often
and the others never. Steady traffic alarmed in most runs with 30 % of repeats. So:

- New data is compared with the whole snapshot. What a document of train taught counts as unknown in that
  document itself, unless another one teaches it, too (leave-one-out): such a document is as new to the rest of
  train as the next one that arrives. For whatever rate of repeats, the shares of unknown words and unseen spans
  are then those to be expected of new data.
- Tagged logs can only be compared with the test split, since a model has been fitted to the tags of train. Both
  sides leave out what the snapshot holds in another document (Good 1953: what came once among n documents is
  distributed as what the next one brings anew). Without derived documents the test split is a sample as it is.

Leaving repeats out on both sides would calibrate snapshots, too. With dev and test as the reference it finds
fewer small drifts, for it has a fifth of the data, and it cannot see that a repeated sequence is tagged otherwise.
"""

from seqtag.monitoring.ages import AgeAlarm, model_age, silence
from seqtag.monitoring.blocks import Blocks, Extent, extent, plan_blocks
from seqtag.monitoring.drift import Comparison, Statistic, compare
from seqtag.monitoring.elsewhere import Repeats
from seqtag.monitoring.findings import drift_findings, without_champion
from seqtag.monitoring.fresh import Earlier, is_grown
from seqtag.monitoring.known import Known
from seqtag.monitoring.layout import Layout
from seqtag.monitoring.profile import PeriodProfile, profile_period
from seqtag.monitoring.reading import read_labelled, read_reference, read_tagged
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
    "Repeats",
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
    "read_reference",
    "read_tagged",
    "silence",
    "without_champion",
]
