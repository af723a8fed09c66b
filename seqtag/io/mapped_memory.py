"""Memory for large arrays in a file without a name; what is not in use need not be in memory."""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt


class MappedMemory:
    """Memory of a fixed size, in a file that disappears with the process, however it ends.

    Args:
        size: bytes.
        folder: folder of the file, on a disk: a temporary folder may be in memory itself.

    Raises:
        OSError: there is no space on the disk; the message names size and folder.
    """

    def __init__(self, size: int, folder: Path) -> None:
        with TemporaryFile(dir=folder) as file:
            try:
                os.posix_fallocate(file.fileno(), 0, max(size, 1))  # a full disk would crash a later write
            except OSError as error:
                text = f"{error.strerror}, for a temporary file of {size / 1e6:,.0f} MB in"
                raise OSError(error.errno, text, str(folder)) from error
            self._mapped = mmap.mmap(file.fileno(), max(size, 1))

    def arrays(
        self, shapes: Mapping[str, tuple[tuple[int, ...], npt.DTypeLike]]
    ) -> dict[str, npt.NDArray[Any]]:
        """Return writable arrays one after the other, by name; `size_of` them must fit."""
        found, first = {}, 0
        for name, (shape, dtype) in shapes.items():
            found[name] = np.ndarray(shape, dtype, self._mapped, first)
            first += _aligned(found[name].nbytes)
        return found

    def release(self) -> None:
        """Give up the pages in memory. Their content stays in the file, and is read again when it is used."""
        self._mapped.madvise(mmap.MADV_DONTNEED)


def size_of(shapes: Mapping[str, tuple[tuple[int, ...], npt.DTypeLike]]) -> int:
    """Return the bytes that arrays take."""
    counts = (int(np.prod(shape)) * np.dtype(dtype).itemsize for shape, dtype in shapes.values())
    return sum(map(_aligned, counts))


def _aligned(n_bytes: int) -> int:
    """Round up to a page, so that arrays begin at a multiple of their item size."""
    return -(-n_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
