"""Metrics per split, and the counts of each split in the profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from seqtag.config import SPLITS, QualityConfig, Split
from seqtag.corpus.corpus_profile import AmbiguousShare, Profile, SplitSize, TagCounts
from seqtag.divergence import jensen_shannon_divergence
from seqtag.quality.sequence_table import SequenceTable
from seqtag.quality.violations import Mask, Violations

if TYPE_CHECKING:
    import pandas as pd

CORPUS = "corpus"  # the row of the metrics for all splits together


def split_metrics(
    table: SequenceTable,
    findings: Violations,
    *,
    quality: QualityConfig,
    tags: TagCounts,
    previous: Profile | None,
) -> pd.DataFrame:
    """Return one row for the corpus and one per split, with no value missing.

    received             sequences before quarantine
    sequences, tokens    after quarantine, like all that follow unless stated otherwise
    unlabelled           sequences without tags
    refused_share        refused sequences, of those received
    ambiguous_share      sequences whose tokens also occur with other tags, of those received
    duplicate_share      sequences with the same tokens as an earlier one
    leaked_share         sequences whose tokens also occur in train, of those that are long enough
    majority_share       tokens with the most frequent tag, of those with a tag
    tag_drift            Jensen-Shannon divergence from `previous`, bits; only if that is given
    volume_loss          share of the sequences of `previous` by which there are fewer; only if that is given
    """
    import pandas as pd

    is_long = findings.kept & (table.n_tokens >= quality.leakage_min_length)
    is_train = table.split == SPLITS.index("train")
    repeats, leaks = np.zeros((2, len(table)), dtype=np.bool_)
    repeats[findings.rows["duplicates"]] = True
    leaks[findings.rows["leakage"]] = True
    rows = []
    for name in (CORPUS, *SPLITS):
        here = _is_in(table, name)
        kept = here & findings.kept
        row: dict[str, Any] = {
            "split": name,
            "received": int(here.sum()),
            "sequences": int(kept.sum()),
            "tokens": int(table.n_tokens[kept].sum(dtype=np.int64)),
            "unlabelled": int((kept & table.unlabelled).sum()),
            "refused_share": _share(here & ~findings.kept, of=here),
            "ambiguous_share": _share(here & findings.ambiguous, of=here),
            "duplicate_share": _share(here & repeats, of=kept),
            "leaked_share": _share(here & leaks, of=here & is_long & ~is_train),
            "majority_share": _majority_share(_tag_counts(tags, name)),
        }
        if previous is not None:
            row["tag_drift"] = tag_drift(_tag_counts(tags, name), _tag_counts(previous.tags, name))
            row["volume_loss"] = max(0.0, 1 - int(kept.sum()) / max(n_sequences(previous, name), 1))
        rows.append(row)
    return pd.DataFrame(rows)


def split_sizes(
    table: SequenceTable, findings: Violations, *, n_types: tuple[int, ...], n_untagged: tuple[int, ...]
) -> dict[Split, SplitSize]:
    """Return the counts of each split, after quarantine."""
    sizes: dict[Split, SplitSize] = {}
    for name, types, untagged in zip(SPLITS, n_types, n_untagged, strict=True):
        kept = _is_in(table, name) & findings.kept
        lengths = table.n_tokens[kept]
        sizes[name] = SplitSize(
            n_sequences=len(lengths),
            n_tokens=int(lengths.sum(dtype=np.int64)),
            n_types=types,
            longest=int(lengths.max(initial=0)),
            mean_length=round(float(lengths.mean()), 2) if len(lengths) else 0.0,
            unlabelled=int((kept & table.unlabelled).sum()),
            untagged=untagged,
        )
    return sizes


def ambiguous_shares(table: SequenceTable, findings: Violations) -> dict[str, AmbiguousShare]:
    """Return counts and shares (of those received) of ambiguous sequences, for the corpus and each split.

    No tagger can tag identical sequences in different ways, so they bound the score on test.
    """
    found: dict[str, AmbiguousShare] = {}
    for name in (CORPUS, *SPLITS):
        here = _is_in(table, name)
        n_sequences, n_tokens = int(here.sum()), int(table.n_tokens[here].sum(dtype=np.int64))
        ambiguous = here & findings.ambiguous
        n_ambiguous = int(table.n_tokens[ambiguous].sum(dtype=np.int64))
        found[name] = AmbiguousShare(
            n_sequences=int(ambiguous.sum()),
            n_received=n_sequences,
            share=int(ambiguous.sum()) / n_sequences if n_sequences else 0.0,
            n_tokens=n_ambiguous,
            token_share=n_ambiguous / n_tokens if n_tokens else 0.0,
        )
    return found


def tag_drift(now: Mapping[str, int], before: Mapping[str, int]) -> float:
    """Return the Jensen-Shannon divergence of two tag distributions in bits; 0 if either side has no tags.

    >>> tag_drift({"O": 3, "B": 1}, {"O": 6, "B": 2})
    0.0
    >>> tag_drift({"O": 5}, {"B": 5})
    1.0
    """
    names = sorted(now.keys() | before.keys())
    counts = np.array([[side.get(name, 0) for name in names] for side in (now, before)], dtype=np.float64)
    totals = counts.sum(axis=1, keepdims=True)
    if not totals.all():
        return 0.0
    return float(jensen_shannon_divergence(*(counts / totals)))


def n_sequences(profile: Profile, name: str = CORPUS) -> int:
    """Return the number of sequences in a split, or in the corpus, after quarantine."""
    return sum(size.n_sequences for split, size in profile.splits.items() if name in (CORPUS, split))


def _majority_share(counts: Mapping[str, int]) -> float:
    total = sum(counts.values())
    return max(counts.values()) / total if total else 0.0


def _is_in(table: SequenceTable, name: str) -> Mask:
    if name == CORPUS:
        return np.ones(len(table), dtype=np.bool_)
    inside: Mask = table.split == SPLITS.index(name)
    return inside


def _share(part: Mask, *, of: Mask) -> float:
    return float(part.sum() / of.sum()) if of.any() else 0.0


def _tag_counts(tags: TagCounts, name: str) -> dict[str, int]:
    splits = SPLITS if name == CORPUS else (name,)
    return {tag: sum(counts.get(split, 0) for split in splits) for tag, counts in tags.items()}
