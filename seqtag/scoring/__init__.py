"""Tag schemes, spans, scores with their uncertainty, and the promotion decision."""

from seqtag.scoring.schemes import (
    SchemeVerdict,
    convert_tags,
    detect_scheme,
    legal_transitions,
    split_tags,
)

__all__ = [
    "SchemeVerdict",
    "convert_tags",
    "detect_scheme",
    "legal_transitions",
    "split_tags",
]
