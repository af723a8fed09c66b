"""The tags that a model may give, and their ids."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config import SchemeName
from seqtag.errors import ConfigError, RunDirError
from seqtag.features.encoded_layout import TAGS
from seqtag.features.symbols import Lookup
from seqtag.tagging.schemes import legal_transitions, split_tags, tag_name

UNKNOWN_TAG_ID = -1  # of a tag outside the index: no model can get it right
UNTAGGED_ID = -2  # of a token whose tag nobody knows: no model is judged by it


@dataclass(frozen=True)
class TagIndex:
    """Tags by id, from 0: there is no tag for padding, which is known by the length."""

    tags: tuple[str, ...]
    scheme: SchemeName
    counts: Mapping[str, int] = field(default_factory=dict, compare=False)  # tokens of train

    @classmethod
    def load(cls, folder: Path) -> TagIndex:
        """Read what `save` wrote.

        Raises:
            RunDirError: tags.json is missing or something else.
        """
        path = folder / TAGS
        try:
            table = json.loads(path.read_text("utf-8"))
            index = cls(tuple(table["tags"]), table["scheme"], dict(table["counts"]))
            if not isinstance(table["tags"], list) or not all(isinstance(tag, str) for tag in index.tags):
                raise TypeError("tags that are no strings")
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise RunDirError(
                f"{path}: tags, scheme and counts were required. Received: {error!r}"
            ) from error
        if len(set(index.tags)) < len(index.tags):
            raise RunDirError(f"{path}: different tags were required. Received: {list(index.tags)}")
        if index.scheme not in get_args(SchemeName):
            raise RunDirError(f"{path}: a known scheme was required. Received: {index.scheme!r}")
        return index

    def save(self, folder: Path) -> None:
        """Write tags.json into `folder`."""
        table = {"tags": self.tags, "scheme": self.scheme, "counts": self.counts}
        (folder / TAGS).write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", "utf-8")

    def __len__(self) -> int:
        return len(self.tags)

    def ids(self, tags: pa.Array) -> npt.NDArray[np.int32]:
        """Return `<int32>[n_tokens]`; -1 for a tag outside the index and for null."""
        return self._lookup.positions(tags)

    def spelled(self, spoken: SchemeName) -> tuple[str, ...]:
        """Return the tag of each id as it is given out: in IOB2, too, where the model thinks in IOBES.

        >>> TagIndex(("O", "B-X", "I-X", "E-X", "S-X"), "IOBES").spelled("IOB2")
        ('O', 'B-X', 'I-X', 'I-X', 'B-X')

        Raises:
            ConfigError: any other scheme than the index' own.
        """
        if spoken == self.scheme:
            return self.tags
        if (self.scheme, spoken) != ("IOBES", "IOB2"):
            raise ConfigError(f"tags of scheme {self.scheme} or IOB2 were required. Received: {spoken}")
        prefixes, types = split_tags(self.tags)
        said = {"E": "I", "S": "B"}
        return tuple(tag_name(said.get(p, p), t) for p, t in zip(prefixes, types, strict=True))

    @cached_property
    def digest(self) -> str:
        """The sha256 of tags and scheme: equal digests, equal ids."""
        return hashlib.sha256(json.dumps([self.scheme, *self.tags]).encode()).hexdigest()

    @cached_property
    def _lookup(self) -> Lookup:
        return Lookup(pa.array(self.tags, pa.string()))


def tag_order(
    observed: Mapping[str, int],
    *,
    declared: Sequence[str] | None,
    previous: Sequence[str],
    scheme: SchemeName,
) -> tuple[str, ...]:
    """Return the tags that train shows or that are declared, in the order of their ids.

    First those that the champion has too (`previous`), in its order unless it has another scheme; then the
    declared ones as declared; then what train shows beyond them, by (-count, tag). A tag that the champion
    alone knows has nothing that it could be learnt from, and is left out: the gate sees that it was removed.

    >>> tag_order({"O": 9, "B-X": 2, "B-Y": 2}, declared=None, previous=(), scheme="IOB2")
    ('O', 'B-X', 'B-Y')
    >>> tag_order({"O": 9, "B-X": 2, "B-Y": 2}, declared=None, previous=("O", "B-Y", "B-Z"), scheme="IOB2")
    ('O', 'B-Y', 'B-X')
    """
    by_count = sorted(observed, key=lambda tag: (-observed[tag], tag))
    known = dict.fromkeys([*_spelled_in(scheme, declared or ()), *by_count])
    kept = previous if _exist(previous, scheme).all() else ()
    return tuple(dict.fromkeys([*(tag for tag in kept if tag in known), *known]))


def _spelled_in(scheme: SchemeName, declared: Sequence[str]) -> Sequence[str]:
    """Return declared tags as they are, or, if they were declared for another scheme, those that `scheme`
    has for the same types: tags are converted at the door, so IOBES may be trained from declared IOB2.

    Of another scheme are tags of which one can never stand in a sequence made of these tags.
    """
    if scheme == "none":
        return declared
    legal = legal_transitions(declared, scheme)
    neighbours = legal & ~np.eye(len(legal), dtype=np.bool_)  # I-X after I-X alone leads nowhere
    if neighbours[:, :-1].any(axis=0).all() and neighbours[:-1].any(axis=1).all():
        return declared
    prefixes, types = split_tags(declared)
    span_types = dict.fromkeys(t for p, t in zip(prefixes, types, strict=True) if p not in ("O", ""))
    outside = [tag for tag in declared if tag == "O"]
    candidates = [*outside, *(tag_name(prefix, t) for t in span_types for prefix in ("B", "I", "E", "S"))]
    return [tag for tag, exists in zip(candidates, _exist(candidates, scheme), strict=True) if exists]


def _exist(tags: Sequence[str], scheme: SchemeName) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_tags]`: is this a tag of the scheme?"""
    return np.asarray(legal_transitions(tags, scheme)[:-1].any(axis=1))
