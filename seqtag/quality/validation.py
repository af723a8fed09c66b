"""Validate a snapshot: profile it, check the rules, write the results."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from seqtag.config import QualityConfig, ReadColumn, SplitConfig, TagsConfig
from seqtag.corpus import Profile, SourceRecord
from seqtag.corpus.corpus_profile import ExpectationCounts, RuleOutcome
from seqtag.quality.profiling import profile_corpus
from seqtag.quality.rule_verdicts import corpus_sentence, rule_verdicts

PROFILE = "profile.json"
QUARANTINE = "quarantine.parquet"
DATA_DOCS = "data_docs"

_log = logging.getLogger(__name__)


def validate(
    parts: Sequence[Path],
    *,
    columns: Sequence[str],
    token_columns: Sequence[str] = (),
    read_columns: Sequence[ReadColumn] = (),
    tags: TagsConfig,
    quality: QualityConfig,
    split: SplitConfig,
    previous: Profile | None,
    folder: Path,
    fewest_test_documents: int = 0,
    sources: Sequence[SourceRecord] = (),
    places: Path | None = None,
) -> None:
    """Validate a snapshot and write profile.json, quarantine.parquet and data_docs/ into `folder`.

    A bad corpus raises nothing: profile.json says whether it is `accepted`, and why not.

    Args:
        parts: the snapshot's Parquet files in reading order.
        columns: further columns of sequences.
        token_columns: further columns of tokens.
        read_columns: those that the model reads.
        previous: profile of an earlier snapshot, to compare tags and volume with.
        fewest_test_documents: warn below this number that the gate never promotes; 0: never warn.
        sources: the readers' record of each source, for display.
        places: file with the place of each sequence in its source, for display.
    """
    from seqtag.quality.data_docs import write_pages
    from seqtag.quality.gx_validation import run_gx  # imports Great Expectations

    profiled = profile_corpus(
        parts,
        columns=columns,
        token_columns=token_columns,
        read_columns=read_columns,
        tags=tags,
        quality=quality,
        split=split,
        previous=previous,
        fewest_test_documents=fewest_test_documents,
        quarantine_file=folder / QUARANTINE,
        sources=sources,
        places=places,
    )
    result = run_gx(profiled.rules, profiled.evidence, quality=quality)
    verdicts = rule_verdicts(profiled.rules, profiled.evidence, passed=result.passed)
    accepted, sentence = corpus_sentence(
        verdicts,
        profiled.evidence,
        defined=result.defined,
        evaluated=result.evaluated,
        sources=sources,
    )
    profile = Profile(
        accepted=accepted,
        sentence=sentence,
        scheme=profiled.scheme,
        splits=profiled.splits,
        split_origins=profiled.split_origins,
        ambiguity=profiled.ambiguity,
        quarantined=profiled.quarantined,
        rules=[RuleOutcome(v.rule, v.severity, v.count, v.passed, v.message) for v in verdicts],
        expectations=ExpectationCounts(result.defined, result.evaluated, result.failed),
        tags=profiled.tags,
        sources=sources,
        untagged=profiled.untagged,
        columns=profiled.columns,
    )
    profile.save(folder / PROFILE)
    write_pages(profile, result, profiled.evidence, folder=folder / DATA_DOCS)
    _log.info(
        "%s%s Splits: %s. Tags: %s.",
        sentence,
        f" {profiled.untagged}." if profiled.untagged else "",
        profiled.split_origins.sentence,
        profiled.scheme.sentence,
    )
