"""Suggestion of the valid name that is nearest to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: object, known: Iterable[str]) -> str | None:
    """Return the known name that is most like `name` except for case; None if none is.

    >>> nearest("max_epoch", ["patience", "max_epochs"]), nearest("xml", ["conll", "jsonl"])
    ('max_epochs', None)
    """
    folded = {each.casefold(): each for each in known}
    found = get_close_matches(str(name).casefold(), folded, n=1)
    return folded[found[0]] if found else None


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return the end of a message that suggests the nearest name, "" if none is near.

    >>> did_you_mean("trian", ["train", "dev", "test"])
    "; did you mean 'train'?"
    """
    near = nearest(name, known)
    return "" if near is None else f"; did you mean {near!r}?"
