"""Evaluation: scores of models on a test split, with confidence intervals."""

from seqtag.evaluation.calibration import Calibration
from seqtag.evaluation.metric import resolve_metric, score_value
from seqtag.evaluation.scores import Scores, evaluate
from seqtag.evaluation.split_scores import Metrics, evaluate_predictions

__all__ = [
    "Calibration",
    "Metrics",
    "Scores",
    "evaluate",
    "evaluate_predictions",
    "resolve_metric",
    "score_value",
]
