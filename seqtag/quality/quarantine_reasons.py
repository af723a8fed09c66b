"""Describe the defects of a quarantined sequence from its row alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtag.quality.quarantine import REASONS
from seqtag.quality.violation_text import Requirements, describe

_BY_ANOTHER = {  # the row does not say which other sequence
    "duplicate_id": "another sequence has the same id",
    "conflicting_labels": "another sequence has the same tokens but different tags",
}


def quarantine_reason(sequence: Mapping[str, Any], required: Requirements) -> str:
    """Describe each defect of a quarantined sequence and the token it concerns, joined by "; ".

    Args:
        sequence: a row of quarantine.parquet.
        required: requirements it was checked against.
    """
    return "; ".join(
        _BY_ANOTHER.get(rule) or describe(rule, 0, sequence, other=None, required=required).finding
        for rule in sequence[REASONS]
    )
