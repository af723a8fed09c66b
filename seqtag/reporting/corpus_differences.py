"""Differences between the corpora of two runs, as rows and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqtag.config import SPLITS, Split
from seqtag.corpus import CorpusChanges, SizeChange
from seqtag.formatting import count, percent, plural, points
from seqtag.reporting.markdown import inline, table

_MOST_SHIFTS = 10  # in the card; the report lists all types


@dataclass(frozen=True)
class SourceRow:
    """Sequences of a source in two runs, and the difference."""

    name: str
    size: SizeChange
    difference: str  # such as "+12", "new" or "removed"


@dataclass(frozen=True)
class TypeCell:
    """Spans of a type, or tokens of a tag, in one split of two runs."""

    shares: str  # of the split, such as "8.0% → 7.5%"
    numbers: str  # such as "120 → 115"
    shift: float  # of the share, a fraction; 0 if a split is empty


@dataclass(frozen=True)
class TypeRow:
    """A type of spans, or a tag, in train, dev and test."""

    name: str
    cells: Sequence[TypeCell]

    @property
    def largest_shift(self) -> float:
        """The largest change of its share in a split, a fraction without sign."""
        return max(abs(cell.shift) for cell in self.cells)


def source_rows(changes: CorpusChanges) -> list[SourceRow]:
    """Return the sequences of each source."""
    return [SourceRow(name, size, _difference(size)) for name, size in changes.sources.items()]


def type_rows(changes: CorpusChanges) -> list[TypeRow]:
    """Return the counts and shares of each type, those whose share changed most first."""
    totals = {split: _total(changes.types, split) for split in SPLITS}
    rows = [
        TypeRow(name, [_type_cell(sizes[split], totals[split]) for split in SPLITS])
        for name, sizes in changes.types.items()
    ]
    return sorted(rows, key=lambda row: (-row.largest_shift, row.name))


def unchanged_types(changes: CorpusChanges) -> bool:
    """Return whether each type has the same count in each split."""
    return all(size.before == size.now for sizes in changes.types.values() for size in sizes.values())


def documents_sentence(changes: CorpusChanges) -> str:
    """Return the sentence on new and removed documents."""
    new, removed = (plural(n, "document") for n in (changes.new_documents, changes.removed_documents))
    return f"{new} new, {removed} removed."


def corpus_differences_markdown(changes: CorpusChanges) -> list[str]:
    """Return what changed in the corpus as GitHub-flavoured Markdown: only the rows that differ."""
    header = ["split", "sequences before", "now", "new", "removed", "from another split", "with other tags"]
    splits = [
        [name, *map(count, (size.before, size.now, *different))]
        for name, size in ((name, changes.splits[name]) for name in SPLITS)
        if any(different := (size.new, size.removed, size.moved_in, size.relabelled))
    ]
    sources = [
        [row.name, count(row.size.before), count(row.size.now), row.difference]
        for row in source_rows(changes)
        if row.size.before != row.size.now
    ]
    return [
        f"### Corpus since the run of version {inline(changes.version)}",
        table(header, splits) if splits else "The sequences and their tags are the same in every split.",
        documents_sentence(changes),
        table(["source", "sequences before", "now", "difference"], sources) if sources else "",
        *_types_markdown(changes),
    ]


def _types_markdown(changes: CorpusChanges) -> list[str]:
    what = "type of spans" if changes.unit == "span" else "tag"
    if unchanged_types(changes):
        return [f"Each {what} is as frequent as before in every split."]
    header = [what, "split", "share", "number", "change of share"]
    each = [
        (abs(cell.shift), [row.name, split, cell.shares, cell.numbers, points(cell.shift)])
        for row in type_rows(changes)
        for split, cell in zip(SPLITS, row.cells, strict=True)
    ]
    largest = sorted(each, key=lambda one: -one[0])[:_MOST_SHIFTS]
    return ["The largest changes of a share:", table(header, [cells for _, cells in largest])]


def _total(types: Mapping[str, Mapping[Split, SizeChange]], split: Split) -> SizeChange:
    sizes = [each[split] for each in types.values()]
    return SizeChange(sum(size.before for size in sizes), sum(size.now for size in sizes))


def _type_cell(size: SizeChange, total: SizeChange) -> TypeCell:
    before = size.before / total.before if total.before else None
    now = size.now / total.now if total.now else None
    return TypeCell(
        shares=f"{percent(before)} → {percent(now)}",
        numbers=f"{count(size.before)} → {count(size.now)}",
        shift=0.0 if before is None or now is None else now - before,
    )


def _difference(size: SizeChange) -> str:
    if size.before == size.now:
        return "none"
    if not size.before or not size.now:
        return "new" if size.now else "removed"
    return f"{'+' if size.now > size.before else '−'}{count(abs(size.now - size.before))}"  # noqa: RUF001
