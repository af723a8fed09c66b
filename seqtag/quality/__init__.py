"""Validate a snapshot: one streaming pass, quarantine, and a Great Expectations suite."""

from seqtag.quality.quarantine import REASONS, quarantine_reason, quarantine_schema
from seqtag.quality.untagged_validation import UntaggedCounts, validate_untagged
from seqtag.quality.validation import DATA_DOCS, PROFILE, QUARANTINE, validate
from seqtag.quality.violation_text import Requirements

__all__ = [
    "DATA_DOCS",
    "PROFILE",
    "QUARANTINE",
    "REASONS",
    "Requirements",
    "UntaggedCounts",
    "quarantine_reason",
    "quarantine_schema",
    "validate",
    "validate_untagged",
]
