"""Tokens without a tag, spelled as null, as an empty tag, or as a mark such as spaCy's "-"."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import SchemeName
from seqtag.errors import TagSchemeError
from seqtag.io.arrays import mask_of
from seqtag.tagging.partial_tags import convert_known_tags
from seqtag.tagging.schemes import convert_tags
from seqtag.tagging.spelling import Spelling, respell


def known_tags(tags: pa.ListArray, mark: str | None) -> pa.ListArray:
    """Return the tags with null for unknown ones, and a null list for a sequence without any known tag.

    Such a sequence is unlabelled: it contributes words but no tags, and is not scored. Empty lists stay.

    Args:
        tags: `list<string>`, plain or dictionary-encoded.
        mark: the tag that means none; if None, every token needs a tag, and the tags are returned unchanged.

    >>> known_tags(pa.array([["O", "-"], ["", None], ["B-X"], None]), "-").to_pylist()
    [['O', None], None, ['B-X'], None]
    """
    if mark is None:
        return tags
    values, lengths = tags.flatten(), pc.fill_null(pc.list_value_length(tags), 0).to_numpy()
    untagged = _is_untagged(values, mark)
    if not untagged.any():
        return tags
    owners = np.repeat(np.arange(len(tags)), lengths)
    n_known = np.bincount(owners[~untagged], minlength=len(tags))
    is_null = mask_of(tags.is_null()) | ((n_known == 0) & (lengths > 0))
    values = _without(values, untagged).filter(pa.array(~is_null[owners]))
    offsets = np.append(0, np.cumsum(np.where(is_null, 0, lengths))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(is_null))


def n_untagged(tags: pa.ListArray) -> int:
    """Return the number of tokens without a tag in sequences that have tags.

    >>> n_untagged(pa.array([["O", None], None]))
    1
    """
    return int(tags.flatten().null_count)


def trained_tags(
    tags: pa.ListArray, *, mark: str | None, scheme: SchemeName, spelling: Spelling, train_scheme: SchemeName
) -> tuple[pa.ListArray, int]:
    """Return the tags for training, null if unknown, and the number of tags lost in conversion.

    Spans are read as by conlleval. Without `mark` they are rewritten even if the scheme stays the same, since
    an output restricted to legal tags could not learn others.

    Args:
        mark: as for `known_tags`.

    >>> tags = pa.array([["B-X", None, "O"]])
    >>> how = {"mark": "-", "scheme": "IOB2", "spelling": Spelling()}
    >>> [(found.to_pylist(), n) for found, n in (trained_tags(tags, **how, train_scheme="IOBES"),)]
    [([[None, None, 'O']], 1)]

    Raises:
        TagSchemeError: a tag is not in the scheme.
    """
    tags = known_tags(tags, mark)
    if scheme == "none":
        return tags, 0
    tags = respell(tags, spelling)
    if scheme == train_scheme and mark is None:
        return _respelled(tags, scheme), 0
    converted = convert_known_tags(tags, scheme, train_scheme)
    return known_tags(converted, mark), n_untagged(converted) - n_untagged(tags)


def lost_sentence(n_lost: int, train_scheme: SchemeName) -> str:
    """Say how many tags a conversion lost, and which key keeps more.

    >>> lost_sentence(12, "IOB2")
    '12 tags next to tokens without one are ambiguous in IOB2, and count as unknown'
    """
    advice = '; tags.train_scheme = "IOB2" keeps more of them' if train_scheme != "IOB2" else ""
    lost = f"{n_lost:,} tags next to tokens without one are ambiguous in {train_scheme}"
    return f"{lost}, and count as unknown{advice}"


def _respelled(tags: pa.ListArray, scheme: SchemeName) -> pa.ListArray:
    """Return the same spans in legal tags; unchanged if a tag is not one of a scheme with spans."""
    other: SchemeName = "IOB2" if scheme == "IOBES" else "IOBES"
    try:
        return convert_tags(convert_tags(tags, scheme, other), other, scheme)
    except TagSchemeError:  # validation is configured to accept it
        return tags


def _is_untagged(values: pa.Array, mark: str) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_tokens]`."""
    is_none = pa.array(["", mark])
    if not pa.types.is_dictionary(values.type):
        found = pc.or_(pc.is_null(values), pc.is_in(values, value_set=is_none))
        return mask_of(found)
    of_distinct = mask_of(pc.is_in(values.dictionary, value_set=is_none))
    of_distinct = of_distinct | mask_of(values.dictionary.is_null())
    return np.append(of_distinct, True)[values.indices.fill_null(len(of_distinct)).to_numpy()]


def _without(values: pa.Array, untagged: npt.NDArray[np.bool_]) -> pa.Array:
    """Return the values with null for untagged ones."""
    if not pa.types.is_dictionary(values.type):
        return pc.if_else(pa.array(untagged), None, values)
    indices = pc.if_else(pa.array(untagged), None, values.indices)
    return pa.DictionaryArray.from_arrays(indices, values.dictionary)
