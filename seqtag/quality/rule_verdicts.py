"""Verdict in words: the requirement and finding of each rule, and one sentence for the corpus."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqtag.config import SPLITS, SchemeName, Severity, Split, TagsConfig
from seqtag.corpus import SourceRecord, contradictions_sentence
from seqtag.corpus.corpus_profile import AmbiguousShare, SchemeChoice, SplitSize
from seqtag.formatting import shortened
from seqtag.quality.likely_causes import Prevalence
from seqtag.quality.split_metrics import CORPUS
from seqtag.quality.validation_rules import SEQUENCE_RULES, UNKNOWN_SPLIT, ValidationRule
from seqtag.quality.violation_text import Violation
from seqtag.quality.violations import TableFindings
from seqtag.tagging.scheme_detection import SchemeVerdict
from seqtag.tagging.spelling import CANONICAL_SPELLING, Spelling

if TYPE_CHECKING:
    import pandas as pd

_LONGEST = 300  # characters of the first finding in the sentence
_NAMED_WITH_FINDING = frozenset({"few_test_documents", "empty_column", "unseen_values"})
_BY_LOSS = frozenset({"quarantine_budget", "too_few_sequences"})


@dataclass(frozen=True)
class Evidence:
    """Evidence for checking the rules: split metrics, a sample of violations, and their exact counts."""

    metrics: pd.DataFrame  # one row for the corpus, one per split
    violations: tuple[Violation, ...]  # a sample for each rule
    counts: Mapping[str, int]  # rule -> exact number of violations
    n_sequences: int  # received
    n_tags: int
    refusing: tuple[str, ...]  # active rules that quarantine a sequence
    split_origins: str  # sentence about the origin of dev and test
    ambiguity: str  # sentence about the share of ambiguous sequences
    n_columns: int = 0  # columns of tokens that the model reads
    majority_tag: str = ""  # the most frequent tag
    scheme: str = "none"  # with its spelling: "IOB2 (B-X, I-X and O)"
    empty_split: str = ""  # why a split is empty
    prevalence: Prevalence | None = None  # the rule broken by most of the corpus or of a source
    tables: TableFindings = field(default_factory=TableFindings)  # of the expectations of the tagger's file
    files: Mapping[str, str] = field(default_factory=dict)  # by rule: "all in b.conll (of 10 files)"

    def judged(self, rule: str) -> int:
        """Return the number of things checked against `rule`."""
        others = {
            "rare_tags": self.n_tags,
            "empty_column": self.n_columns,
            "unseen_values": self.n_columns,
            "schema": self.counts["schema"],
        }
        return others.get(rule, self.n_sequences)

    def metric(self, name: str, split: str = CORPUS) -> float:
        """Return one metric, NaN if it is missing."""
        return float(next(iter(self.metrics.loc[self.metrics["split"] == split, name]), math.nan))


@dataclass(frozen=True)
class RuleVerdict:
    """Outcome of a rule. `count`: its violations; 0 or 1 for a rule without countable ones."""

    rule: str
    severity: Severity
    count: int
    passed: bool
    required: str
    received: str

    @property
    def message(self) -> str:
        return f"expected: {self.required}; found: {self.received}"


def rule_verdicts(
    rules: Sequence[ValidationRule], evidence: Evidence, *, passed: Mapping[str, bool]
) -> tuple[RuleVerdict, ...]:
    """Return the requirement, finding and outcome of each rule."""
    return tuple(
        RuleVerdict(
            rule=rule.name,
            severity=rule.severity,
            count=evidence.counts.get(rule.name, int(not passed[rule.name])),
            passed=passed[rule.name],
            required=rule.required,
            received=_received(rule, evidence),
        )
        for rule in rules
    )


def corpus_sentence(
    verdicts: Sequence[RuleVerdict],
    evidence: Evidence,
    *,
    defined: int,
    evaluated: int,
    sources: Sequence[SourceRecord] = (),
) -> tuple[bool, str]:
    """Return whether the corpus is accepted, and the reason in one line.

    Args:
        sources: the readers' record of each source, with its contradictions.
    """
    if evaluated < defined or not defined:
        errors = "".join(f"; {rule}: {error}" for rule, error in evidence.tables.errors.items())
        return False, f"refused: only {evaluated} of {defined} expectations were evaluated{errors}."
    broken = [verdict for verdict in verdicts if not verdict.passed]
    fatal = [verdict for verdict in broken if verdict.severity == "fail"]
    if any(verdict.rule == "schema" for verdict in fatal):
        fatal = [
            verdict for verdict in fatal if verdict.rule == "schema"
        ]  # the others are consequences of it
    if fatal:
        said = _refusal(fatal, evidence)
        contradictions = contradictions_sentence(sources, said=said)
        return False, f"refused by {said}{f'; warnings: {contradictions}' if contradictions else ''}."
    rules = ", ".join(
        f"{verdict.rule} ({verdict.received})" if verdict.rule in _NAMED_WITH_FINDING else verdict.rule
        for verdict in broken
        if verdict.severity == "warn"
    )
    warnings = [rules, contradictions_sentence(sources)]
    warned = "; ".join(filter(None, warnings))
    return True, (
        f"accepted: {_sizes(evidence)} sequences; {_refused(evidence)} quarantined"
        + _in_files(evidence, _gravest_of(evidence, evidence.refusing))
        + _first(evidence, _gravest_of(evidence, evidence.refusing), rows=(0, evidence.n_sequences))
        + (f"; warnings: {warned}." if warned else ".")
    )


def _refusal(fatal: Sequence[RuleVerdict], evidence: Evidence) -> str:
    """Explain a refusal by the rule that most sequences break, or else by every broken rule."""
    names, prevalence = [verdict.rule for verdict in fatal], evidence.prevalence
    by_loss = not _BY_LOSS.isdisjoint(names)  # every rule that refuses a sequence contributed
    behind = [rule for rule in (*evidence.refusing, UNKNOWN_SPLIT) if by_loss or rule in names]
    if prevalence is not None and prevalence.rule in behind:
        also = [name for name in names if name != prevalence.rule]
        return (
            f"{prevalence.rule}: {prevalence.sentence(evidence.scheme)}"
            + (_names(evidence) if prevalence.rule == UNKNOWN_SPLIT else "")
            + _first(evidence, prevalence.rule, rows=prevalence.rows)
            + (f"; also by {', '.join(also)}" if also else "")
        )
    reasons = "; by ".join(f"{verdict.rule} ({verdict.required}): {verdict.received}" for verdict in fatal)
    return reasons + _first(evidence, _gravest_of(evidence, behind), rows=(0, evidence.n_sequences))


def _gravest_of(evidence: Evidence, rules: Sequence[str]) -> str:
    """Return the rule that most sequences break, "" without rules."""
    return max(rules, key=lambda rule: evidence.counts.get(rule, 0), default="")


def _first(evidence: Evidence, rule: str, *, rows: tuple[int, int]) -> str:
    """Describe the first violation of a rule and its place."""
    for violation in evidence.violations:
        if violation.rule == rule and violation.row is not None and rows[0] <= violation.row < rows[1]:
            found = violation.sentence
            return f"; first {shortened(found, _LONGEST)}"
    return ""


def _in_files(evidence: Evidence, rule: str) -> str:
    """Name the few files that most violations of a rule are in, if they are not everywhere."""
    return f", {evidence.files[rule]}" if rule in evidence.files else ""


def _names(evidence: Evidence) -> str:
    """Name the unknown splits in the sample of violations."""
    names = dict.fromkeys(o.split for o in evidence.violations if o.rule == UNKNOWN_SPLIT)
    return f"; found {', '.join(names)}" if names else ""


def scheme_choice(
    tags: TagsConfig, detected: SchemeVerdict, *, used: SchemeName, spelling: Spelling
) -> SchemeChoice:
    """Return the tag scheme, the reason for it, and the spelling of tags."""
    reason = detected.reason
    if tags.scheme not in ("auto", detected.scheme):
        found = "have no scheme" if detected.scheme == "none" else f"look like {detected.scheme}"
        reason = f"as declared, although the tags {found}: {reason}"
    if spelling not in (CANONICAL_SPELLING, detected.spelling):
        reason += f"; tags are read as {spelling.sample(used)}"
    return SchemeChoice(
        declared=tags.scheme, detected=detected.scheme, used=used, reason=reason, spelling=spelling
    )


def ambiguity_sentence(found: AmbiguousShare, *, left_out: bool) -> str:
    """Describe the ambiguous sequences of the corpus and, if quarantined, that scores do not cover them.

    >>> found = AmbiguousShare(n_sequences=39, n_received=300, share=0.13, n_tokens=156, token_share=0.052)
    >>> ambiguity_sentence(found, left_out=False)
    '39 of 300 sequences (13.00%), with 5.20% of the tokens, also occur with other tags'
    """
    sentence = (
        f"{found.n_sequences:,} of {found.n_received:,} sequences ({found.share:.2%}), with "
        f"{found.token_share:.2%} of the tokens, also occur with other tags"
    )
    if found.n_sequences and left_out:
        sentence += (
            " and are left out of train, dev and test: scores do not cover such sequences, which live "
            'traffic contains; conflicting_labels = "warn" keeps them'
        )
    return sentence


def untagged_sentence(splits: Mapping[Split, SplitSize], *, lost: str = "") -> str:
    """Describe the tokens without a tag and how they are treated; "" if there are none.

    Args:
        lost: sentence about tags lost by conversion to the train scheme.

    >>> train = SplitSize(
    ...     n_sequences=9, n_tokens=90, n_types=40, longest=12, mean_length=10.0, unlabelled=0, untagged=9
    ... )
    >>> untagged_sentence({"train": train})
    '9 of 90 tokens (10.00%) have no tag and are excluded from losses and scores'
    """
    n_tokens = sum(split.n_tokens for split in splits.values())
    untagged = sum(split.untagged for split in splits.values())
    unlabelled = sum(split.unlabelled for split in splits.values())
    sentences = []
    if untagged:
        share = f"{untagged:,} of {n_tokens:,} tokens ({untagged / n_tokens:.2%})"
        sentences.append(f"{share} have no tag and are excluded from losses and scores")
    if unlabelled:
        sentences.append(f"{unlabelled:,} sequences have no tags at all and contribute only their words")
    return "; ".join(filter(None, [*sentences, lost]))


def _received(rule: ValidationRule, evidence: Evidence) -> str:
    name, count = rule.name, evidence.counts.get(rule.name, 0)
    if name in evidence.tables.sentences:
        return evidence.tables.sentences[name]
    if name == "conflicting_labels":
        return evidence.ambiguity
    if name in SEQUENCE_RULES:
        names = _names(evidence) if name == UNKNOWN_SPLIT else ""
        return f"{count:,} of {evidence.judged(name):,} sequences break it{names}{_in_files(evidence, name)}"
    first = next((o.finding for o in evidence.violations if o.rule == name), "")
    match name:
        case "schema":
            return (first or "no difference") + (f"; {count - 1} more like it" if count > 1 else "")
        case "unread_spelling":
            return first or "a supported spelling"
        case "few_test_documents":
            return first or "enough documents"
        case "doubtful_tags":
            return first
        case "empty_column" | "unseen_values":
            found = [violation.finding for violation in evidence.violations if violation.rule == name]
            return "; ".join(found) or "none"
        case "complete_metrics":
            return f"{len(evidence.metrics)} rows, {int(evidence.metrics.isna().sum().sum())} numbers missing"
        case "empty_corpus":
            return f"{evidence.metric('received'):,.0f} sequences"
        case "too_few_sequences":
            return f"{_sizes(evidence)} sequences"
        case "empty_split":
            reason = f"{evidence.empty_split}; " if evidence.empty_split else ""
            return f"{reason}{_sizes(evidence)} sequences ({evidence.split_origins})"
        case "quarantine_budget":
            return _refused(evidence) + _gravest(evidence)
        case "volume_loss":
            return f"{_sizes(evidence)} sequences, {evidence.metric('volume_loss'):.2%} fewer"
        case "duplicates":
            return f"{evidence.metric('duplicate_share'):.2%}, {count:,} sequences"
        case "leakage":
            shares = [f"{evidence.metric('leaked_share', split):.2%} of {split}" for split in SPLITS[1:]]
            return " and ".join(shares)
        case "majority_tag":
            return _majority(evidence)
        case "rare_tags":
            return f"{count:,} of {evidence.n_tags:,} tags are rarer" + (f"; first {first}" if first else "")
    return f"{evidence.metric('tag_drift'):.4f} bits"


def _majority(evidence: Evidence) -> str:
    """Describe the share of the most frequent tag and its effect on accuracy."""
    share = f"{evidence.metric('majority_share'):.2%}"
    return (
        f"tag {evidence.majority_tag} covers {share} of the tokens, so always predicting it is {share} "
        'accurate; if the tags encode spans, set tags.scheme (such as "BIO") and tags.spelling (such as '
        '"b-X") to score span F1'
    )


def _sizes(evidence: Evidence) -> str:
    return ", ".join(f"{evidence.metric('sequences', split):,.0f} {split}" for split in SPLITS)


def _refused(evidence: Evidence) -> str:
    share, received = evidence.metric("refused_share"), evidence.metric("received")
    return f"{share:.2%} ({received - evidence.metric('sequences'):,.0f} of {received:,.0f} sequences)"


def _gravest(evidence: Evidence) -> str:
    """Return the up to three rules that quarantine the most sequences, with counts."""
    counts = {rule: evidence.counts[rule] for rule in evidence.refusing}
    gravest = sorted(counts.items(), key=lambda item: -item[1])[:3]
    named = ", ".join(f"{rule} {count:,}{_in_files(evidence, rule)}" for rule, count in gravest if count)
    return f", most by {named}" if named else ""
