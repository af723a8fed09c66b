"""Log of tagged sequences in Parquet, which `seqtag monitor` reads."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.artifacts import scratch_folder

logger = logging.getLogger(__name__)

_WORDS = pa.list_(pa.string())
_SHARES = pa.list_(pa.float32())
ANSWERS = pa.schema(
    {"tokens": _WORDS, "predicted": _WORDS, "confidence": _SHARES, "model_version": pa.string()}
)
DISAGREEMENTS = pa.schema(
    [
        *ANSWERS,
        pa.field("challenger_predicted", _WORDS),
        pa.field("challenger_confidence", _SHARES),
        pa.field("challenger_version", pa.string()),
    ]
)
_MOST_SEQUENCES = 10_000  # of a part; bounds memory


class SequenceLog:
    """A folder of parts, in a folder for each day (UTC). A part appears whole.

    Sequences are kept in memory until `flush`, or until there are 10,000. A killed server loses these.

    Args:
        folder: is created with its first part.
        schema: types of the columns.
        lost: called with the number of sequences of a part that could not be written.
    """

    def __init__(
        self, folder: Path, schema: pa.Schema, *, lost: Callable[[int], None] = lambda _: None
    ) -> None:
        self._folder, self._schema, self._lost = folder, schema, lost
        self._rows: list[Mapping[str, Any]] = []
        self._change = threading.Lock()

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add sequences, as values by column."""
        with self._change:
            self._rows.extend(rows)
            is_full = len(self._rows) >= _MOST_SEQUENCES
        if is_full:
            self.flush()

    def flush(self) -> None:
        """Write what was added since; what cannot be written is lost, and a server goes on answering."""
        with self._change:
            rows, self._rows = self._rows, []
        if not rows:
            return
        now = datetime.now(UTC)
        part = self._folder / f"{now:%Y-%m-%d}" / f"{now:%H%M%S.%f}-{os.getpid()}.parquet"
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            with scratch_folder(part.with_name(f".{part.stem}")) as scratch:
                unfinished = scratch / "part"  # without the suffix by which readers know a part
                pq.write_table(pa.Table.from_pylist(list(rows), schema=self._schema), unfinished)
                unfinished.rename(part)
        except (OSError, pa.ArrowException) as error:
            self._lost(len(rows))
            logger.warning("%s: %d sequences were not logged: %s", self._folder, len(rows), error)
