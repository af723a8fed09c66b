"""Windows of sequences that several columns of tags share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import reduce

import numpy as np
import numpy.typing as npt

from seqtag.errors import RunDirError
from seqtag.features import Bucket, Windows


def joint_windows(of_columns: Sequence[Sequence[Bucket]]) -> list[Bucket]:
    """Return the windows of sequences that all columns have, with tags `[n_windows, length, n_columns]`.

    They are copies in memory. A sequence that is in quarantine for one of the columns has no windows. Word
    types are those of the first column.

    Args:
        of_columns: the buckets of a split for each column of tags.

    Raises:
        RunDirError: the columns do not have the same tokens.
    """
    rows = (np.concatenate([bucket.row for bucket in buckets]) for buckets in of_columns)
    common = reduce(np.intersect1d, rows)
    found = []
    for bucket in of_columns[0]:
        alike = [
            next((each for each in buckets if each.length == bucket.length), None) for buckets in of_columns
        ]
        kept = [_taken(each, np.isin(each.row, common)) for each in alike if each is not None]
        first = kept[0]
        if len(first) and (len(kept) < len(of_columns) or not all(_match(first, each) for each in kept)):
            raise RunDirError(
                f"columns of tags have other tokens in windows of length {bucket.length}: expected the same "
                "sequences in each; encode them again"
            )
        if len(first):
            found.append(replace(first, tag_ids=np.stack([each.tag_ids for each in kept], axis=2)))
    return found


def windows_of_column(buckets: Sequence[Bucket], number: int) -> list[Bucket]:
    """Return the windows with the tags of one column, `[n_windows, length]`."""
    return [replace(bucket, tag_ids=bucket.tag_ids[..., number]) for bucket in buckets]


def _match(bucket: Bucket, other: Bucket) -> bool:
    return np.array_equal(bucket.row, other.row) and np.array_equal(bucket.token_ids, other.token_ids)


def _taken(bucket: Bucket, chosen: npt.NDArray[np.bool_]) -> Bucket:
    cut = Windows(*(getattr(bucket.windows, field.name)[chosen] for field in fields(Windows)))
    arrays = ("row", "weight", "token_ids", "word_type_ids", "tag_ids")
    return replace(
        bucket,
        windows=cut,
        columns={name: values[chosen] for name, values in bucket.columns.items()},
        memory=None,
        **{name: getattr(bucket, name)[chosen] for name in arrays},
    )
