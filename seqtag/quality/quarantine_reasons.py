"""What is wrong with a sequence of quarantine.parquet, told from its row alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtag.quality.quarantine import REASONS
from seqtag.quality.violation_text import Requirements, describe

_BY_ANOTHER = {  # which one it is, a row does not say
    "duplicate_id": "another sequence has the same id",
    "conflicting_labels": "another sequence has the same tokens and other tags",
}


def quarantine_reason(sequence: Mapping[str, Any], required: Requirements) -> str:
    """Say what is wrong with a quarantined sequence, and at which token, for each reason that it has.

    Args:
        sequence: a row of quarantine.parquet.
        required: what it was judged by.
    """
    return "; ".join(
        _BY_ANOTHER.get(rule) or describe(rule, 0, sequence, other=None, required=required).finding
        for rule in sequence[REASONS]
    )
