"""Reader of encoded splits: padded Parquet to arrays, without a loop over rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.errors import RunDirError
from seqtag.features.column_index import NO_COLUMNS, ColumnIndex, EncodedColumns
from seqtag.features.encoded_layout import BUCKET, bucket_files, encoded_schema
from seqtag.features.windowing import Windows
from seqtag.io.mapped_memory import MappedMemory, size_of

_WINDOWS_AT_A_TIME = 2**14
_LARGEST_IN_MEMORY = 2**24  # bytes of a bucket; the arrays of larger ones are in a file


@dataclass(frozen=True, eq=False)
class Bucket:
    """The windows of one padded length, as arrays."""

    length: int  # tokens and padding
    row: npt.NDArray[np.int64]  # [n_windows], row of the sequence in the snapshot
    weight: npt.NDArray[np.float32]  # [n_windows], weight of the sequence in the loss
    windows: Windows  # position of the sequence in the split, start, real length, kept range
    token_ids: npt.NDArray[np.int32]  # [n_windows, length]
    word_type_ids: npt.NDArray[np.int32]  # [n_windows, length]
    tag_ids: npt.NDArray[
        np.int32
    ]  # [n_windows, length], or [n_windows, length, n_columns]; negative: unknown
    columns: EncodedColumns = field(default_factory=dict)  # [n_windows, length, width] each
    memory: MappedMemory | None = None  # has the arrays, in a file; None: ordinary memory

    def __len__(self) -> int:
        return len(self.row)

    @cached_property
    def n_loss_tokens(self) -> int:
        """The number of tokens in the loss: those with a known tag, each in one window only."""
        return sum(map(self._n_loss_tokens_in, self.parts()))

    def loss_mask(self, chosen: slice | npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """Return `<bool>`, the shape of the tags: True at kept tokens of windows, where the tag is known."""
        cut, time = self.windows, np.arange(self.length)
        kept = (time >= cut.keep_start[chosen, None]) & (time < cut.keep_stop[chosen, None])
        known = self.tag_ids[chosen] >= 0
        return known & (kept if known.ndim == kept.ndim else kept[..., None])

    def parts(self) -> Iterator[slice]:
        """Yield the ranges of windows to process at a time; memory has those of one."""
        for first in range(0, len(self), _WINDOWS_AT_A_TIME):
            yield slice(first, first + _WINDOWS_AT_A_TIME)
            self.release()

    def release(self) -> None:
        """Take arrays that are in a file out of memory until they are read again."""
        if self.memory is not None:
            self.memory.release()

    def _n_loss_tokens_in(self, part: slice) -> int:
        if self.tag_ids[part].min(initial=0) < 0:
            return n_tokens_in(self.loss_mask(part))
        return int((self.windows.keep_stop[part] - self.windows.keep_start[part]).sum())


def n_tokens_in(loss_mask: npt.NDArray[np.bool_]) -> int:
    """Return the number of tokens with at least one known tag.

    Args:
        loss_mask: `[n, length]`, or `[n, length, n_columns]`.
    """
    return int(np.count_nonzero(loss_mask if loss_mask.ndim == 2 else loss_mask.any(axis=2)))


def read_encoded(
    folder: Path,
    *,
    vocabulary_digest: str,
    tags_digest: str,
    columns: ColumnIndex = NO_COLUMNS,
    scratch: Path | None = None,
) -> list[Bucket]:
    """Read the windows of a split (`encode/<split>`), shortest bucket first.

    Args:
        scratch: folder for files with the arrays of large buckets; None: all are in ordinary memory.

    Raises:
        OSError: there is no space for such a file.
        RunDirError: no file exists, a file is malformed, or it was encoded with another vocabulary, other
            tags or other columns.
    """
    files = bucket_files(folder)
    if not files:
        raise RunDirError(f"{folder}: encoded windows are missing: no length=* folder")
    return [_bucket(path, vocabulary_digest, tags_digest, columns, scratch) for path in files]


def _bucket(
    path: Path, vocabulary_digest: str, tags_digest: str, columns: ColumnIndex, scratch: Path | None
) -> Bucket:
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise RunDirError(f"{path}: encoded windows are unreadable: expected Parquet, got {error}") from error
    with file:
        schema_of = partial(
            encoded_schema,
            vocabulary_digest=vocabulary_digest,
            tags_digest=tags_digest,
            columns_digest=columns.digest,
            widths=columns.widths,
        )
        _check_metadata(path, file.schema_arrow, schema_of)
        arrays, memory = _arrays(file, scratch)
    n_windows, bucket = arrays["token_ids"].shape
    names = ("sequence", "start", "length", "keep_start", "keep_stop")
    of_bucket = np.broadcast_to(np.int32(bucket), n_windows)  # takes no memory
    cut = Windows(**{name: arrays.pop(name) for name in names}, bucket=of_bucket)
    of_tokens = {
        name: arrays.pop(f"column_{name}").reshape(n_windows, bucket, width)
        for name, width in columns.widths.items()
    }
    return Bucket(length=bucket, windows=cut, columns=of_tokens, memory=memory, **arrays)


def _check_metadata(path: Path, schema: pa.Schema, schema_of: Callable[[int], pa.Schema]) -> None:
    metadata = schema.metadata or {}
    bucket = metadata.get(BUCKET, b"").decode("ascii", "replace")
    bucket = bucket if bucket.isdecimal() and 0 < int(bucket[:9]) < 2**31 else ""
    required = schema_of(int(bucket or 1))
    if not bucket or not schema.equals(required):
        raise RunDirError(
            f"{path}: schema is not that of encoded windows: got columns {', '.join(schema.names)}"
        )
    for key in (key for key in required.metadata if key != BUCKET):
        received, wanted = metadata.get(key, b"none").decode(), required.metadata[key].decode()
        if received != wanted:
            raise RunDirError(
                f"{path}: {key.decode()} differs: expected {wanted}, got {received}; index and encode again"
            )


def _arrays(
    file: pq.ParquetFile, scratch: Path | None
) -> tuple[dict[str, npt.NDArray[Any]], MappedMemory | None]:
    """Return `[n_windows]` or `[n_windows, bucket]` per column, and their memory if it is mapped.

    Row groups are copied into the final arrays one by one: a whole table would double the memory.
    """
    shapes = {column.name: _shape(column.type, file.metadata.num_rows) for column in file.schema_arrow}
    size, memory = size_of(shapes), None
    if scratch is not None and size > _LARGEST_IN_MEMORY:
        memory = MappedMemory(size, scratch)
    if memory is None:
        arrays = {name: np.empty(shape, dtype) for name, (shape, dtype) in shapes.items()}
    else:
        arrays = memory.arrays(shapes)
    first = 0
    for group in range(file.num_row_groups):
        for batch in file.read_row_group(group).to_batches():
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                values = column.flatten() if pa.types.is_fixed_size_list(column.type) else column
                target = arrays[name][first : first + len(batch)]
                target[...] = values.to_numpy().reshape(target.shape)
            first += len(batch)
        if memory is not None:
            memory.release()
    return arrays, memory


def _shape(type_: pa.DataType, n_windows: int) -> tuple[tuple[int, ...], npt.DTypeLike]:
    if pa.types.is_fixed_size_list(type_):
        return (n_windows, type_.list_size), type_.value_type.to_pandas_dtype()
    return (n_windows,), type_.to_pandas_dtype()
