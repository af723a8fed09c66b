"""What a reader assumed about a source, what in the source contradicts it, and which cells were changed."""

from __future__ import annotations

from collections import Counter
from typing import TypedDict


class Warned(TypedDict):
    """A contradiction between a source and what was assumed about it."""

    kind: str
    text: str  # what the first place shows, and the key that would read it otherwise
    place: str  # the first one: "train.conll:17"
    count: int  # places in all


class SourceRecord(TypedDict):
    """A `SourceReport` as `sources.json` keeps it."""

    name: str
    assumed: dict[str, dict[str, int]]  # "separator" -> "tab" -> number of files
    changed: dict[str, int]  # "tags stripped" -> cells
    warnings: list[Warned]


class SourceReport:
    """Collects what the reader of one source has to say besides its sequences.

    Args:
        name: what messages call the source: the file's name, or the path with its number of files.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._assumed: dict[str, Counter[str]] = {}
        self._changed: Counter[str] = Counter()
        self._warnings: dict[str, Warned] = {}

    def assume(self, what: str, value: str) -> None:
        """Note an assumption, once a file: `assume("separator", "tab")`."""
        self._assumed.setdefault(what, Counter())[value] += 1

    def change(self, what: str, count: int) -> None:
        """Count cells that were changed: `change("tags stripped", 12)`."""
        if count:
            self._changed[what] += count

    def warn(self, kind: str, text: str, *, place: str, count: int = 1) -> None:
        """Note a contradiction. Of each kind the first place and text are kept, and all are counted."""
        if count:
            first = self._warnings.setdefault(kind, Warned(kind=kind, text=text, place=place, count=0))
            self._warnings[kind] = {**first, "count": first["count"] + count}

    def record(self) -> SourceRecord:
        """Return everything noted so far."""
        return SourceRecord(
            name=self.name,
            assumed={what: dict(sorted(values.items())) for what, values in self._assumed.items()},
            changed=dict(self._changed),
            warnings=list(self._warnings.values()),
        )


def source_sentence(record: SourceRecord) -> str:
    """Say in one line how a source was read.

    >>> source_sentence(
    ...     {
    ...         "name": "*.conll (3 files)",
    ...         "assumed": {"separator": {"tab": 2, "blanks": 1}, "header": {"none": 3}},
    ...         "changed": {"tags stripped": 12},
    ...         "warnings": [],
    ...     }
    ... )
    '*.conll (3 files): separator tab (2 files) and blanks (1 file), header none; 12 tags stripped'
    """
    assumed = ", ".join(f"{what} {_values(values)}" for what, values in record["assumed"].items())
    changed = [f"{count:,} {what}" for what, count in record["changed"].items()]
    return f"{record['name']}: {'; '.join([assumed or 'nothing was assumed', *changed])}"


def warning_sentences(record: SourceRecord) -> list[str]:
    """Say each contradiction in one line, the first place in front."""
    return [
        f"{warned['place']}: {warned['text']}"
        + (f" (the first of {warned['count']:,} such places)" if warned["count"] > 1 else "")
        for warned in record["warnings"]
    ]


def _values(values: dict[str, int]) -> str:
    if len(values) == 1:
        return next(iter(values))
    return " and ".join(f"{value} ({n} file{'' if n == 1 else 's'})" for value, n in values.items())
