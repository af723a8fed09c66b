"""The verbs of a retraining.

Each reads files, calls the library once and writes one folder, or finds that folder already made from the
same inputs. They take and return addresses (a snapshot, a run directory), never data.
"""

from seqtag.registry import Occasion
from seqtag.steps.anchor import anchor
from seqtag.steps.approval import (
    Question,
    answer,
    ask,
    ask_again,
    run_asked_about,
    standing_question,
    wants_approval,
    withdraw,
)
from seqtag.steps.baseline import baseline
from seqtag.steps.context import (
    Place,
    StepName,
    confine_libraries,
    force,
    read_config,
    read_snapshot,
    require_steps,
)
from seqtag.steps.dashboard import (
    corpus_card,
    page_of,
    pictures,
    quarantine_table,
    question_card,
    question_notice,
    retrain_card,
    score_table,
    verdict_notice,
)
from seqtag.steps.dry_run import explain, explanation
from seqtag.steps.intake import ingest, look_at_sources, note_sources, open_run, split, validate
from seqtag.steps.judgement import decide, evaluate, report
from seqtag.steps.learning import encode, index, train
from seqtag.steps.monitor import drift, drift_card, drift_notice, is_news, monitor, note_news, path_of_logs
from seqtag.steps.outcome import Verdict, conclusion, summary, verdict
from seqtag.steps.plan import plan
from seqtag.steps.promotion import infra_validate, occasion, promote, register
from seqtag.steps.rollback import rollback

__all__ = [
    "Occasion",
    "Place",
    "Question",
    "StepName",
    "Verdict",
    "anchor",
    "answer",
    "ask",
    "ask_again",
    "baseline",
    "conclusion",
    "confine_libraries",
    "corpus_card",
    "decide",
    "drift",
    "drift_card",
    "drift_notice",
    "encode",
    "evaluate",
    "explain",
    "explanation",
    "force",
    "index",
    "infra_validate",
    "ingest",
    "is_news",
    "look_at_sources",
    "monitor",
    "note_news",
    "note_sources",
    "occasion",
    "open_run",
    "page_of",
    "path_of_logs",
    "pictures",
    "plan",
    "promote",
    "quarantine_table",
    "question_card",
    "question_notice",
    "read_config",
    "read_snapshot",
    "register",
    "report",
    "require_steps",
    "retrain_card",
    "rollback",
    "run_asked_about",
    "score_table",
    "split",
    "standing_question",
    "summary",
    "train",
    "validate",
    "verdict",
    "verdict_notice",
    "wants_approval",
    "withdraw",
]
