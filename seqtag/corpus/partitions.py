"""Hive partitions: folders `split=train/` of a path."""

from __future__ import annotations

import re

_PARTITION = re.compile(r"[^=]+=.*", re.DOTALL)


def is_partition(folder: str) -> bool:
    return _PARTITION.fullmatch(folder) is not None
