"""Profile a snapshot in two reads: counts, violations and quarantine, but no verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import (
    QualityConfig,
    ReadColumn,
    SchemeName,
    Split,
    SplitConfig,
    TagsConfig,
    sqlite_types,
)
from seqtag.corpus import Profile, SourceRecord, read_places
from seqtag.corpus.corpus_profile import (
    Ambiguity,
    QuarantineSize,
    SchemeChoice,
    SplitOrigins,
    SplitSize,
    TagCounts,
)
from seqtag.corpus.schema import TAGS, corpus_schema
from seqtag.corpus.split_plan import count_origins, describe_origins, origins_sentence
from seqtag.corpus.token_column_profile import ColumnProfile
from seqtag.corpus.untagged import lost_sentence, trained_tags
from seqtag.errors import TagSchemeError
from seqtag.io.row_groups import read_row_groups
from seqtag.quality.broken_files import broken_files
from seqtag.quality.column_counts import profile_columns
from seqtag.quality.corpus_evidence import corpus_evidence
from seqtag.quality.expectation_tables import judge_tables
from seqtag.quality.quarantine import quarantine
from seqtag.quality.rule_verdicts import Evidence, ambiguity_sentence, scheme_choice, untagged_sentence
from seqtag.quality.sequence_table import MeasuredCorpus, Splitter, measure_corpus
from seqtag.quality.small_splits import empty_split_reason, few_test_documents
from seqtag.quality.snapshot_reader import schema_faults
from seqtag.quality.split_metrics import CORPUS, ambiguous_shares, split_sizes
from seqtag.quality.validation_rules import (
    SEQUENCE_RULES,
    ValidationRule,
    expectation_rule,
    rules_in_force,
)
from seqtag.quality.violation_text import Requirements, Violation, located
from seqtag.quality.violations import TableFindings, Violations, find_violations
from seqtag.tagging.spelling import Spelling


@dataclass(frozen=True)
class ProfiledCorpus:
    """Active rules, the evidence they are checked against, and the parts of the profile without a verdict."""

    rules: tuple[ValidationRule, ...]
    evidence: Evidence
    scheme: SchemeChoice
    splits: Mapping[Split, SplitSize]
    untagged: str  # sentence about tokens without a tag
    split_origins: SplitOrigins
    ambiguity: Ambiguity
    quarantined: QuarantineSize
    tags: TagCounts
    columns: tuple[ColumnProfile, ...]  # of tokens


def profile_corpus(
    parts: Sequence[Path],
    *,
    columns: Sequence[str],
    token_columns: Sequence[str] = (),
    read_columns: Sequence[ReadColumn] = (),
    tags: TagsConfig,
    quality: QualityConfig,
    split: SplitConfig,
    previous: Profile | None,
    quarantine_file: Path,
    fewest_test_documents: int = 0,
    sources: Sequence[SourceRecord] = (),
    places: Path | None = None,
) -> ProfiledCorpus:
    """Profile a snapshot and write the quarantine.

    The second read covers only the sequences that are refused or shown.

    Args:
        columns: further columns of sequences.
        token_columns: further columns of tokens.
        read_columns: those that the model reads.
        fewest_test_documents: minimum for the test split; 0: no minimum.
        sources: the readers' record of each source.
        places: file written by `PlacesWriter`.
    """
    schema = corpus_schema(columns, token_columns)
    wrong = schema_faults(parts, schema)
    sound_parts = () if wrong else tuple(parts)  # missing columns cannot be measured
    splitter = Splitter(sound_parts, split)
    measured = measure_corpus(
        sound_parts, tags=tags, quality=quality, splitter=splitter, columns=read_columns
    )
    scheme = measured.scheme.scheme if tags.scheme == "auto" else tags.scheme
    rules = rules_in_force(
        tags=tags,
        quality=quality,
        split=split,
        scheme=scheme,
        has_previous=previous is not None,
        fewest_test_documents=fewest_test_documents,
        read_columns=read_columns,
    )
    find = partial(find_violations, measured.table, scheme=scheme, min_length=quality.leakage_min_length)
    findings, tables = find(rules, failing={}), TableFindings()
    wanted = {name: each for name, each in quality.expectations.items() if each.severity != "off"}
    if wanted and findings.kept.any():
        tables = judge_tables(
            sound_parts,
            measured,
            kept=findings.kept,
            expectations=wanted,
            columns=columns,
            token_columns=sqlite_types(token_columns, read_columns),
            tags=tags,
            scheme=scheme,
            folder=quarantine_file.parent,
        )
        rules = (*rules, *(expectation_rule(name, each) for name, each in wanted.items()))
        findings = find(rules, failing=tables.failing)
    refusing = tuple(rule.name for rule in rules if rule.refuses)
    violations = quarantine(
        sound_parts,
        measured,
        findings,
        refusing=refusing,
        corpus=schema,
        splitter=splitter,
        required=Requirements.of(scheme, tags, quality, measured.spelling, read_columns),
        file=quarantine_file,
    )
    if places is not None:
        violations = _located(violations, places)
    tag_counts = measured.tags.counts(also=tags.declared or ())
    split_origins = _split_origins(measured, findings, splitter)
    ambiguous = _ambiguity(measured, findings, refusing)
    column_profiles = profile_columns(sound_parts, read_columns, measured.table, kept=findings.kept)
    splits = split_sizes(
        measured.table,
        findings,
        n_types=measured.types.n_types(),
        n_untagged=measured.tags.n_untagged(),
    )
    return ProfiledCorpus(
        rules=rules,
        evidence=corpus_evidence(
            measured,
            findings,
            violations,
            wrong=wrong,
            quality=quality,
            tags=tag_counts,
            columns=column_profiles,
            previous=previous,
            refusing=refusing,
            split_origins=split_origins.sentence,
            ambiguity=ambiguous.sentence,
            few_documents=few_test_documents(
                measured.table, findings, fewest=fewest_test_documents, parts=sound_parts
            ),
            scheme="none" if scheme == "none" else f"{scheme} ({measured.spelling.sample(scheme)})",
            empty_split=empty_split_reason(measured.table, findings, plan=splitter.plan, parts=sound_parts),
            sources=sources,
            tables=tables,
            files={}
            if places is None
            else broken_files(
                {name: rows for name, rows in findings.rows.items() if name in SEQUENCE_RULES},
                sound_parts,
                places=places,
                tags=tags,
                scheme=scheme,
                spelling=measured.spelling,
            ),
        ),
        scheme=scheme_choice(tags, measured.scheme, used=scheme, spelling=measured.spelling),
        splits=splits,
        untagged=untagged_sentence(
            splits, lost=_lost(sound_parts, findings, tags, scheme=scheme, spelling=measured.spelling)
        ),
        split_origins=split_origins,
        ambiguity=ambiguous,
        quarantined=_quarantined(findings, rules, budget=quality.quarantine_budget),
        tags=tag_counts,
        columns=column_profiles,
    )


def _lost(
    parts: Sequence[Path], findings: Violations, tags: TagsConfig, *, scheme: SchemeName, spelling: Spelling
) -> str:
    """Describe how many tags the split step will lose by converting the scheme; "" if none."""
    if tags.mark is None or scheme in ("none", tags.train_scheme):
        return ""
    n_lost = 0
    for first_row, batch in read_row_groups(parts, [TAGS], coded=[TAGS]):
        kept = pa.array(findings.kept[first_row : first_row + len(batch)])
        found = pc.cast(batch.column(TAGS).filter(kept), pa.list_(pa.string()))
        try:
            _, n = trained_tags(
                found, mark=tags.mark, scheme=scheme, spelling=spelling, train_scheme=tags.train_scheme
            )
        except TagSchemeError:  # the split step reports the tag
            return ""
        n_lost += n
    return lost_sentence(n_lost, tags.train_scheme) if n_lost else ""


def _located(violations: Sequence[Violation], file: Path) -> tuple[Violation, ...]:
    rows = {row for o in violations for row in (o.row, o.other) if row is not None}
    places = read_places(file, np.array(sorted(rows), np.int64))
    return tuple(located(violation, places) for violation in violations)


def _split_origins(measured: MeasuredCorpus, findings: Violations, splitter: Splitter) -> SplitOrigins:
    """Return the splits that no source labels; sizes are after quarantine."""
    labels, splits = (column[findings.kept] for column in (measured.table.label, measured.table.split))
    unlabelled = describe_origins(splitter.plan, count_origins(labels, splits))
    return SplitOrigins(origins_sentence(unlabelled), unlabelled)


def _ambiguity(measured: MeasuredCorpus, findings: Violations, refusing: Sequence[str]) -> Ambiguity:
    """Return the sequences whose tokens also occur with other tags."""
    left_out = "conflicting_labels" in refusing
    found = ambiguous_shares(measured.table, findings)
    return Ambiguity(
        sentence=ambiguity_sentence(found[CORPUS], left_out=left_out),
        left_out=left_out,
        corpus=found[CORPUS],
        train=found["train"],
        dev=found["dev"],
        test=found["test"],
    )


def _quarantined(findings: Violations, rules: Sequence[ValidationRule], *, budget: float) -> QuarantineSize:
    n_refused = int((~findings.kept).sum())
    return QuarantineSize(
        n_sequences=n_refused,
        share=n_refused / len(findings.kept) if n_refused else 0.0,
        budget=budget,
        by_rule={rule.name: len(findings.rows[rule.name]) for rule in rules if rule.refuses},
    )
