"""Splits that are empty or have too few documents: the reason, and the setting that fills them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from seqtag.config import SPLITS
from seqtag.corpus.schema import DOCUMENT_ID
from seqtag.corpus.split_plan import SplitPlan
from seqtag.evaluation.resampling_units import resampling_units
from seqtag.io.hash_counts import HashCounts
from seqtag.io.hashing import hash_strings
from seqtag.io.row_groups import read_row_groups
from seqtag.quality.sequence_table import SequenceTable
from seqtag.quality.violation_text import Violation
from seqtag.quality.violations import Violations

FEW_TEST_DOCUMENTS = "few_test_documents"
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
        return f'no source labels {name}: label it, or set split.mode = "auto" to split off dev and test'
    if plan.pool == "train" and not plan.n_labelled["train"]:
        return f"no source labels {name}: label it, or leave sequences unlabelled to split it off from"
    return _too_few_documents(parts, plan, n_sequences=len(table))


def few_test_documents(
    table: SequenceTable, findings: Violations, *, fewest: int, parts: Sequence[Path]
) -> list[Violation]:
    """Return one violation if the test split has fewer than `fewest` documents to score, else none.

    Documents are counted as the gate resamples them (`seqtag.evaluation.resampling_units`). An empty test
    split is left to the rule `empty_split`.
    """
    is_test = (table.split == SPLITS.index("test")) & findings.kept & ~table.unlabelled
    if not is_test.any() or not fewest:
        return []
    n = _count_units(table, is_test, parts, enough=fewest)
    if n >= fewest:
        return []
    found = (
        f"test contains {n:,} document{'' if n == 1 else 's'}, fewer than the {fewest} a promotion needs; "
        "set document_column or documents in the source, raise split.test, or label more sequences as test"
    )
    return [Violation(FEW_TEST_DOCUMENTS, None, "", "test", found, "")]


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


def _count_units(
    table: SequenceTable, is_test: npt.NDArray[np.bool_], parts: Sequence[Path], *, enough: int
) -> int:
    """Return the number of resampling units, or a number >= `enough`, at which reading stops."""
    documents = contents = np.zeros(0, np.uint64)
    n = 0
    for first_row, batch in read_row_groups(parts, [DOCUMENT_ID]):
        rows = slice(first_row, first_row + len(batch))
        here = is_test[rows]
        documents = np.append(documents, hash_strings(batch.column(DOCUMENT_ID))[here])
        contents = np.append(contents, table.token_hash[rows][here])
        n = len(np.unique(resampling_units(documents, contents)))
        if n >= enough:
            break
    return n
