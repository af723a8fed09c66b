"""Validation: one streaming pass over a snapshot, quarantine, and Great Expectations' judgement."""

from seqtag.quality.quarantine import REASONS, quarantine_schema
from seqtag.quality.validation import DATA_DOCS, PROFILE, QUARANTINE, validate

__all__ = ["DATA_DOCS", "PROFILE", "QUARANTINE", "REASONS", "quarantine_schema", "validate"]
