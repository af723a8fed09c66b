"""Arrays in a file without a name."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest

from seqtag.io.mapped_memory import MappedMemory, size_of

N = 1 << 23  # 64 MiB of int64


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


def test_arrays_keep_what_was_written_before_a_release(tmp_path: Path) -> None:
    shapes = {"a": ((3, 2), np.int32), "b": ((0, 5), np.int32), "c": ((4,), np.float32)}
    memory = MappedMemory(size_of(shapes), tmp_path)
    arrays = memory.arrays(shapes)
    arrays["a"][...] = [[1, 2], [3, 4], [5, 6]]
    arrays["c"][...] = 0.5
    memory.release()
    assert arrays["a"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert arrays["b"].shape == (0, 5)
    assert arrays["c"].tolist() == [0.5] * 4
    assert list(tmp_path.iterdir()) == []


def test_after_a_release_arrays_take_no_memory(tmp_path: Path) -> None:
    shapes = {"a": ((N,), np.int64)}
    memory = MappedMemory(size_of(shapes), tmp_path)
    array, before = memory.arrays(shapes)["a"], resident()
    array[:] = 1
    assert resident() - before > 4 * N
    memory.release()
    assert resident() - before < N
    assert array.sum() == N


def test_a_lack_of_space_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"space|large"):
        MappedMemory(1 << 60, tmp_path)
