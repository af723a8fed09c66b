"""Reasons for an empty split, and the setting that fills it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from seqtag.config import SPLITS
from seqtag.corpus.schema import DOCUMENT_ID
from seqtag.corpus.split_plan import SplitPlan
from seqtag.io.hash_counts import HashCounts
from seqtag.io.hashing import hash_strings
from seqtag.io.row_groups import read_row_groups
from seqtag.quality.sequence_table import SequenceTable
from seqtag.quality.violations import Violations

_LABEL = "label dev and test with split or split_column"
_DIVIDE = (
    f'declare smaller documents (document_column, or documents = "none" for conll and conllu), or {_LABEL}'
)


def empty_split_reason(
    table: SequenceTable, findings: Violations, *, plan: SplitPlan, parts: Sequence[Path]
) -> str:
    """Explain the first empty split and how to fill it; "" if no split or the whole corpus is empty."""
    split, kept = table.split, findings.kept
    received = np.bincount(split, minlength=len(SPLITS))
    left = np.bincount(split[kept], minlength=len(SPLITS))
    empty = [name for name, n in zip(SPLITS, left.tolist(), strict=True) if n == 0]
    if not empty or not len(table):
        return ""
    name = empty[0]
    n_received = int(received[SPLITS.index(name)])
    if n_received:
        return f"all {n_received:,} sequences of {name} are refused"
    if plan.config.mode == "official":
        return f'no source labels {name}: label it, or set split.mode = "auto" to carve dev and test'
    if plan.pool == "train" and not plan.n_labelled["train"]:
        return f"no source labels {name}: label it, or leave sequences unlabelled to carve it from"
    return _too_few_documents(parts, plan, n_sequences=len(table))


def _too_few_documents(parts: Sequence[Path], plan: SplitPlan, *, n_sequences: int) -> str:
    n = _count_documents(parts)
    if n == 1:
        return f"the corpus is a single document, which is never divided: {_DIVIDE}"
    shares = f"{plan.config.dev:.0%} for dev and {plan.config.test:.0%} for test"
    if n == n_sequences:
        return f"the corpus has {n:,} one-sequence documents, too few for {shares}: add some, or {_LABEL}"
    return f"the corpus has {n:,} documents, too few for {shares}: {_DIVIDE}"


def _count_documents(parts: Sequence[Path]) -> int:
    batches = read_row_groups(parts, [DOCUMENT_ID])
    return len(HashCounts(hash_strings(pc.unique(batch.column(DOCUMENT_ID))) for _, batch in batches))
