"""Strip whitespace around cells, and count the changes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.corpus.source_report import SourceReport
from seqtag.io.arrays import positions_of

# Characters that fonts draw as a mere gap. U+0085, U+2028, U+200B and the like are part of tokens.
WHITE_SPACE = " \t\n\v\f\r\u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u202f\u205f\u3000"


def stripped(cells: pa.StringArray, what: str, report: SourceReport) -> pa.StringArray:
    """Return the cells without surrounding whitespace, and count the changed ones as "`what` stripped".

    >>> report = SourceReport()
    >>> stripped(pa.array(["O ", "B-PER", None]), "tags", report).to_pylist(), report.record()["changed"]
    (['O', 'B-PER', None], {'tags stripped': 1})
    """
    where, texts = around(cells)
    report.change(f"{what} stripped", len(where))
    return replaced(cells, where, texts)


def around(cells: pa.StringArray) -> tuple[npt.NDArray[np.int64], pa.StringArray]:
    """Return the positions of cells with whitespace around them, and these cells without it."""
    trimmed = pc.utf8_trim(cells, WHITE_SPACE)
    changed = pc.not_equal(pc.binary_length(trimmed), pc.binary_length(cells))
    return positions_of(changed), trimmed.filter(changed)


def replaced(cells: pa.StringArray, where: npt.NDArray[np.int64], values: pa.StringArray) -> pa.StringArray:
    """Return the cells with other values at the positions `where`, which increase."""
    if len(where) == 0:
        return cells
    mask = np.zeros(len(cells), np.bool_)
    mask[where] = True
    return pc.replace_with_mask(cells, pa.array(mask), values)
