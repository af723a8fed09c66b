"""What people read: the HTML report, the verdict in Markdown, the last lines on the terminal."""

from seqtag.reporting.drift import drift_markdown
from seqtag.reporting.page import REPORT, ReportContext, write_report
from seqtag.reporting.verdict import summary_lines, verdict_markdown

__all__ = ["REPORT", "ReportContext", "drift_markdown", "summary_lines", "verdict_markdown", "write_report"]
