"""Groups of token lines and comments between blank lines, for CoNLL and CoNLL-U."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.corpus.record_batches import picked
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import Lines, Positions, strings
from seqtag.io.arrays import mask_of

EQUALS = 61  # "="


@dataclass(frozen=True)
class Groups:
    """Token lines of a block, grouped into sequences, and their comments."""

    lines: Lines
    tokens: Positions  # lines
    offsets: Positions  # [n + 1]: sequence i has tokens[offsets[i]:offsets[i + 1]]
    comments: Positions  # lines
    owners: Positions  # the sequence of each comment, -1 if its group has no token

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def first_lines(self) -> Positions:
        return self.tokens[self.offsets[:-1]]


def groups_of(
    lines: Lines, *, tokens: Positions, is_break: npt.NDArray[np.bool_], comments: Positions
) -> Groups:
    """Group token lines into sequences, which end at break lines; each comment belongs to its group."""
    group = np.cumsum(is_break, dtype=np.int64)  # [lines]
    of_token = group[tokens]
    begins = np.flatnonzero(np.diff(of_token, prepend=-1))
    offsets = np.append(begins, len(tokens))
    return Groups(lines, tokens, offsets, comments, _owners(of_token[begins], group[comments]))


def document_numbers(groups: Groups, boundaries: Positions) -> Positions:
    """Return for each sequence the number of lines above it in the block that begin a document."""
    return np.searchsorted(boundaries, groups.first_lines)


@dataclass(frozen=True)
class Comments:
    """Comments `key = value`, without blanks around either; a missing value is null."""

    keys: pa.StringArray
    values: pa.StringArray

    def keys_with_values(self, most: int = 100) -> list[str]:
        """Return at most `most` distinct keys that have a value."""
        keys: list[str] = self.keys.filter(self.values.is_valid()).unique()[:most].to_pylist()
        return keys

    def having(self, *keys: str) -> Positions:
        return np.flatnonzero(pc.is_in(self.keys, pa.array(keys, pa.string())))


def comments_of(lines: Lines, where: Positions, prefix: bytes) -> Comments:
    starts, stops = lines.starts[where] + len(prefix), lines.stops[where]
    equals = np.flatnonzero(lines.data == EQUALS)
    equals = np.append(equals, len(lines.data))[np.searchsorted(equals, starts)]
    without = equals >= stops
    equals = np.where(without, stops, equals)
    keys = pc.ascii_trim(strings(lines.data, starts, equals), " \t")
    values = pc.ascii_trim(strings(lines.data, np.where(without, stops, equals + 1), stops), " \t")
    return Comments(keys, pc.if_else(pc.equal(values, ""), None, values))


def sequence_values(key: str, comments: Comments, groups: Groups) -> pa.StringArray:
    """Return the value of `key` in the last such comment of each sequence, null if there is none."""
    found = comments.having(key)
    found = found[groups.owners[found] >= 0]
    return picked(comments.values, found, len(groups), groups.owners[found])


def warn_of_two_values(
    keys: Iterable[str],
    comments: Comments,
    groups: Groups,
    report: SourceReport,
    *,
    name: str,
    first_line: int,
) -> None:
    """Warn of sequences with two comments that give different values for a key.

    Args:
        first_line: the number of the block's first line in its file.
    """
    for key in keys:
        where = comments.having(key)
        owners, values = groups.owners[where], comments.values.take(pa.array(where)).fill_null("")
        differ = mask_of(pc.not_equal(values[1:], values[:-1]))
        found = owners[1:][differ & (owners[1:] == owners[:-1]) & (owners[1:] >= 0)]
        if len(found):
            report.warn(
                f"two comments: {key}",
                f"comment '{key}' is repeated in this sequence with another value, and the last one counts; "
                "remove all but one",
                place=f"{name}:{first_line + int(groups.first_lines[found[0]])}",
                count=len(np.unique(found)),
            )


def _owners(group_of_sequence: Positions, group_of_comment: Positions) -> Positions:
    if len(group_of_sequence) == 0:
        return np.full(len(group_of_comment), -1, np.int64)
    found = np.searchsorted(group_of_sequence, group_of_comment)
    found = np.minimum(found, len(group_of_sequence) - 1)
    return np.where(group_of_sequence[found] == group_of_comment, found, -1)
