"""What people read: the HTML report, the dashboard's Markdown and tables, the last lines on the terminal."""

from seqtag.reporting.card import Changes, Done, changed_settings, question_markdown, retrain_markdown
from seqtag.reporting.corpus import corpus_markdown, quarantine_rows
from seqtag.reporting.drift import drift_markdown
from seqtag.reporting.page import REPORT, ReportContext, confusion_picture, learning_curves, write_report
from seqtag.reporting.plots import Picture
from seqtag.reporting.summary import summary_lines, verdict_lines
from seqtag.reporting.tables import score_rows
from seqtag.reporting.test_split import plan_text

__all__ = [
    "REPORT",
    "Changes",
    "Done",
    "Picture",
    "ReportContext",
    "changed_settings",
    "confusion_picture",
    "corpus_markdown",
    "drift_markdown",
    "learning_curves",
    "plan_text",
    "quarantine_rows",
    "question_markdown",
    "retrain_markdown",
    "score_rows",
    "summary_lines",
    "verdict_lines",
    "write_report",
]
