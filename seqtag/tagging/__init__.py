"""Tag schemes, their spellings, and spans."""

from seqtag.tagging.scheme_detection import SchemeVerdict, detect_scheme
from seqtag.tagging.schemes import convert_tags, legal_transitions, split_tags
from seqtag.tagging.spans import SpanMode, Spans, spans_of, tags_of
from seqtag.tagging.spelling import Spelling, respell

__all__ = [
    "SchemeVerdict",
    "SpanMode",
    "Spans",
    "Spelling",
    "convert_tags",
    "detect_scheme",
    "legal_transitions",
    "respell",
    "spans_of",
    "split_tags",
    "tags_of",
]
