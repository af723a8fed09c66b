"""Tags that may as well mean that nobody knows the tag, and corpora that never say what is no span."""

from __future__ import annotations

from seqtag.quality.split_metrics import TagCounts
from seqtag.quality.violation_text import Violation, printable
from seqtag.tagging.spelling import Spelling

_MARKS = ("-", "_", "?", "nan", "null")  # not "none", which is a label of many flat corpora


def doubtful_tags(tags: TagCounts, *, spelling: Spelling | None, n_untagged: int) -> list[Violation]:
    """Return one offender for each mark among flat labels, or for spans beside which nothing is outside.

    Args:
        spelling: of spans; None for flat labels.
        n_untagged: tokens without a tag.
    """
    if spelling is None:
        findings = [
            f"{printable(tag)} is a label of {sum(tags[tag].values()):,} tokens; if it stands for a tag that "
            f'nobody knows, set tags.partial = true and tags.unlabelled = "{printable(tag)}"'
            for tag in tags
            if tag.casefold() in _MARKS and any(tags[tag].values())
        ]
    elif n_untagged and tags and all(spelling.canonical(tag) != "O" for tag in tags):
        findings = [
            f"no token has the tag {spelling.outside}, and {n_untagged:,} have none: the model will make "
            "every token part of a span; if these are outside spans, leave out tags.partial and set "
            "tags.outside to their mark, or tag_default"
        ]
    else:
        findings = []
    return [Violation("doubtful_tags", None, "", "", finding, "") for finding in findings]
