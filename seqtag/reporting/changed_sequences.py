"""Sequences that two models tag differently: as text, as a page, and as a file to work with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.errors import ConfigError
from seqtag.evaluation import SequenceChanges, TypeChanges
from seqtag.formatting import count, percent, plural, printable
from seqtag.reporting.templating import environment

FORMATS = (".html", ".jsonl", ".parquet")
_CONTEXT = 2  # tokens shown on each side of a changed one
_MARKS = {"lost": "-", "gained": "+", "other": "~", "same": " "}

Change = Literal["lost", "gained", "other", "same"]


@dataclass(frozen=True)
class ShownToken:
    """A token with its gold tag, "?" if unknown, and the tags of both models."""

    token: str
    gold: str
    before: str
    now: str
    change: Change


@dataclass(frozen=True)
class ShownSequence:
    """A sequence, cut to the passages around its changed tokens."""

    sequence_id: str
    surest_error: float | None
    passages: tuple[tuple[ShownToken, ...], ...]


@dataclass(frozen=True)
class ChangesView:
    """Changes between two models, prepared for a page or the terminal.

    before, now: names of the models, such as "version 3" and "run 2026-01-31-9f86d081-2c26b46b".
    unit: "span", or "token" if the tags have no scheme.
    """

    before: str
    now: str
    unit: str
    changes: SequenceChanges
    by_type: Sequence[TypeChanges]
    wrong: Sequence[ShownSequence]
    right: Sequence[ShownSequence]

    @property
    def n_wrong(self) -> int:
        return int(self.changes.newly_wrong.num_rows)

    @property
    def n_right(self) -> int:
        return int(self.changes.newly_right.num_rows)

    @property
    def n_otherwise(self) -> int:
        """Sequences whose tags differ, but none is newly wrong or newly right."""
        return int(self.changes.table.num_rows) - self.n_wrong - self.n_right

    @property
    def sentences(self) -> list[str]:
        """The numbers of sequences, and what could not be compared."""
        changes, other = self.changes, plural(self.n_otherwise, "sequence")
        lines = [
            f"{plural(changes.n_compared, 'test sequence')} compared: {count(self.n_wrong)} with newly wrong "
            f"tokens, {count(self.n_right)} with newly right ones only"
            + (f", {other} wrong in another way." if self.n_otherwise else ".")
        ]
        if changes.n_relabelled:
            lines.append(f"{plural(changes.n_relabelled, 'sequence')} with other gold tags: not compared.")
        if changes.n_only_before or changes.n_only_now:
            lines.append(
                f"Not compared, because they are in one test split only: {count(changes.n_only_before)} of "
                f"{self.before}, {count(changes.n_only_now)} of {self.now}."
            )
        return lines


def changes_view(
    changes: SequenceChanges, by_type: Sequence[TypeChanges], *, before: str, now: str, unit: str, most: int
) -> ChangesView:
    """Prepare the `most` first sequences of each kind for a page or the terminal."""
    wrong, right = (_shown(table, most=most) for table in (changes.newly_wrong, changes.newly_right))
    return ChangesView(before, now, unit, changes, by_type, wrong, right)


def changes_text(view: ChangesView) -> str:
    """Format the changes for the terminal."""
    lines = [f"before: {view.before}, now: {view.now}", *view.sentences, ""]
    if view.by_type:
        width = max(len(view.unit) + 1, *(len(each.name) for each in view.by_type))
        lines.append(f"  {view.unit + 's':{width}}  newly found  newly missed  false positives: new  removed")
        lines += [
            f"  {each.name:{width}}  {each.newly_found:11,}  {each.newly_missed:12,}  "
            f"{each.new_false_positives:20,}  {each.removed_false_positives:7,}"
            for each in view.by_type
        ]
        lines.append("")
    if view.wrong:
        lines += [f"Newly wrong, most confident first: {count(len(view.wrong))} of {count(view.n_wrong)}", ""]
        lines += [line for sequence in view.wrong for line in _sequence_lines(sequence)]
    if view.right:
        lines += [f"Newly right: {count(len(view.right))} of {count(view.n_right)}", ""]
        lines += [line for sequence in view.right for line in _sequence_lines(sequence)]
    return "\n".join(map(printable, lines)).rstrip()


def write_changes(view: ChangesView, path: Path) -> None:
    """Write all changed sequences as `.jsonl` or `.parquet`, or the first ones as an `.html` page.

    Raises:
        ConfigError: the name has another ending.
    """
    if path.suffix == ".html":
        path.write_text(environment().get_template("diff.html").render(view=view), "utf-8")
    elif path.suffix == ".jsonl":
        lines = view.changes.table.to_pandas().to_json(orient="records", lines=True, force_ascii=False)
        path.write_text(lines.lstrip("\n"), "utf-8")  # pandas writes an empty line for no rows
    elif path.suffix == ".parquet":
        pq.write_table(view.changes.table, path)
    else:
        raise ConfigError(f"format of {path.name} is unknown: expected a name that ends with {FORMATS}")


def _sequence_lines(sequence: ShownSequence) -> Iterator[str]:
    sure = "" if sequence.surest_error is None else f"   confidence {percent(sequence.surest_error)}"
    yield f"  {sequence.sequence_id}{sure}"
    tokens = [token for passage in sequence.passages for token in passage]
    columns = [("token", "gold", "before", "now"), *((t.token, t.gold, t.before, t.now) for t in tokens)]
    widths = [max(len(printable(row[i])) for row in columns) for i in range(4)]
    for number, passage in enumerate(sequence.passages):
        if number:
            yield "      ..."
        else:
            yield "      " + _aligned(columns[0], widths)
        for token in passage:
            row = (token.token, token.gold, token.before, token.now)
            yield f"    {_MARKS[token.change]} " + _aligned(row, widths)
    yield ""


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(printable(text).ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _shown(table: pa.Table, *, most: int) -> list[ShownSequence]:
    return [_shown_sequence(row) for row in table.slice(0, most).to_pylist()]


def _shown_sequence(row: Mapping[str, Any]) -> ShownSequence:
    tokens = [
        ShownToken(token or "", gold or "?", before, now, _change(gold, before, now))
        for token, gold, before, now in zip(
            row["tokens"], row["tags"], row["before"], row["now"], strict=True
        )
    ]
    changed = [number for number, token in enumerate(tokens) if token.change != "same"]
    passages: list[list[int]] = []
    for number in changed:
        near = range(max(0, number - _CONTEXT), min(len(tokens), number + _CONTEXT + 1))
        if passages and near.start <= passages[-1][-1] + 1:
            passages[-1] += [each for each in near if each > passages[-1][-1]]
        else:
            passages.append(list(near))
    return ShownSequence(
        row["sequence_id"], row["surest_error"], tuple(tuple(tokens[i] for i in each) for each in passages)
    )


def _change(gold: str | None, before: str, now: str) -> Change:
    if before == now:
        return "same"
    return "lost" if before == gold else "gained" if now == gold else "other"
