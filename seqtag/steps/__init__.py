"""The steps of a retraining, in the order of `seqtag.pipeline`, and what is done around them.

A step reads files, calls the library once and writes one folder, or reuses a folder that was made from the
same inputs. Steps are given paths (a snapshot, a run directory) and never data.
"""

from seqtag.pipeline import StepName
from seqtag.registry import AuditContext
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
from seqtag.steps.audit import audit_context
from seqtag.steps.baseline import baseline
from seqtag.steps.check import CorpusCheck, check, check_text
from seqtag.steps.context import Workspace, read_config, read_snapshot, scheduler_for
from seqtag.steps.dashboard import (
    approval_card,
    approval_notice,
    corpus_card,
    outcome_notice,
    quarantine_card,
    report_url,
    retrain_card,
    score_card,
)
from seqtag.steps.decide import decide
from seqtag.steps.diff import diff
from seqtag.steps.draft import Draft, draft, tagger_name_of
from seqtag.steps.dry_run import dry_run_text, explain
from seqtag.steps.encode import encode
from seqtag.steps.evaluate import evaluate
from seqtag.steps.finish_tagging import finish_tagging, tagging_card, tagging_sentence
from seqtag.steps.fleet import fleet, fleet_card
from seqtag.steps.flow_records import LastFlowRun, WorkerReport, record_flow_run, record_worker_report
from seqtag.steps.index import index
from seqtag.steps.ingest import ingest, ingest_untagged, poll_sources, record_source_change
from seqtag.steps.monitor import (
    drift,
    drift_card,
    drift_notice,
    is_new_verdict,
    monitor,
    record_notified,
    tagged_logs_path,
)
from seqtag.steps.open_run import open_run, open_runs
from seqtag.steps.open_tagging import is_finished, open_tagging
from seqtag.steps.outcome import (
    RunOutcome,
    final_decision,
    outcome_digest,
    outcome_text,
    run_outcome,
    servers_note,
    status_text,
)
from seqtag.steps.plan import plan
from seqtag.steps.promote import promote
from seqtag.steps.register import register
from seqtag.steps.remove import freed_bytes, removable_folders, remove
from seqtag.steps.report import report
from seqtag.steps.retention import Retention, retention, snapshots_locked
from seqtag.steps.retrain_champion import ChampionSubstitute, retrain_champion
from seqtag.steps.rollback import rollback
from seqtag.steps.run_inputs import link_runs
from seqtag.steps.smoke_test import smoke_test
from seqtag.steps.split import split
from seqtag.steps.step import check_step_names, force
from seqtag.steps.tag_parts import groups_of_parts, tag_parts
from seqtag.steps.train import train
from seqtag.steps.validate import validate

__all__ = [
    "ApprovalRequest",
    "AuditContext",
    "ChampionSubstitute",
    "CorpusCheck",
    "Draft",
    "LastFlowRun",
    "Retention",
    "RunOutcome",
    "StepName",
    "WorkerReport",
    "Workspace",
    "approval_card",
    "approval_notice",
    "audit_context",
    "baseline",
    "check",
    "check_step_names",
    "check_text",
    "corpus_card",
    "decide",
    "diff",
    "draft",
    "drift",
    "drift_card",
    "drift_notice",
    "dry_run_text",
    "encode",
    "evaluate",
    "explain",
    "final_decision",
    "finish_tagging",
    "fleet",
    "fleet_card",
    "force",
    "freed_bytes",
    "groups_of_parts",
    "index",
    "ingest",
    "ingest_untagged",
    "is_finished",
    "is_new_verdict",
    "link_runs",
    "monitor",
    "needs_approval",
    "open_approval_request",
    "open_run",
    "open_runs",
    "open_tagging",
    "outcome_digest",
    "outcome_notice",
    "outcome_text",
    "pending_request",
    "plan",
    "poll_sources",
    "promote",
    "quarantine_card",
    "read_config",
    "read_snapshot",
    "record_flow_run",
    "record_notified",
    "record_response",
    "record_source_change",
    "record_worker_report",
    "register",
    "removable_folders",
    "remove",
    "reopen_approval",
    "report",
    "report_url",
    "retention",
    "retrain_card",
    "retrain_champion",
    "rollback",
    "run_outcome",
    "run_pending_approval",
    "scheduler_for",
    "score_card",
    "servers_note",
    "smoke_test",
    "snapshots_locked",
    "split",
    "status_text",
    "tag_parts",
    "tagged_logs_path",
    "tagger_name_of",
    "tagging_card",
    "tagging_sentence",
    "train",
    "validate",
    "withdraw_request",
]
