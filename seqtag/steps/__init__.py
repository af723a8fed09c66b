"""The verbs of a retraining.

Each reads files, calls the library once and writes one folder, or finds that folder already made from the
same inputs. They take and return addresses (a snapshot, a run directory), never data.
"""

from seqtag.registry import AuditContext
from seqtag.steps.anchor import anchor
from seqtag.steps.approval import (
    ApprovalRequest,
    needs_approval,
    open_approval_request,
    pending_request,
    record_response,
    reopen_approval,
    run_pending_approval,
    withdraw_request,
)
from seqtag.steps.baseline import baseline
from seqtag.steps.context import (
    StepName,
    Workspace,
    check_step_names,
    force,
    read_config,
    read_snapshot,
    redirect_library_caches,
)
from seqtag.steps.dashboard import (
    approval_card,
    approval_notice,
    corpus_card,
    outcome_notice,
    pictures,
    quarantine_table,
    report_url,
    retrain_card,
    score_table,
)
from seqtag.steps.dry_run import dry_run_text, explain
from seqtag.steps.intake import ingest, open_run, poll_sources, record_source_change, split, validate
from seqtag.steps.judgement import decide, evaluate, report
from seqtag.steps.learning import encode, index, train
from seqtag.steps.monitor import (
    drift,
    drift_card,
    drift_notice,
    is_new_verdict,
    monitor,
    record_notified,
    tagged_logs_path,
)
from seqtag.steps.outcome import RunOutcome, outcome_digest, outcome_text, run_outcome
from seqtag.steps.plan import plan
from seqtag.steps.promotion import audit_context, infra_validate, promote, register
from seqtag.steps.rollback import rollback

__all__ = [
    "ApprovalRequest",
    "AuditContext",
    "RunOutcome",
    "StepName",
    "Workspace",
    "anchor",
    "approval_card",
    "approval_notice",
    "audit_context",
    "baseline",
    "check_step_names",
    "corpus_card",
    "decide",
    "drift",
    "drift_card",
    "drift_notice",
    "dry_run_text",
    "encode",
    "evaluate",
    "explain",
    "force",
    "index",
    "infra_validate",
    "ingest",
    "is_new_verdict",
    "monitor",
    "needs_approval",
    "open_approval_request",
    "open_run",
    "outcome_digest",
    "outcome_notice",
    "outcome_text",
    "pending_request",
    "pictures",
    "plan",
    "poll_sources",
    "promote",
    "quarantine_table",
    "read_config",
    "read_snapshot",
    "record_notified",
    "record_response",
    "record_source_change",
    "redirect_library_caches",
    "register",
    "reopen_approval",
    "report",
    "report_url",
    "retrain_card",
    "rollback",
    "run_outcome",
    "run_pending_approval",
    "score_table",
    "split",
    "tagged_logs_path",
    "train",
    "validate",
    "withdraw_request",
]
