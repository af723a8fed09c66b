"""The promotion gate: comparison of challenger and champion, its rules, and the decision."""

from seqtag.gate.comparable_subset import ExcludedSequences, Substitute, SubstituteKind, tag_change
from seqtag.gate.decision import Decision, Opponent
from seqtag.gate.error_budget import Budget, fewest_test_documents
from seqtag.gate.gate_rules import GateRule
from seqtag.gate.paired_test import GateVerdict
from seqtag.gate.promotion_gate import decide_promotion
from seqtag.gate.sample_size import IMPROVEMENTS, Plan, plan_test_split
from seqtag.gate.score_losses import clear_losses, score_parts

__all__ = [
    "IMPROVEMENTS",
    "Budget",
    "Decision",
    "ExcludedSequences",
    "GateRule",
    "GateVerdict",
    "Opponent",
    "Plan",
    "Substitute",
    "SubstituteKind",
    "clear_losses",
    "decide_promotion",
    "fewest_test_documents",
    "plan_test_split",
    "score_parts",
    "tag_change",
]
