"""Offsets of a time zone from UTC as a table, for arrays of times in NumPy and in TensorFlow."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_WEEK = 604_800  # seconds; no zone changes twice in one


def local_times(times: npt.NDArray[np.float64], zone: str) -> npt.NDArray[np.float64]:
    """Return times in UTC, `<float64>[n]` seconds since 1970, as seconds of the clock of a zone."""
    starts, shifts = utc_offsets(zone)
    found: npt.NDArray[np.float64] = times + shifts[np.searchsorted(starts, times, side="right") - 1]
    return found


@lru_cache
def utc_offsets(zone: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the times at which the offset of a zone changes, and the offset from then on, in seconds.

    Both are `<float64>[n]`; the first time is -inf. Changes from 1970 to 2100 are included.

    >>> starts, offsets = utc_offsets("Europe/Berlin")
    >>> offsets[np.searchsorted(starts, [1767225600.0, 1782864000.0], side="right") - 1].tolist()
    [3600.0, 7200.0]
    """
    info = ZoneInfo(zone)

    def offset(time: int) -> float:
        found = datetime.fromtimestamp(time, info).utcoffset()
        return 0.0 if found is None else found.total_seconds()

    first, last = int(_FIRST.timestamp()), int(_LAST.timestamp())
    starts, offsets = [-np.inf], [offset(first)]
    for week in range(first, last, _WEEK):
        before, after = week, week + _WEEK
        if offset(after) == offset(before):
            continue
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (middle, after) if offset(middle) == offsets[-1] else (before, middle)
        starts.append(float(after))
        offsets.append(offset(after))
    return np.array(starts), np.array(offsets)
