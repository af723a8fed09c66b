"""Validation rules: requirement, severity and wording of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from seqtag.config import (
    ExpectationConfig,
    QualityConfig,
    ReadColumn,
    RowRule,
    SchemeName,
    Severity,
    SplitConfig,
    TagsConfig,
)
from seqtag.corpus.token_values import is_parsed

ROW_RULES: tuple[RowRule, ...] = get_args(RowRule)
UNKNOWN_SPLIT = "unknown_split"
SEQUENCE_RULES: tuple[str, ...] = (*ROW_RULES, UNKNOWN_SPLIT)  # bit i of a sequence's faults
AMONG_SEQUENCES: tuple[RowRule, ...] = ("duplicate_id", "conflicting_labels")  # each needs a second sequence

# Checked by counting violations; the other rules by the metrics of the splits.
BY_VIOLATIONS = frozenset(
    {
        *SEQUENCE_RULES,
        "schema",
        "unread_spelling",
        "few_test_documents",
        "doubtful_tags",
        "rare_tags",
        "empty_column",
        "unseen_values",
    }
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
    "volume_loss": "fail",
    "few_test_documents": "warn",
    "duplicates": "warn",
    "leakage": "warn",
    "doubtful_tags": "warn",
    "rare_tags": "warn",
    "empty_column": "warn",
    "unseen_values": "warn",
    "majority_tag": "warn",
    "tag_drift": "warn",
}

_REQUIRED: Mapping[str, str] = {
    "broken_sequence": "every sequence can be parsed as its source declares",
    "length_mismatch": "every sequence has as many tags as tokens",
    "missing_tag": "every token has a tag; set tags.partial = true to train on partly tagged sequences",
    "empty_token": "every sequence has tokens, and none is null or empty",
    "unknown_tag": "every tag is listed in tags.declared",
    "illegal_transition": "every tag may follow the tag before it in scheme {scheme}",
    "over_long": "a sequence has at most {quality.max_length:,} tokens",
    "duplicate_id": (
        "sequence ids are unique within each split that the sources name; of several identical sequences the "
        "first is kept, of different ones none"
    ),
    "conflicting_labels": "the same tokens have the same tags wherever they occur",
    "invalid_value": "every value of a column that features.columns reads as numbers or times is one",
    "schema": "the snapshot's columns match the corpus schema",
    "complete_metrics": "the metrics of every split are complete",
    "empty_corpus": "the corpus contains at least one sequence",
    "too_few_sequences": "at least {quality.min_sequences:,} sequences are left after quarantine",
    "empty_split": "train, dev and test each contain at least one sequence",
    UNKNOWN_SPLIT: "sources name only the splits train, dev and test, or map other names with split_names",
    "quarantine_budget": "at most {quality.quarantine_budget:.2%} of the sequences are quarantined",
    "volume_loss": (
        "at most {quality.max_volume_loss:.2%} fewer sequences than in the corpus of the champion; raise "
        "quality.max_volume_loss if they were removed on purpose"
    ),
    "duplicates": "at most {quality.max_duplicate_share:.2%} of the sequences repeat an earlier one",
    "leakage": (
        "at most {quality.max_leakage_share:.2%} of the dev and of the test sequences with at least "
        "{quality.leakage_min_length} tokens also occur in train"
    ),
    "unread_spelling": (
        "span tags have a supported spelling: convert them to B-PER and I-PER, or declare "
        'tags.scheme = "none" if they are flat labels'
    ),
    "few_test_documents": (
        "test contains at least {fewest_test_documents} documents; with fewer, the gate never promotes"
    ),
    "doubtful_tags": (
        "tags distinguish labelled, outside and untagged tokens; list the real labels in tags.declared"
    ),
    "rare_tags": "train contains every tag at least {quality.min_tag_support:,} times",
    "empty_column": "every column that features.columns reads has values in train",
    "unseen_values": (
        "at most {quality.max_unseen_values:.2%} of the values of a category or set in dev and in test are "
        "not in train"
    ),
    "majority_tag": (
        "without a scheme, no tag covers more than {quality.max_majority_share:.2%} of the tokens, or "
        "accuracy means little"
    ),
    "tag_drift": (
        "tags are distributed as in the corpus of the champion: Jensen-Shannon divergence at most "
        "{quality.max_tag_drift:g} bits"
    ),
}


@dataclass(frozen=True)
class ValidationRule:
    """An active rule."""

    name: str
    severity: Severity
    required: str

    @property
    def refuses(self) -> bool:
        """True if a sequence that breaks the rule is kept out of the splits."""
        return self.severity == "quarantine" or (self.name in ROW_RULES and self.severity == "fail")


def expectation_rule(name: str, expectation: ExpectationConfig) -> ValidationRule:
    """Return the rule of an expectation of the tagger's file."""
    return ValidationRule(f"expectations.{name}", expectation.severity, expectation.sentence)


def rules_in_force(
    *,
    tags: TagsConfig,
    quality: QualityConfig,
    split: SplitConfig,
    scheme: SchemeName,
    has_previous: bool,
    fewest_test_documents: int,
    read_columns: Sequence[ReadColumn] = (),
) -> tuple[ValidationRule, ...]:
    """Return the rules that are active under this configuration, without those that cannot fail.

    Args:
        read_columns: columns of the tokens that the model reads.
    """
    idle = {rule for rule in ROW_RULES if quality.severity(rule) == "off"}
    if tags.declared is None:
        idle.add("unknown_tag")
    if tags.partial:
        idle.add("missing_tag")
    if not any(map(is_parsed, read_columns)):
        idle.add("invalid_value")
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
        del severities[UNKNOWN_SPLIT]  # splits named by the sources are ignored
    if not has_previous:
        del severities["tag_drift"], severities["volume_loss"]
    if not read_columns:
        del severities["empty_column"]
    if all(map(is_parsed, read_columns)):  # numbers and times that train lacks are read as others are
        del severities["unseen_values"]
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
    """Return the bit of `rule` in a sequence's faults."""
    return 1 << SEQUENCE_RULES.index(rule)
