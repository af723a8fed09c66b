"""Places where sequences begin in their sources, stored next to a snapshot so that findings can name them.

They are not part of the content of a corpus: adding a comment to a file moves lines but changes no sequence.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.io.row_groups import read_row_groups, read_rows

_SCHEMA = pa.schema([pa.field("prefix", pa.string()), pa.field("number", pa.int64())])
_GROUP_ROWS = 1 << 17
_PARTS = r"^(?P<prefix>.*?)(?P<number>[0-9]{0,18})$"  # "train.conll:17", "train.parquet: row 17"
_NO_FILE = "sources without files"
# before the number: "train.conll:", "train.parquet: row ", "train.conll:1, piece "
_MARK = re.compile(r":(?: [a-z]+ )?(?:[0-9]+, piece )?$")


class PlacesWriter:
    """Write one row per sequence of a corpus: the number at the end of its place, and the text before it."""

    def __init__(self, file: Path) -> None:
        self._writer = pq.ParquetWriter(file, _SCHEMA, compression="zstd")
        self._waiting: list[pa.StringArray] = []
        self._n_waiting = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._writer.close()

    def add(self, places: pa.StringArray) -> None:
        """Add the places of the next sequences; null for a sequence without one."""
        self._waiting.append(places)
        self._n_waiting += len(places)
        if self._n_waiting >= _GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._n_waiting:
            return
        parts = pc.extract_regex(pa.concat_arrays(self._waiting), pattern=_PARTS)
        prefix, number = (pc.struct_field(parts, name) for name in ("prefix", "number"))
        number = pc.if_else(pc.equal(number, ""), None, number).cast(pa.int64())
        self._writer.write_table(pa.table([prefix, number], _SCHEMA), row_group_size=self._n_waiting)
        self._waiting, self._n_waiting = [], 0


def read_places(file: Path, rows: npt.NDArray[np.int64]) -> dict[int, str]:
    """Return the known places of the sequences numbered `rows`, which are sorted.

    Without the file, which older snapshots lack, no place is known.
    """
    found: dict[int, str] = {}
    if not file.exists():
        return found
    for numbers, batch in read_rows([file], rows):
        for row, place in zip(numbers.tolist(), batch.to_pylist(), strict=True):
            if place["prefix"] is not None:
                number = place["number"]
                found[row] = place["prefix"] + ("" if number is None else str(number))
    return found


def file_numbers(file: Path) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Return `<int32>[n_sequences]`, indices of the files in which sequences begin, and the files' names.

    Sequences without a place count as those of one file `sources without files`. Without the file of places,
    which older snapshots lack, nothing is known.
    """
    if not file.exists():
        return np.zeros(0, np.int32), []
    numbers = np.full(pq.read_metadata(file).num_rows, -1, np.int32)
    distinct: dict[str, int] = {}
    for first, batch in read_row_groups([file], ["prefix"]):
        prefixes = pc.dictionary_encode(batch.column("prefix"))
        names = (_MARK.sub("", prefix) for prefix in prefixes.dictionary.to_pylist())
        of_prefix = np.array([distinct.setdefault(name, len(distinct)) for name in names] + [-1], np.int32)
        codes = prefixes.indices.fill_null(len(of_prefix) - 1).to_numpy()
        numbers[first : first + len(batch)] = of_prefix[codes]
    without = numbers < 0
    if without.any():
        numbers[without] = distinct.setdefault(_NO_FILE, len(distinct))
    return numbers, list(distinct)


def are_equal_numbers(one: Path, other: Path) -> bool:
    """Return whether two files of places have equal line or row numbers, whatever the sources are called."""
    if not one.exists() or not other.exists():
        return one.exists() == other.exists()
    numbers = [pq.read_table(file, columns=["number"])["number"] for file in (one, other)]
    return bool(numbers[0].equals(numbers[1]))
