"""Log of tagged sequences in Parquet, which the flow `monitor` reads."""

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

_STRINGS = pa.list_(pa.string())
_PROBABILITIES = pa.list_(pa.float32())
ANSWERS = pa.schema(
    {"tokens": _STRINGS, "predicted": _STRINGS, "confidence": _PROBABILITIES, "model_version": pa.string()}
)
DISAGREEMENTS = pa.schema(
    [
        *ANSWERS,
        pa.field("challenger_predicted", _STRINGS),
        pa.field("challenger_confidence", _PROBABILITIES),
        pa.field("challenger_version", pa.string()),
    ]
)
_MAX_TOKENS = 1_000_000  # of a part; bounds memory


class SequenceLog:
    """A folder of parts, in a folder for each day (UTC). A part appears whole.

    Sequences are kept in memory until `flush`, or until they have a million tokens. They are lost if the
    server is killed. Empty sequences are left out.

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
        self._n_tokens = 0
        self._change, self._writing = threading.Lock(), threading.Lock()

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add sequences, as values by column."""
        with self._change:
            self._rows.extend(row for row in rows if len(row["tokens"]))
            self._n_tokens += sum(len(row["tokens"]) for row in rows)
            is_full = self._n_tokens >= _MAX_TOKENS
        if is_full:
            self.flush()

    def flush(self) -> None:
        """Write what was added since; what cannot be written is lost, and a server goes on answering."""
        with self._writing:  # whoever flushes at the end waits for a part that is being written
            with self._change:
                rows, self._rows, self._n_tokens = self._rows, [], 0
            if rows:
                self._write(rows)

    def _write(self, rows: Sequence[Mapping[str, Any]]) -> None:
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
