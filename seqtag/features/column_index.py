"""Further columns of tokens as numbers: what train teaches about them, and their encoding."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, ValidationError

from seqtag.artifacts import write_json
from seqtag.config import CategoryColumn, NumberColumn, ReadColumn, SetColumn, TimeColumn
from seqtag.corpus.column_texts import wrong_lengths
from seqtag.corpus.token_values import (
    invalid_values,
    is_parsed,
    numbers,
    seconds,
    set_members,
    token_values,
)
from seqtag.errors import CorpusFormatError, RunDirError
from seqtag.features.encoded_layout import COLUMNS
from seqtag.features.gazetteers import N_IDS, Gazetteer
from seqtag.features.symbols import UNK_ID, Lookup
from seqtag.features.time_zones import local_times
from seqtag.tagging.ragged import flatten, sequence_numbers

# `ids`, <int32>[n_tokens, n_ids], and `values`, <float32>[n_tokens, n_values]; a part of width 0 is left out.
# Ids are 0 at padding and 1 for a missing or unknown value.
EncodedColumns = Mapping[str, npt.NDArray[Any]]

CLIP = 8.0  # of scaled numbers: a single extreme value must not rule a sequence
# Values of a time: gaps before and after; sine and cosine of hour and of weekday, and whether it is missing.
GAPS, CLOCK = 2, 5
DAY, WEEK = 86_400.0, 604_800.0  # seconds
FIRST_MONDAY = 345_600.0  # seconds from 1970-01-01, a Thursday


class LearnedColumn(BaseModel):
    """A column with what train teaches about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: ReadColumn
    known: tuple[str, ...] = ()  # values of a category, or members of sets, most frequent first
    centre: float = 0.0  # of numbers, or of the logarithms of gaps
    scale: float = 1.0
    edges: tuple[float, ...] = ()  # between the buckets of numbers, ascending

    @property
    def vectors(self) -> tuple[int, int] | None:
        """The number and the size of the vectors of the ids, None for a column without ids."""
        if isinstance(self.column, CategoryColumn):
            return len(self.known) + UNK_ID + 1, self.column.size
        if isinstance(self.column, NumberColumn) and self.column.buckets:
            return self.column.buckets + UNK_ID + 1, self.column.size
        return None

    @property
    def n_values(self) -> int:
        """The number of values of a token."""
        return {"category": 0, "number": 2, "time": GAPS + CLOCK, "set": len(self.known)}[self.column.kind]

    def ids(self, texts: pa.StringArray) -> npt.NDArray[np.int32]:
        """Return `<int32>[n]`, for a column with ids."""
        if isinstance(self.column, CategoryColumn):
            return Lookup(pa.array(self.known, pa.string())).positions(texts) + np.int32(UNK_ID + 1)
        found = numbers(texts)
        buckets = np.searchsorted(np.array(self.edges), found, side="right") + UNK_ID + 1
        return np.where(np.isnan(found), UNK_ID, buckets).astype(np.int32)

    def bucket_names(self, texts: pa.StringArray) -> pa.StringArray:
        """Return the range of the bucket of each number, such as `2.5 to < 10`; null where it is missing."""
        shown = [f"{edge:,.6g}" for edge in self.edges]
        between = (f"{low} to < {high}" for low, high in pairwise(shown))
        names = pa.array([f"< {shown[0]}", *between, f">= {shown[-1]}"])
        found = numbers(texts)
        buckets = np.searchsorted(np.array(self.edges), found, side="right")
        return names.take(pa.array(buckets, mask=np.isnan(found)))

    def values(self, texts: pa.StringArray, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return `<float32>[n, n_values]`.

        Args:
            texts: values of concatenated sequences, null where missing.
            offsets: `<int64>[n_sequences + 1]`, start of each sequence.
        """
        match self.column:
            case NumberColumn():
                return _with_missing(self._scaled(numbers(texts)))
            case TimeColumn():
                return self._time_values(seconds(texts, self.column.format), offsets)
            case SetColumn():
                return self._memberships(texts, self.column.separator)
            case _:
                return np.zeros((len(texts), 0), np.float32)

    def _scaled(self, found: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        with np.errstate(over="ignore"):  # an infinite quotient is clipped like any other
            return np.clip((found - self.centre) / self.scale, -CLIP, CLIP)

    def _time_values(
        self, times: npt.NDArray[np.float64], offsets: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        gaps = gaps_before(times, offsets)
        after = np.append(gaps[1:], np.nan)  # the first gap of the next sequence is NaN
        logs = (self._scaled(np.log1p(np.maximum(each, 0))) for each in (gaps, after))
        local = local_times(times, self.column.zone if isinstance(self.column, TimeColumn) else "UTC")
        angles = [2 * np.pi * local / DAY, 2 * np.pi * (local - FIRST_MONDAY) / WEEK]
        clock = [function(angle) for angle in angles for function in (np.sin, np.cos)]
        return _with_missing(*logs, *clock, missing=np.isnan(times))

    def _memberships(self, texts: pa.StringArray, separator: str) -> npt.NDArray[np.float32]:
        coded = pc.dictionary_encode(texts)
        members, of_distinct = flatten(set_members(coded.dictionary, separator))
        positions = Lookup(pa.array(self.known, pa.string())).positions(members)
        table = np.zeros((len(coded.dictionary) + 1, len(self.known)), np.float32)  # the last: missing
        table[sequence_numbers(of_distinct)[positions >= 0], positions[positions >= 0]] = 1
        return table[coded.indices.fill_null(len(coded.dictionary)).to_numpy()]


class ColumnIndex(BaseModel):
    """The columns of tokens that a model reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[LearnedColumn, ...] = ()
    gazetteers: tuple[Gazetteer, ...] = ()

    @classmethod
    def load(cls, folder: Path) -> ColumnIndex:
        """Read the file that `save` wrote; no columns if there is none.

        Raises:
            RunDirError: columns.json is malformed or cannot be read.
        """
        path = folder / COLUMNS
        try:
            return cls.model_validate_json(path.read_bytes()) if path.exists() else cls()
        except (OSError, ValidationError) as error:
            raise RunDirError(f"{path}: columns are unreadable: {error}") from error

    def save(self, folder: Path) -> None:
        """Write columns.json into `folder`, if there are columns or gazetteers."""
        if self.widths:
            write_json(folder / COLUMNS, self.model_dump(mode="json"))

    @property
    def widths(self) -> dict[str, int]:
        """The number of `ids` and `values` of a token, without those that are 0."""
        n_ids = len(self.vectors)
        n_values = sum(learned.n_values for learned in self.columns)
        return {name: n for name, n in (("ids", n_ids), ("values", n_values)) if n}

    @property
    def vectors(self) -> tuple[tuple[int, int], ...]:
        """The number and the size of the vectors of each of the ids of a token."""
        of_columns = [learned.vectors for learned in self.columns if learned.vectors is not None]
        return (*of_columns, *((N_IDS, gazetteer.size) for gazetteer in self.gazetteers))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(learned.column.name for learned in self.columns)

    @cached_property
    def digest(self) -> str:
        """The sha256 of all columns: equal digests mean equal encodings; "" without any."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest() if self.widths else ""

    def encoded(self, tokens: pa.ListArray, lists: Mapping[str, pa.ListArray]) -> dict[str, npt.NDArray[Any]]:
        """Return `EncodedColumns` of sequences, concatenated.

        Args:
            tokens: `list<string>`, the tokens of each sequence.
            lists: `list<string>` by name, one value for each token; a column that is not there is missing.
        """
        flat, offsets = flatten(tokens)
        n = len(flat)
        parts: dict[str, list[npt.NDArray[Any]]] = {
            "ids": [np.zeros((n, 0), np.int32)],
            "values": [np.zeros((n, 0), np.float32)],
        }
        for learned in self.columns:
            texts = token_values(lists.get(learned.column.name), offsets)
            if learned.vectors is not None:
                parts["ids"].append(learned.ids(texts)[:, None])
            parts["values"].append(learned.values(texts, offsets))
        parts["ids"] += [gazetteer.ids(flat, offsets)[:, None] for gazetteer in self.gazetteers]
        return {name: np.concatenate(parts[name], axis=1) for name in self.widths}


NO_COLUMNS = ColumnIndex()


def check_lengths(
    tokens: pa.ListArray, lists: Mapping[str, pa.ListArray], *, first: int = 0, place: str = ""
) -> None:
    """Check that each sequence has as many values in each column as tokens, or no list.

    Args:
        tokens: the tokens of each sequence.
        lists: values by name of the column.
        first: number of the first sequence, from 0, for messages.
        place: the file, for messages.

    Raises:
        CorpusFormatError: a sequence has another number of values.
    """
    found = wrong_lengths(tokens, lists)
    if found.null_count < len(found):
        row = pc.index(found.is_valid(), True).as_py()
        raise CorpusFormatError(f"{place}{': ' if place else ''}sequence {first + row + 1}: {found[row]}")


def check_values(
    index: ColumnIndex,
    tokens: pa.ListArray,
    lists: Mapping[str, pa.ListArray],
    *,
    first: int = 0,
    place: str = "",
) -> None:
    """Check that new sequences have the values that an index reads; arguments are those of `check_lengths`.

    Raises:
        CorpusFormatError: a sequence has another number of values than tokens, or a value is no number or
            time where the index reads one.
    """
    check_lengths(tokens, lists, first=first, place=place)
    _, offsets = flatten(tokens)
    for learned in index.columns:
        column = learned.column
        if column.name not in lists or not is_parsed(column):
            continue
        texts = token_values(lists[column.name], offsets)
        wrong = np.flatnonzero(invalid_values(texts, column))
        if len(wrong):
            row = int(np.searchsorted(offsets, wrong[0], side="right")) - 1
            expected = "a finite number" if column.kind == "number" else "a time"
            at = f"sequence {first + row + 1}, token {wrong[0] - offsets[row] + 1}"
            found = texts[int(wrong[0])].as_py()
            raise CorpusFormatError(
                f"{place}{': ' if place else ''}{at}: column {column.name!r}: expected {expected} or "
                f"nothing, got {found!r:.60}"
            )


def gaps_before(times: npt.NDArray[np.float64], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return `<float64>[n_tokens]` seconds since the token before, NaN for the first token of a sequence.

    Args:
        times: `<float64>[n_tokens]`, NaN where unknown.
        offsets: `<int64>[n_sequences + 1]`, start of each sequence.
    """
    gaps = np.diff(times, prepend=np.nan)
    gaps[offsets[:-1][np.diff(offsets) > 0]] = np.nan
    return gaps


def _with_missing(
    *columns: npt.NDArray[np.float64], missing: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.float32]:
    """Return the columns, 0 where they are NaN, and a last column that is 1 where a value is missing."""
    missing = np.isnan(columns[0]) if missing is None else missing
    return np.stack([*map(np.nan_to_num, columns), missing], axis=1).astype(np.float32)
