"""What a training that is cut off goes on from: all of its state, in files that are never half-written.

There are two, written in turn, so that one is whole whenever the process dies.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from seqtag.artifacts import find_manifest, publish, read_json, scratch_folder, write_json
from seqtag.errors import RunDirError
from seqtag.neural.training.progress import EpochRecord, Position, Progress
from seqtag.neural.weights import Arrays, load_arrays, save_arrays

_SLOTS = ("a", "b")
_PROGRESS, _STATE, _BEST = "progress.json", "state.npz", "best.npz"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """A training between two batches."""

    progress: Progress
    state: Arrays  # of the engine: weights, moments, averages and counts


class Checkpoints:
    """The checkpoints of one training.

    Args:
        folder: theirs; what makes another training has to give another folder.
        every: seconds between two.
    """

    def __init__(self, folder: Path, *, every: float) -> None:
        self._folder, self._every, self._last = folder, every, time.monotonic()
        numbers = {slot: _number(folder / slot) for slot in _SLOTS}
        self._number, self._newest = max((number, slot) for slot, number in numbers.items())

    def newest(self) -> Checkpoint | None:
        """Return the last whole checkpoint, None if there is none."""
        if not self._number:
            return None
        folder = self._folder / self._newest
        try:
            said = read_json(folder / _PROGRESS)
            history = tuple(EpochRecord(**record) for record in said["history"])
            progress = Progress(Position(**said["position"]), history, load_arrays(folder / _BEST))
            return Checkpoint(progress, load_arrays(folder / _STATE))
        except (RunDirError, KeyError, TypeError) as error:
            _log.warning("train: begins anew, since its checkpoint cannot be read: %s", error)
            return None

    def is_due(self) -> bool:
        """Tell whether it is time for the next one."""
        return time.monotonic() - self._last >= self._every

    def write(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint in place of the last but one."""
        started, progress = time.monotonic(), checkpoint.progress
        slot = next(slot for slot in _SLOTS if slot != self._newest)
        with scratch_folder(self._folder / f".{slot}.partial") as partial:
            said = {
                "position": asdict(progress.position),
                "history": [asdict(record) for record in progress.history],
            }
            write_json(partial / _PROGRESS, said)
            save_arrays(partial / _STATE, checkpoint.state)
            save_arrays(partial / _BEST, progress.best_weights)
            number = {"number": str(self._number + 1)}
            seconds = time.monotonic() - started
            publish(partial, self._folder / slot, step="checkpoint", inputs=number, seconds=seconds)
        self._number, self._newest, self._last = self._number + 1, slot, time.monotonic()


def _number(folder: Path) -> int:
    """Return the place of a checkpoint in their order, 0 if there is none, or a damaged one."""
    manifest = find_manifest(folder)
    return 0 if manifest is None else int(manifest.inputs["number"])
