"""Evaluation: scores of models on a test split, with confidence intervals."""

from seqtag.evaluation.calibration import Calibration
from seqtag.evaluation.metric import resolve_metric, score_value
from seqtag.evaluation.prf import Interval
from seqtag.evaluation.scores import Scores, evaluate
from seqtag.evaluation.sequence_changes import (
    SequenceChanges,
    TypeChanges,
    changes_by_type,
    sequence_changes,
)
from seqtag.evaluation.split_scores import Cost, Costs, Metrics, evaluate_predictions
from seqtag.evaluation.training_history import EpochRecord, TrainingHistory

__all__ = [
    "Calibration",
    "Cost",
    "Costs",
    "EpochRecord",
    "Interval",
    "Metrics",
    "Scores",
    "SequenceChanges",
    "TrainingHistory",
    "TypeChanges",
    "changes_by_type",
    "evaluate",
    "evaluate_predictions",
    "resolve_metric",
    "score_value",
    "sequence_changes",
]
