"""Reports for people: the HTML page, Markdown and tables for the dashboard, and the terminal summary."""

from seqtag.reporting.changed_sequences import ChangesView, changes_text, changes_view, write_changes
from seqtag.reporting.corpus_card import corpus_markdown, quarantine_rows
from seqtag.reporting.drift_card import drift_markdown
from seqtag.reporting.fleet import FleetStatus, TaggerStatus, fleet_html, fleet_markdown, fleet_text
from seqtag.reporting.markdown import record_table
from seqtag.reporting.report_page import (
    REPORT,
    ReportContext,
    write_report,
)
from seqtag.reporting.retrain_card import (
    CompletedStep,
    InputChanges,
    approval_markdown,
    changed_settings,
    retrain_markdown,
)
from seqtag.reporting.run_summary import summary_lines, verdict_lines
from seqtag.reporting.sample_size_text import plan_text
from seqtag.reporting.score_card import score_markdown
from seqtag.reporting.scored_runs import STATES, RunState, RunSummary, ScoredRun
from seqtag.reporting.sentences import still_served, verdict_warnings
from seqtag.reporting.tagging_card import TaggingSummary, tagging_markdown

__all__ = [
    "REPORT",
    "STATES",
    "ChangesView",
    "CompletedStep",
    "FleetStatus",
    "InputChanges",
    "ReportContext",
    "RunState",
    "RunSummary",
    "ScoredRun",
    "TaggerStatus",
    "TaggingSummary",
    "approval_markdown",
    "changed_settings",
    "changes_text",
    "changes_view",
    "corpus_markdown",
    "drift_markdown",
    "fleet_html",
    "fleet_markdown",
    "fleet_text",
    "plan_text",
    "quarantine_rows",
    "record_table",
    "retrain_markdown",
    "score_markdown",
    "still_served",
    "summary_lines",
    "tagging_markdown",
    "verdict_lines",
    "verdict_warnings",
    "write_changes",
    "write_report",
]
