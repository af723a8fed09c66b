"""Tag schemes, spans, scores with their uncertainty, and the promotion decision."""

from seqtag.scoring.budget import Budget, fewest_test_documents
from seqtag.scoring.calibration import Calibration
from seqtag.scoring.common_ground import Anchor, AnchorKind, LeftOut, tag_change
from seqtag.scoring.decision import METRIC_NAMES, Decision, Opponent
from seqtag.scoring.detection import SchemeVerdict, detect_scheme
from seqtag.scoring.difference import Verdict
from seqtag.scoring.evaluate import Metrics, evaluate_predictions
from seqtag.scoring.gate import decide_promotion
from seqtag.scoring.metric import resolve_metric, score_value
from seqtag.scoring.own_level import clear_losses, parts_of
from seqtag.scoring.planning import IMPROVEMENTS, Plan, plan_test_split
from seqtag.scoring.rules import Cost, Costs
from seqtag.scoring.schemes import convert_tags, legal_transitions, split_tags
from seqtag.scoring.scores import Scores, evaluate
from seqtag.scoring.spans import SpanMode, Spans, spans_of, tags_of
from seqtag.scoring.spelling import Spelling, respell

__all__ = [
    "IMPROVEMENTS",
    "METRIC_NAMES",
    "Anchor",
    "AnchorKind",
    "Budget",
    "Calibration",
    "Cost",
    "Costs",
    "Decision",
    "LeftOut",
    "Metrics",
    "Opponent",
    "Plan",
    "SchemeVerdict",
    "Scores",
    "SpanMode",
    "Spans",
    "Spelling",
    "Verdict",
    "clear_losses",
    "convert_tags",
    "decide_promotion",
    "detect_scheme",
    "evaluate",
    "evaluate_predictions",
    "fewest_test_documents",
    "legal_transitions",
    "parts_of",
    "plan_test_split",
    "resolve_metric",
    "respell",
    "score_value",
    "spans_of",
    "split_tags",
    "tag_change",
    "tags_of",
]
