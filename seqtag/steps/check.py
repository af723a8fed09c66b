"""Check: what a run would refuse, from the sources alone, without home or registry."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqtag.config import SPLITS, TaggerConfig
from seqtag.corpus import (
    Profile,
    SourceReport,
    ambiguous_word_share,
    source_sentence,
    warning_sentences,
)
from seqtag.corpus.recognition import order_advice
from seqtag.errors import CorpusRejectedError, TagSchemeError
from seqtag.features import read_gazetteers
from seqtag.formatting import plural
from seqtag.quality import PROFILE, QUARANTINE
from seqtag.run_dir import Snapshot
from seqtag.steps.ingest import read_into
from seqtag.steps.split import write_splits
from seqtag.steps.validate import write_validation

ENOUGH_SEQUENCES = 20_000  # of each source; some seconds


@dataclass(frozen=True)
class CorpusCheck:
    """Sources as a run would read them, and the profile of what was read."""

    reports: Sequence[SourceReport]
    profile: Profile
    fault: str | None  # why a run would refuse it
    ambiguous_words: float  # share of the tokens whose word has several tags


def check(config: TaggerConfig, *, enough: int = ENOUGH_SEQUENCES) -> CorpusCheck:
    """Read the sources, and validate and split them as a run does, in a temporary folder.

    Tags are not compared with a champion's.

    Args:
        enough: sequences of a source after which the rest of it is not read.

    Raises:
        ConfigError: a source or a gazetteer has no file, or a source uses an unset variable.
        CorpusFormatError: a source is not what its configuration says, or a gazetteer has no phrase.
    """
    read_gazetteers(config.features.gazetteers, config.features.fold)  # a fault of theirs is known at once
    with tempfile.TemporaryDirectory(prefix="seqtag-check-") as scratch:
        folders = [Path(scratch, name) for name in ("snapshot", "validation", "splits")]
        for folder in folders:
            folder.mkdir()
        snapshot, validation, splits = Snapshot(folders[0]), folders[1], folders[2]
        _, reports = read_into(snapshot, config, enough=enough)
        for source, report in zip(config.corpus.sources, reports, strict=True):
            advice = order_advice(source)
            report.warn("order", advice, place=report.name, count=int(bool(advice)))
        write_validation(config, snapshot, previous=None, folder=validation)
        profile = Profile.load(validation / PROFILE)
        fault = None if profile.accepted else profile.sentence
        if fault is None:
            try:
                write_splits(
                    config,
                    snapshot,
                    scheme=profile.scheme,
                    quarantine=validation / QUARANTINE,
                    folder=splits,
                )
            except (CorpusRejectedError, TagSchemeError) as error:
                fault = str(error)
        ambiguous_words = ambiguous_word_share(snapshot.parts)
    return CorpusCheck(reports, profile, fault, ambiguous_words)


def check_text(found: CorpusCheck) -> str:
    """Describe how each source is read, the tags, the splits and the verdict, one line each."""
    return "\n".join(_lines(found))


def _lines(found: CorpusCheck) -> Iterator[str]:
    for report in found.reports:
        record = report.record()
        yield f"source   {source_sentence(record, is_complete=report.is_complete)}"
        for sentence in warning_sentences(record):
            yield f"warning  {sentence}"
    profile = found.profile
    yield f"tags     {plural(len(profile.tags), 'tag')}, {profile.scheme.sentence}"
    sizes = ", ".join(
        f"{name} {plural(size.n_sequences, 'sequence')} ({plural(size.n_tokens, 'token')})"
        for name in SPLITS
        if (size := profile.splits.get(name)) is not None
    )
    yield f"splits   {sizes}; {profile.split_origins.sentence}"
    n_sequences, n_tokens, longest = (
        sum(size.n_sequences for size in profile.splits.values()),
        sum(size.n_tokens for size in profile.splits.values()),
        max(size.longest for size in profile.splits.values()),
    )
    repeated = next((rule.count for rule in profile.rules if rule.rule == "duplicates"), 0)
    yield (
        f"lengths  mean {n_tokens / max(n_sequences, 1):.1f}, longest {plural(longest, 'token')}; "
        f"{plural(repeated, 'sequence')} repeat{'s' * (repeated == 1)} an earlier one"
    )
    for column in profile.columns:
        missing = ", ".join(f"{column.splits[split].missing:.1%} of {split}" for split in SPLITS)
        yield f"column   {column.name}, in train {column.values_sentence('train')}; missing {missing}"
    yield f"words    {found.ambiguous_words:.1%} of the tokens are words with several tags"
    if not all(report.is_complete for report in found.reports):
        yield "note     the verdict is on what was read; a run reads everything"
    if found.fault is None:
        yield f"verdict  {profile.sentence}"
