"""Reports of readers: assumptions about a source, contradictions to them, and changed cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar

from seqtag.formatting import escaped, plural, shortened
from seqtag.records import Record

_MOST_COLUMNS = 1000  # kept per source for a message


@dataclass(frozen=True)
class Warned:
    """A contradiction between a source and what was assumed about it."""

    kind: str
    text: str  # what is wrong at the first place, and the key that would read it differently
    place: str  # the first: "train.conll:17"
    count: int  # number of places


@dataclass(frozen=True)
class SourceRecord:
    """A `SourceReport` as stored in `sources.json`."""

    name: str
    n_sequences: int
    assumed: Mapping[str, Mapping[str, int]]  # "separator" -> "tab" -> number of files
    changed: Mapping[str, int]  # "tags stripped" -> cells
    warnings: Sequence[Warned]


@dataclass(frozen=True)
class SourceRecords(Record):
    """sources.json: how each source of a snapshot was read."""

    FORMAT: ClassVar[str] = "sources/1"

    sources: Sequence[SourceRecord]


class SourceReport:
    """Assumptions, changes and warnings that the reader of a source collects.

    Args:
        name: name of the source in messages: that of its file, or the path with the number of files.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.n_sequences = 0  # known once the source has been read
        self.is_complete = True  # false: reading stopped early, on request
        self.features: Counter[str] = Counter()  # of CoNLL-U: number of words with each
        self.columns: dict[str, None] = {}  # possible names for `corpus.columns`, in the order of the source
        self._assumed: dict[str, Counter[str]] = {}
        self._changed: Counter[str] = Counter()
        self._warnings: dict[str, Warned] = {}

    def assume(self, what: str, value: str) -> None:
        """Note an assumption, once per file: `assume("separator", "tab")`."""
        self._assumed.setdefault(what, Counter())[value] += 1

    def change(self, what: str, count: int) -> None:
        """Count cells that were changed: `change("tags stripped", 12)`."""
        if count:
            self._changed[what] += count

    def offer(self, names: Iterable[str]) -> None:
        """Note columns, keys or comments of the source that `corpus.columns` could name."""
        for name in islice(names, _MOST_COLUMNS):
            if len(self.columns) < _MOST_COLUMNS:
                self.columns[name] = None

    def warn(self, kind: str, text: str, *, place: str, count: int = 1) -> None:
        """Note a contradiction; the first place and text of each kind are kept, and all are counted."""
        if count:
            first = self._warnings.setdefault(kind, Warned(kind=kind, text=text, place=place, count=0))
            self._warnings[kind] = replace(first, count=first.count + count)

    def record(self) -> SourceRecord:
        """Return everything noted so far."""
        return SourceRecord(
            name=self.name,
            n_sequences=self.n_sequences,
            assumed={what: dict(sorted(values.items())) for what, values in self._assumed.items()},
            changed=dict(self._changed),
            warnings=list(self._warnings.values()),
        )


def source_sentence(record: SourceRecord, *, is_complete: bool = True) -> str:
    """Describe in one line how a source was read: settings that were detected, changes, and its size.

    Args:
        record: of the source.
        is_complete: the whole source was read.

    >>> source_sentence(
    ...     SourceRecord(
    ...         name="*.conll",
    ...         n_sequences=9,
    ...         assumed={"separator": {"tab": 2, "blanks": 1}, "header": {"none": 3}},
    ...         changed={"tags stripped": 12},
    ...         warnings=[],
    ...     )
    ... )
    '*.conll: header none, separator tab (2 files) and blanks (1 file); 12 tags stripped; 9 sequences'
    """
    size = plural(record.n_sequences, "sequence")
    size = size if is_complete else f"only the first {size} were read"
    return escaped(f"{record.name}: {'; '.join(filter(None, [assumptions(record), *changes(record), size]))}")


def assumptions(record: SourceRecord) -> str:
    """List the assumptions about a source in alphabetical order: `header none, separator tab`."""
    return escaped(", ".join(f"{what} {_values(values)}" for what, values in sorted(record.assumed.items())))


def changes(record: SourceRecord) -> list[str]:
    """List the changes to a source with their counts: `12 tags stripped`."""
    return [f"{count:,} {what}" for what, count in sorted(record.changed.items())]


def warning_sentences(record: SourceRecord) -> list[str]:
    """Describe each contradiction in one line that begins with its first place."""
    return [
        escaped(f"{warned.place}: {warned.text}")
        + (f" (the first of {warned.count:,} such places)" if warned.count > 1 else "")
        for warned in record.warnings
    ]


def contradictions_sentence(records: Sequence[SourceRecord], *, said: str = "", longest: int = 240) -> str:
    """Say how many sources contradict their assumptions, and where the first does; "" if none.

    Args:
        said: text that precedes the sentence; warnings whose place it names are not repeated.
        longest: length in characters at which the first contradiction is cut.

    >>> warned = Warned(kind="columns", text="4 columns, 3 before", place="a.conll:17", count=2)
    >>> source = SourceRecord(name="a.conll", n_sequences=9, assumed={}, changed={}, warnings=[warned])
    >>> contradictions_sentence([source])
    '1 source contradicts itself, first a.conll:17: 4 columns, 3 before (the first of 2 such places)'
    """
    new = [
        replace(record, warnings=[w for w in record.warnings if f"{w.place}: " not in said])
        for record in records
    ]
    found = [sentences for record in new if (sentences := warning_sentences(record))]
    if not found:
        return ""
    first = shortened(found[0][0], longest)
    how_many = (
        "1 source contradicts itself" if len(found) == 1 else f"{len(found):,} sources contradict themselves"
    )
    return f"{how_many}, first {first}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the first few names and the number of the others.

    >>> listed(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _values(values: Mapping[str, int]) -> str:
    if len(values) == 1:
        return next(iter(values))
    return " and ".join(f"{value} ({n} file{'' if n == 1 else 's'})" for value, n in values.items())
