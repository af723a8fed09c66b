"""Validation: one streaming pass over a snapshot, quarantine, and Great Expectations' judgement."""

from seqtag.quality.offenders import Requirements
from seqtag.quality.quarantine import REASONS, quarantine_schema
from seqtag.quality.refused import finding
from seqtag.quality.validation import DATA_DOCS, PROFILE, QUARANTINE, validate

__all__ = [
    "DATA_DOCS",
    "PROFILE",
    "QUARANTINE",
    "REASONS",
    "Requirements",
    "finding",
    "quarantine_schema",
    "validate",
]
