"""Validation in its order: examine, judge, write."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqtag.artifacts import (
    write_json,
)
from seqtag.config import QualityConfig, SplitConfig, TagsConfig
from seqtag.corpus import SourceRecord
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
    tags: TagsConfig,
    quality: QualityConfig,
    split: SplitConfig,
    previous: Mapping[str, Any] | None,
    folder: Path,
    fewest_test_documents: int = 0,
    sources: Sequence[SourceRecord] = (),
    places: Path | None = None,
) -> None:
    """Judge a snapshot and write profile.json, quarantine.parquet and data_docs/index.html into `folder`.

    A bad corpus raises nothing: profile.json says whether it is `accepted`, and why not.

    Args:
        parts: the snapshot's Parquet files in reading order.
        columns: further columns of the corpus.
        previous: profile.json of an earlier snapshot, with whose tags the distribution is compared.
        fewest_test_documents: with fewer a warning says that the gate never promotes; 0: none does.
        sources: what the readers assumed about each source, for people.
        places: the file that says where each sequence begins in its source, for people.
    """
    from seqtag.quality.data_docs import write_pages
    from seqtag.quality.gx_validation import run_gx  # opens Great Expectations

    examined = profile_corpus(
        parts,
        columns=columns,
        tags=tags,
        quality=quality,
        split=split,
        previous=previous,
        fewest_test_documents=fewest_test_documents,
        quarantine_file=folder / QUARANTINE,
        sources=sources,
        places=places,
    )
    judgement = run_gx(examined.rules, examined.evidence, quality=quality)
    verdicts = rule_verdicts(examined.rules, examined.evidence, held=judgement.held)
    accepted, sentence = corpus_sentence(
        verdicts,
        examined.evidence,
        defined=judgement.defined,
        evaluated=judgement.evaluated,
        sources=sources,
    )
    profile = {
        "accepted": accepted,
        "sentence": sentence,
        "sources": list(sources),
        "scheme": examined.scheme,
        "splits": examined.splits,
        "untagged": examined.untagged,
        "carving": examined.carving,
        "ambiguity": examined.ambiguity,
        "quarantined": examined.quarantined,
        "rules": [
            {"rule": v.rule, "severity": v.severity, "count": v.count, "held": v.held, "message": v.message}
            for v in verdicts
        ],
        "tags": examined.tags,
        "expectations": {
            "defined": judgement.defined,
            "evaluated": judgement.evaluated,
            "failed": judgement.failed,
        },
    }
    write_json(folder / PROFILE, profile)
    write_pages(profile, judgement, examined.evidence, folder=folder / DATA_DOCS)
    _log.info(
        "%s%s Splits: %s. Tag scheme %s (%s)",
        sentence,
        f" {examined.untagged}." if examined.untagged else "",
        examined.carving["sentence"],
        examined.scheme["used"],
        examined.scheme["reason"],
    )
