"""Result of recognition: how a file is to be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Recognised:
    """Source that reads a file, apart from its path, and the reasons for it.

    Attributes:
        keys: keys of its source, without `path` and `split`; only those that differ from the defaults.
        summary: the format, the columns and their roles in one line.
        reasons: a sentence for each choice among several candidates.
        is_partial: whether some tokens have no tag.
        further: columns with a value for each token that have no role.
    """

    keys: Mapping[str, object]
    summary: str
    reasons: Sequence[str] = ()
    is_partial: bool = False
    further: Sequence[str] = ()


def summary_of(
    form: object, columns: Iterable[str], tokens: str, tags: str, sequence: str | None = None
) -> str:
    """Return one line with the format, the columns and their roles."""
    by = "" if sequence is None else f", sequences in {sequence}"
    return f"{form}, columns {', '.join(columns)}: tokens in {tokens}, tags in {tags}{by}"
