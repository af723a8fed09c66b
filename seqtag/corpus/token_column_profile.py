"""Profile of the further columns of tokens that the model reads, as part of profile.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from seqtag.config import Split
from seqtag.formatting import percent, plural

ColumnKind = Literal["category", "number", "time", "set"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOUNS = {"category": "value", "set": "member"}


@dataclass(frozen=True)
class ColumnSize:
    """Values of a column in one split, after quarantine.

    n_tokens                    of the split
    n_missing                   tokens without a value, or with one that is not of the kind
    n_values                    of tokens; of a set, its members
    n_distinct, n_unseen        of a category or set: distinct values, and values that train lacks
    minimum, median, maximum    of a number, or of a time in seconds since 1970; None without values
    """

    n_tokens: int
    n_missing: int
    n_values: int
    n_distinct: int | None = None
    n_unseen: int | None = None
    minimum: float | None = None
    median: float | None = None
    maximum: float | None = None

    @property
    def missing(self) -> float:
        """Share of the tokens; 0 if there are none."""
        return self.n_missing / self.n_tokens if self.n_tokens else 0.0

    @property
    def unseen(self) -> float:
        """Share of the values that train lacks, in [0, 1]; 0 if there are none."""
        return (self.n_unseen or 0) / self.n_values if self.n_values else 0.0


@dataclass(frozen=True)
class ColumnProfile:
    """A column of tokens that the model reads."""

    name: str
    kind: ColumnKind
    splits: Mapping[Split, ColumnSize]

    def values_sentence(self, split: Split) -> str:
        """Describe the values in a split.

        >>> size = ColumnSize(n_tokens=9, n_missing=1, n_values=8, minimum=0.5, median=2.0, maximum=1200.0)
        >>> ColumnProfile("amount", "number", {"train": size}).values_sentence("train")
        '0.5 to 1200, median 2'
        >>> size = ColumnSize(n_tokens=9, n_missing=1, n_values=8, n_distinct=3, n_unseen=2)
        >>> ColumnProfile("host", "category", {"test": size}).values_sentence("test")
        '3 distinct values; train lacks 25.0% of 8 values'
        """
        size = self.splits[split]
        if size.n_distinct is not None:
            noun = _NOUNS[self.kind]
            known = f"; train lacks {percent(size.unseen)} of {plural(size.n_values, noun)}"
            distinct = plural(size.n_distinct, f"distinct {noun}")
            return f"{distinct}{'' if split == 'train' or not size.n_values else known}"
        if size.minimum is None or size.median is None or size.maximum is None:
            return "no values"
        if self.kind == "time":
            return f"{_moment(size.minimum)} to {_moment(size.maximum)} UTC"
        return f"{size.minimum:.6g} to {size.maximum:.6g}, median {size.median:.6g}"


def _moment(seconds: float) -> str:
    """Format seconds since 1970; times before year 1 or after 9999 stay numbers."""
    try:
        return (_EPOCH + timedelta(seconds=round(seconds))).strftime("%Y-%m-%d %H:%M:%S")
    except OverflowError:
        return f"{seconds:.0f} s"
