"""Evidence that the rules are checked against, from the counts of the corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seqtag.config import QualityConfig
from seqtag.corpus import Profile, SourceRecord
from seqtag.corpus.corpus_profile import TagCounts
from seqtag.corpus.token_column_profile import ColumnProfile
from seqtag.quality.column_counts import EMPTY_COLUMN, UNSEEN_VALUES, empty_columns, unseen_values
from seqtag.quality.doubtful import doubtful_tags
from seqtag.quality.likely_causes import find_prevalence
from seqtag.quality.quarantine import EXAMPLES
from seqtag.quality.rule_verdicts import Evidence
from seqtag.quality.sequence_table import MeasuredCorpus
from seqtag.quality.small_splits import FEW_TEST_DOCUMENTS
from seqtag.quality.split_metrics import split_metrics
from seqtag.quality.validation_rules import UNKNOWN_SPLIT
from seqtag.quality.violation_text import Violation, printable
from seqtag.quality.violations import TableFindings, Violations


def corpus_evidence(
    measured: MeasuredCorpus,
    findings: Violations,
    violations: tuple[Violation, ...],
    *,
    wrong: Sequence[str],
    quality: QualityConfig,
    tags: TagCounts,
    columns: tuple[ColumnProfile, ...],
    previous: Profile | None,
    refusing: tuple[str, ...],
    split_origins: str,
    ambiguity: str,
    few_documents: Sequence[Violation],
    scheme: str,
    empty_split: str,
    sources: Sequence[SourceRecord],
    tables: TableFindings,
    files: Mapping[str, str],
) -> Evidence:
    """Return the metrics, and the violations of all rules: a sample of each, with exact numbers."""
    unsound = [Violation("schema", None, "", "", fault, "") for fault in wrong]
    rare = _rare_tags(tags, least=quality.min_tag_support)
    empty, unseen = empty_columns(columns), unseen_values(columns, most=quality.max_unseen_values)
    unread = [Violation("unread_spelling", None, "", "", measured.scheme.unread or "", "")]
    unread = unread if measured.scheme.unread else []
    doubtful = doubtful_tags(
        tags,
        spelling=None if scheme == "none" else measured.spelling,
        n_untagged=sum(measured.tags.n_untagged()),
    )
    return Evidence(
        metrics=split_metrics(
            measured.table,
            findings,
            quality=quality,
            tags=tags,
            previous=previous,
        ),
        violations=(
            *unsound[:EXAMPLES],
            *unread,
            *few_documents,
            *doubtful,
            *violations,
            *rare[:EXAMPLES],
            *empty,
            *unseen,
        ),
        counts={
            "schema": len(wrong),
            **{rule: len(rows) for rule, rows in findings.rows.items()},
            "unread_spelling": len(unread),
            FEW_TEST_DOCUMENTS: len(few_documents),
            "doubtful_tags": len(doubtful),
            "rare_tags": len(rare),
            EMPTY_COLUMN: len(empty),
            UNSEEN_VALUES: len(unseen),
            "quarantine_budget": int((~findings.kept).sum()),
        },
        n_sequences=len(measured.table),
        n_tags=len(tags),
        n_columns=len(columns),
        refusing=refusing,
        split_origins=split_origins,
        ambiguity=ambiguity,
        majority_tag=_majority_tag(tags),
        scheme=scheme,
        empty_split=empty_split,
        prevalence=find_prevalence(
            findings.rows,
            among=(*refusing, UNKNOWN_SPLIT),
            n_sequences=len(measured.table),
            sources=sources,
        ),
        tables=tables,
        files=files,
    )


def _majority_tag(tags: TagCounts) -> str:
    """Return the most frequent tag, the first of equals; "" without tags."""
    return printable(max(tags, key=lambda tag: sum(tags[tag].values()))) if tags else ""


def _rare_tags(tags: TagCounts, *, least: int) -> list[Violation]:
    rare = sorted((counts["train"], tag) for tag, counts in tags.items() if counts["train"] < least)
    return [
        Violation("rare_tags", None, "", "train", f"tag {printable(tag)}, tokens in train: {count:,}", "")
        for count, tag in rare
    ]
