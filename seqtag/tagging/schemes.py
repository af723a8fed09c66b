"""Tag schemes: prefixes, legal transitions, and conversion between schemes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config import SchemeName
from seqtag.errors import TagSchemeError
from seqtag.tagging.ragged import distinct, flatten, relist

PREFIXES = ("O", "B", "I", "E", "S")
SPAN_SCHEMES: tuple[SchemeName, ...] = ("IOB2", "IOB1", "IOBES", "IOE2", "IOE1")  # in order of preference

# Row: this tag; column: the next one. + any type, = same type only, . never.
_LEGAL = {
    # a span begins with I, or with B directly after a span of the same type (Ramshaw and Marcus 1995)
    "IOB1": """
               O  B  I  end
        start  +  .  +  +
        O      +  .  +  +
        B      +  =  +  +
        I      +  =  +  +
        """,
    # every span begins with B (Sang and Veenstra 1999)
    "IOB2": """
               O  B  I  end
        start  +  +  .  +
        O      +  +  .  +
        B      +  +  =  +
        I      +  +  =  +
        """,
    # a span of one token is S, a longer one begins with B and ends with E (Uchimoto et al. 2000)
    "IOBES": """
               O  B  I  E  S  end
        start  +  +  .  .  +  +
        O      +  +  .  .  +  +
        B      .  .  =  =  .  .
        I      .  .  =  =  .  .
        E      +  +  .  .  +  +
        S      +  +  .  .  +  +
        """,
    # a span ends with I, or with E directly before a span of the same type (Sang and Veenstra 1999)
    "IOE1": """
               O  I  E  end
        start  +  +  +  +
        O      +  +  +  +
        I      +  +  +  +
        E      .  =  =  .
        """,
    # every span ends with E (Sang and Veenstra 1999)
    "IOE2": """
               O  I  E  end
        start  +  +  +  +
        O      +  +  +  +
        I      .  =  =  .
        E      +  +  +  +
        """,
}

# Tags at which conlleval.pl begins a span, in any scheme. Row: previous tag; column: this tag.
# + always, ! only if the types differ, . never. A span lasts until O or the beginning of the next.
_BEGINS = """
           O  B  I  E  S
    O      .  +  +  +  +
    B      .  +  !  !  +
    I      .  +  !  !  +
    E      .  +  +  +  +
    S      .  +  +  +  +
    """

_BOUNDARY = len(PREFIXES)  # start as a row, end as a column
_OUTSIDE = PREFIXES.index("O")
_NO_TAG = _BOUNDARY + 1  # a tag outside every scheme


def split_tags(tags: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the prefix (O, B, I, E or S) and the type of each tag.

    A bare `B` has the empty type. A tag of no scheme has the prefix "".

    >>> split_tags(["O", "B-PER", "I-geo-loc", "S", "B-", "NN"])
    (('O', 'B', 'I', 'S', '', ''), ('', 'PER', 'geo-loc', '', '', ''))
    """
    pairs = [_split(tag) for tag in tags]
    return tuple(prefix for prefix, _ in pairs), tuple(type_ for _, type_ in pairs)


def legal_transitions(tags: Sequence[str], scheme: SchemeName) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_tags + 1, n_tags + 1]`, True where the column's tag may follow the row's.

    The last row is the start of a sequence, the last column its end. A tag that is not in the scheme has no
    legal transitions.

    >>> legal_transitions(["O", "B-X", "I-X"], "IOB2").astype(int)
    array([[1, 1, 0, 1],
           [1, 1, 1, 1],
           [1, 1, 1, 1],
           [1, 1, 0, 1]])
    """
    if scheme == "none":
        return np.ones((len(tags) + 1, len(tags) + 1), dtype=np.bool_)
    prefix, type_id, _ = read_tags(tags)
    prefix = np.append(prefix, _BOUNDARY)
    type_id = np.append(type_id, -1)
    cells = _grid(_LEGAL[scheme])[prefix[:, None], prefix[None, :]]
    legal: npt.NDArray[np.bool_] = (cells == "+") | ((cells == "=") & (type_id[:, None] == type_id[None, :]))
    return legal


def convert_tags(tags: pa.ListArray, source: SchemeName, target: SchemeName) -> pa.ListArray:
    """Return tags that spell the same spans in another scheme; null lists stay null.

    Spans are read like conlleval, which repairs illegal transitions. If both schemes are equal, the tags are
    returned unchanged.

    Raises:
        TagSchemeError: either scheme has no spans, or a tag is null or belongs to no scheme.
    """
    if source == target:
        return tags
    if "none" in (source, target):
        raise TagSchemeError(f"scheme has no spans: cannot convert from {source!r} to {target!r}")
    values, offsets = flatten(tags)
    tag_ids, seen = distinct(values)
    prefix, type_id, types = read_tags(seen)
    if (prefix == _NO_TAG).any():
        raise foreign_tag(seen[int(np.argmax(prefix == _NO_TAG))], source)
    inside = prefix[tag_ids] != _OUTSIDE
    begins = begin_mask(prefix[tag_ids], type_id[tag_ids], offsets)
    spelled = spell(inside, begins, type_id[tag_ids], offsets, scheme=target)
    names = pa.array([tag_name(p, t) for p in PREFIXES for t in types], pa.string())
    codes = spelled.astype(np.int32) * len(types) + type_id[tag_ids]
    return relist(names.take(pa.array(codes)), offsets, like=tags)


def read_tags(tags: Sequence[str]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int32], tuple[str, ...]]:
    """Return `<int8>[n_tags]` indices into PREFIXES, `<int32>[n_tags]` indices into types, and sorted types.

    O and tags of no scheme get type 0, which means nothing.
    """
    prefixes, type_names = split_tags(tags)
    types = tuple(sorted({t for p, t in zip(prefixes, type_names, strict=True) if p not in ("O", "")})) or (
        "",
    )
    number = {name: i for i, name in enumerate(types)}
    prefix = [PREFIXES.index(p) if p else _NO_TAG for p in prefixes]
    return np.array(prefix, np.int8), np.array([number.get(t, 0) for t in type_names], np.int32), types


def begin_mask(
    prefix: npt.NDArray[np.int8], type_id: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_tokens]`, True where a span begins according to conlleval."""
    here = np.where(prefix < _BOUNDARY, prefix, _OUTSIDE)
    before = _previous(here, offsets, at_start=_OUTSIDE)
    differs = type_id != _previous(type_id, offsets, at_start=-1)
    grid = _grid(_BEGINS)
    mask: npt.NDArray[np.bool_] = (grid == "+")[before, here] | ((grid == "!")[before, here] & differs)
    return mask


def end_mask(
    inside: npt.NDArray[np.bool_], begins: npt.NDArray[np.bool_], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_tokens]`, True at the last token of a span."""
    goes_on = np.append(inside[1:] & ~begins[1:], False)[: len(inside)]
    goes_on[offsets[1:][np.diff(offsets) > 0] - 1] = False
    return inside & ~goes_on


def spell(
    inside: npt.NDArray[np.bool_],
    begins: npt.NDArray[np.bool_],
    type_id: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    *,
    scheme: SchemeName,
) -> npt.NDArray[np.int8]:
    """Return `<int8>[n_tokens]` indices into `PREFIXES`: the prefixes that spell spans in a scheme."""
    o, b, i, e, s = range(len(PREFIXES))
    if scheme == "IOB1":
        touches = _previous(inside, offsets, at_start=False)
        same_type = type_id == _previous(type_id, offsets, at_start=-1)
        spelled = np.where(begins & touches & same_type, b, i)
    elif scheme == "IOB2":
        spelled = np.where(begins, b, i)
    elif scheme == "IOE1":
        touched = _next(begins, offsets) & (type_id == _next(type_id, offsets))
        spelled = np.where(inside & touched, e, i)
    elif scheme == "IOE2":
        spelled = np.where(end_mask(inside, begins, offsets), e, i)
    else:
        ends = end_mask(inside, begins, offsets)
        spelled = np.select([begins & ends, begins, ends], [s, b, e], default=i)
    return np.where(inside, spelled, o).astype(np.int8)


def tag_name(prefix: str, type_: str) -> str:
    """Return the text of a tag.

    >>> tag_name("B", "PER"), tag_name("B", ""), tag_name("O", "PER")
    ('B-PER', 'B', 'O')
    """
    return prefix if prefix == "O" or not type_ else f"{prefix}-{type_}"


def foreign_tag(tag: str, scheme: SchemeName) -> TagSchemeError:
    """Return the error for a tag that belongs to no scheme."""
    return TagSchemeError(f"tag {tag!r} is not a span tag: expected one of scheme {scheme}")


def _split(tag: str) -> tuple[str, str]:
    prefix, dash, type_ = tag.partition("-")
    if prefix not in PREFIXES or bool(dash) != bool(type_) or (prefix == "O" and dash):
        return "", ""
    return prefix, type_


def _grid(table: str) -> npt.NDArray[np.str_]:
    """Return the cells `[row, column]` of a table above, in the order of `PREFIXES`; . for those it omits."""
    numbers = {name: i for i, name in enumerate((*PREFIXES, "end"))} | {"start": _BOUNDARY}
    header, *rows = table.strip().splitlines()
    cells = np.full((_NO_TAG + 1, _NO_TAG + 1), ".")
    for row in rows:
        name, *marks = row.split()
        for column, mark in zip(header.split(), marks, strict=True):
            cells[numbers[name], numbers[column]] = mark
    return cells


def _previous(values: npt.NDArray[Any], offsets: npt.NDArray[np.int64], *, at_start: int) -> npt.NDArray[Any]:
    """Return the value of the previous token, `at_start` for the first of a sequence."""
    before = np.empty_like(values)
    before[1:] = values[:-1]
    before[offsets[:-1][np.diff(offsets) > 0]] = at_start
    return before


def _next(values: npt.NDArray[Any], offsets: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return the value of the next token, 0 for the last of a sequence."""
    after = np.zeros_like(values)
    after[:-1] = values[1:]
    after[offsets[1:][np.diff(offsets) > 0] - 1] = 0
    return after
