"""Training checkpoints: the complete state of an interrupted training, written atomically.

There are two slots, written alternately, so that one is intact whenever the process dies.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from seqtag.artifacts import find_manifest, publish, read_json, scratch_folder, write_json
from seqtag.errors import RunDirError
from seqtag.evaluation import EpochRecord
from seqtag.neural.training.progress import Position, Progress
from seqtag.neural.weights import Arrays, load_arrays, save_arrays

_SLOTS = ("a", "b")
_PROGRESS, _STATE, _BEST = "progress.json", "state.npz", "best.npz"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training between two batches."""

    progress: Progress
    state: Arrays  # of the engine: weights, moments, averages and counts


class Checkpoints:
    """Reads and writes the checkpoints of one training.

    Args:
        folder: folder of the checkpoints; use a different one for each configuration.
        every: seconds between two checkpoints.
    """

    def __init__(self, folder: Path, *, every: float) -> None:
        self._folder, self._every, self._last = folder, every, time.monotonic()
        self._find_newest()

    def newest(self) -> Checkpoint | None:
        """Return the last complete checkpoint, or None."""
        self._find_newest()  # again: another process may have written one
        if not self._number:
            return None
        folder = self._folder / self._newest
        try:
            saved = read_json(folder / _PROGRESS)
            history = tuple(EpochRecord(**record) for record in saved["history"])
            progress = Progress(Position(**saved["position"]), history, load_arrays(folder / _BEST))
            return Checkpoint(progress, load_arrays(folder / _STATE))
        except (RunDirError, KeyError, TypeError) as error:
            _log.warning("train: checkpoint cannot be read, restarting from the first epoch: %s", error)
            return None

    def _find_newest(self) -> None:
        numbers = {slot: _number(self._folder / slot) for slot in _SLOTS}
        self._number, self._newest = max((number, slot) for slot, number in numbers.items())

    def is_due(self) -> bool:
        """Return True if it is time for the next checkpoint."""
        return time.monotonic() - self._last >= self._every

    def write(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, replacing the older of the two."""
        started, progress = time.monotonic(), checkpoint.progress
        slot = next(slot for slot in _SLOTS if slot != self._newest)
        with scratch_folder(self._folder / f".{slot}.partial") as partial:
            content = {
                "position": asdict(progress.position),
                "history": [asdict(record) for record in progress.history],
            }
            write_json(partial / _PROGRESS, content)
            save_arrays(partial / _STATE, checkpoint.state)
            save_arrays(partial / _BEST, progress.best_weights)
            number = {"number": str(self._number + 1)}
            seconds = time.monotonic() - started
            publish(partial, self._folder / slot, step="checkpoint", inputs=number, seconds=seconds)
        self._number, self._newest, self._last = self._number + 1, slot, time.monotonic()


def _number(folder: Path) -> int:
    """Return the sequence number of a checkpoint, 0 if it is missing or damaged."""
    manifest = find_manifest(folder)
    return 0 if manifest is None else int(manifest.inputs["number"])
