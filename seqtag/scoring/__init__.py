"""Tag schemes, spans, scores with their uncertainty, and the promotion decision."""

from seqtag.scoring.schemes import (
    SchemeVerdict,
    convert_tags,
    detect_scheme,
    legal_transitions,
    split_tags,
)
from seqtag.scoring.spans import SpanMode, Spans, spans_of, tags_of

__all__ = [
    "SchemeVerdict",
    "SpanMode",
    "Spans",
    "convert_tags",
    "detect_scheme",
    "legal_transitions",
    "spans_of",
    "split_tags",
    "tags_of",
]
