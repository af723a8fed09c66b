"""Warn about a test split with too few documents for the gate to ever promote a challenger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqtag.config import SPLITS
from seqtag.corpus.schema import DOCUMENT_ID
from seqtag.evaluation.resampling_units import resampling_units
from seqtag.io.hashing import hash_strings
from seqtag.io.row_groups import read_row_groups
from seqtag.quality.sequence_table import SequenceTable
from seqtag.quality.violation_text import Violation
from seqtag.quality.violations import Violations

FEW_TEST_DOCUMENTS = "few_test_documents"


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
