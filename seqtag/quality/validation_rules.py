"""The rules: what is required of a corpus, how grave a breach is, and how both are said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from seqtag.config import QualityConfig, RowRule, SchemeName, Severity, SplitConfig, TagsConfig

ROW_RULES: tuple[RowRule, ...] = get_args(RowRule)
UNKNOWN_SPLIT = "unknown_split"
SEQUENCE_RULES: tuple[str, ...] = (*ROW_RULES, UNKNOWN_SPLIT)  # bit i of a sequence's faults
AMONG_SEQUENCES: tuple[RowRule, ...] = ("duplicate_id", "conflicting_labels")  # no sequence breaks them alone

# Judged by the offenders that were found, against none; the others by the metrics of the splits.
BY_OFFENDERS = frozenset(
    {*SEQUENCE_RULES, "schema", "unread_spelling", "few_test_documents", "doubtful_tags", "rare_tags"}
)

_CORPUS_RULES: Mapping[str, Severity] = {
    "schema": "fail",
    "complete_metrics": "fail",
    "empty_corpus": "fail",
    "too_few_sequences": "fail",
    "empty_split": "fail",
    UNKNOWN_SPLIT: "fail",
    "unread_spelling": "fail",
    "quarantine_budget": "fail",
    "few_test_documents": "warn",
    "duplicates": "warn",
    "leakage": "warn",
    "doubtful_tags": "warn",
    "rare_tags": "warn",
    "majority_tag": "warn",
    "tag_drift": "warn",
}

_REQUIRED: Mapping[str, str] = {
    "broken_sequence": "every sequence can be read as its source declares",
    "length_mismatch": "a sequence has as many tags as tokens",
    "missing_tag": "every token has a tag; tags.partial = true trains on sequences that lack some",
    "empty_token": "every sequence has tokens, none of them null or empty",
    "unknown_tag": "every tag is one of tags.declared",
    "illegal_transition": "every tag may follow the tag before it in scheme {scheme}",
    "over_long": "a sequence has at most {quality.max_length:,} tokens",
    "duplicate_id": (
        "a sequence id occurs once in a split that the sources name; of equal sequences the first is kept, "
        "of different ones none"
    ),
    "conflicting_labels": "the same tokens have the same tags wherever they occur",
    "schema": "the snapshot's columns are those of the corpus schema",
    "complete_metrics": "every split was measured, and no number is missing",
    "empty_corpus": "the corpus holds a sequence",
    "too_few_sequences": "at least {quality.min_sequences:,} sequences are left after quarantine",
    "empty_split": "train, dev and test each hold a sequence",
    UNKNOWN_SPLIT: "a split that a source names is train, dev or test, or split_names of the source maps it",
    "quarantine_budget": "at most {quality.quarantine_budget:.2%} of the sequences are quarantined",
    "duplicates": "at most {quality.max_duplicate_share:.2%} of the sequences repeat an earlier one",
    "leakage": (
        "at most {quality.max_leakage_share:.2%} of the sequences of dev and of test that have at least "
        "{quality.leakage_min_length} tokens also stand in train"
    ),
    "unread_spelling": (
        "tags of spans are spelled in a way that is read: convert them to B-PER and I-PER, or declare "
        'tags.scheme = "none" if they are flat labels'
    ),
    "few_test_documents": (
        "test holds at least {fewest_test_documents} documents, as the gate promotes no challenger on fewer"
    ),
    "doubtful_tags": (
        "tags tell apart which label a token has, that it has none, and that nobody knows: name what is a "
        "label in tags.declared"
    ),
    "rare_tags": "train holds every tag at least {quality.min_tag_support:,} times",
    "majority_tag": (
        "without a scheme, no tag has more than {quality.max_majority_share:.2%} of the tokens: where one "
        "has, accuracy says little"
    ),
    "tag_drift": (
        "the tags are distributed as in the previous snapshot: Jensen-Shannon divergence at most "
        "{quality.max_tag_drift:g} bits"
    ),
}


@dataclass(frozen=True)
class ValidationRule:
    """One rule that is in force."""

    name: str
    severity: Severity
    required: str

    @property
    def refuses(self) -> bool:
        """Whether a sequence that breaks it is kept out of the splits."""
        return self.name in ROW_RULES and self.severity in ("fail", "quarantine")


def rules_in_force(
    *,
    tags: TagsConfig,
    quality: QualityConfig,
    split: SplitConfig,
    scheme: SchemeName,
    has_previous: bool,
    fewest_test_documents: int,
) -> tuple[ValidationRule, ...]:
    """Return the rules that this configuration asks for; one that could not fail is not among them."""
    idle = {rule for rule in ROW_RULES if quality.severity(rule) == "off"}
    if tags.declared is None:
        idle.add("unknown_tag")
    if tags.partial:
        idle.add("missing_tag")
    severities: dict[str, Severity] = {rule: quality.severity(rule) for rule in ROW_RULES if rule not in idle}
    severities |= _CORPUS_RULES
    if scheme == "none":
        severities.pop("illegal_transition", None)
    else:
        del severities["majority_tag"]  # spans are scored by F1
    if tags.scheme != "auto":
        del severities["unread_spelling"]
    if tags.declared is not None:
        del severities["doubtful_tags"]
    if split.mode == "hash":
        del severities[UNKNOWN_SPLIT]  # what the sources name is not used
    if not has_previous:
        del severities["tag_drift"]
    if not fewest_test_documents:
        del severities["few_test_documents"]
    return tuple(
        ValidationRule(
            name,
            severity,
            _REQUIRED[name].format(
                quality=quality, scheme=scheme, fewest_test_documents=fewest_test_documents
            ),
        )
        for name, severity in severities.items()
    )


def fault_bit(rule: str) -> int:
    """Return the bit by which a sequence's faults say that it breaks `rule`."""
    return 1 << SEQUENCE_RULES.index(rule)
