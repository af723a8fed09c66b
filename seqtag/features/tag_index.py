"""Tag index: the tags that a model may predict, and their ids."""

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

UNKNOWN_TAG_ID = -1  # of a tag outside the index, which no model can predict
UNTAGGED_ID = -2  # of a token without a tag, which is excluded from scoring


@dataclass(frozen=True)
class TagIndex:
    """Tags by id, from 0. Padding has no tag: it is masked by length."""

    tags: tuple[str, ...]
    scheme: SchemeName
    counts: Mapping[str, int] = field(default_factory=dict, compare=False)  # tokens in train

    @classmethod
    def load(cls, folder: Path) -> TagIndex:
        """Read the file that `save` wrote.

        Raises:
            RunDirError: tags.json is missing or malformed.
        """
        path = folder / TAGS
        try:
            table = json.loads(path.read_text("utf-8"))
            index = cls(tuple(table["tags"]), table["scheme"], dict(table["counts"]))
            if not isinstance(table["tags"], list) or not all(isinstance(tag, str) for tag in index.tags):
                raise TypeError("tags are not strings")
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise RunDirError(
                f"{path}: tag index is malformed: expected tags, scheme and counts, got {error!r}"
            ) from error
        if len(set(index.tags)) < len(index.tags):
            raise RunDirError(f"{path}: tags are repeated: expected each once, got {list(index.tags)}")
        if index.scheme not in get_args(SchemeName):
            raise RunDirError(
                f"{path}: scheme is unknown: expected one of {', '.join(get_args(SchemeName))}, "
                f"got {index.scheme!r}"
            )
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

    def tags_in(self, scheme: SchemeName) -> tuple[str, ...]:
        """Return the tag of each id in a scheme: that of the index, or IOB2 if the index is IOBES.

        >>> TagIndex(("O", "B-X", "I-X", "E-X", "S-X"), "IOBES").tags_in("IOB2")
        ('O', 'B-X', 'I-X', 'I-X', 'B-X')

        Raises:
            ConfigError: the tags cannot be given in that scheme.
        """
        if scheme == self.scheme:
            return self.tags
        if (self.scheme, scheme) != ("IOBES", "IOB2"):
            expected = "IOBES or IOB2" if self.scheme == "IOBES" else self.scheme
            raise ConfigError(f"scheme of output is unsupported: expected {expected}, got {scheme}")
        prefixes, types = split_tags(self.tags)
        iob2 = {"E": "I", "S": "B"}
        return tuple(tag_name(iob2.get(p, p), t) for p, t in zip(prefixes, types, strict=True))

    @cached_property
    def digest(self) -> str:
        """The sha256 of tags and scheme: equal digests mean equal ids."""
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
    """Return the observed and the declared tags in the order of their ids.

    First come those that the champion has too (`previous`), in its order, unless its scheme is another; then
    the other declared tags, in order; then the other observed tags, by (-count, tag). A tag that only the
    champion has cannot be learnt, so it is left out, and the gate detects that it was removed.

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
    """Return the declared tags, or, if they are of another scheme, all tags of `scheme` for the same types.

    Tags are converted on ingestion, so IOBES may be trained while IOB2 tags are declared. Tags are of another
    scheme if, in `scheme`, no sequence of declared tags contains one of them.
    """
    if scheme == "none":
        return declared
    legal = legal_transitions(declared, scheme)
    neighbours = legal & ~np.eye(len(legal), dtype=np.bool_)  # only I-X after I-X is no sequence
    if neighbours[:, :-1].any(axis=0).all() and neighbours[:-1].any(axis=1).all():
        return declared
    prefixes, types = split_tags(declared)
    span_types = dict.fromkeys(t for p, t in zip(prefixes, types, strict=True) if p not in ("O", ""))
    outside = [tag for tag in declared if tag == "O"]
    candidates = [*outside, *(tag_name(prefix, t) for t in span_types for prefix in ("B", "I", "E", "S"))]
    return [tag for tag, exists in zip(candidates, _exist(candidates, scheme), strict=True) if exists]


def _exist(tags: Sequence[str], scheme: SchemeName) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_tags]`, True for tags of the scheme."""
    return np.asarray(legal_transitions(tags, scheme)[:-1].any(axis=1))
