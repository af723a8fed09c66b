"""Doubtful tags: labels that may mark untagged tokens, and span corpora without an outside tag."""

from __future__ import annotations

from seqtag.corpus.corpus_profile import TagCounts
from seqtag.quality.violation_text import Violation, printable
from seqtag.tagging.spelling import Spelling

_MARKS = ("-", "_", "?", "nan", "null")  # not "none", which is a real label in many flat corpora


def doubtful_tags(tags: TagCounts, *, spelling: Spelling | None, n_untagged: int) -> list[Violation]:
    """Return a violation for each suspicious flat label, or for spans without any outside tag.

    Args:
        spelling: spelling of the span tags; None for flat labels.
        n_untagged: number of tokens without a tag.
    """
    if spelling is None:
        findings = [
            f"{printable(tag)} labels {sum(tags[tag].values()):,} tokens; if it marks untagged tokens, "
            f'set tags.partial = true and tags.unlabelled = "{printable(tag)}"'
            for tag in tags
            if tag.casefold() in _MARKS and any(tags[tag].values())
        ]
    elif n_untagged and tags and all(spelling.canonical(tag) != "O" for tag in tags):
        findings = [
            f"no token is tagged {spelling.outside} and {n_untagged:,} are untagged, so the model will make "
            "every token part of a span; if the untagged tokens are outside spans, remove tags.partial and "
            "set tags.outside to their mark, or set tag_default"
        ]
    else:
        findings = []
    return [Violation("doubtful_tags", None, "", "", finding, "") for finding in findings]
