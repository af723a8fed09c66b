"""The compiled operations: loads the library that the build makes from the C sources here."""

from __future__ import annotations

import ctypes
import logging
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from seqtag.neural._tensorflow import tf

LIBRARY = Path(__file__).with_name("libseqtag_native.so")
_SECTION_HEADERS = struct.Struct("<40xQ10xHH2x")  # of an ELF file's 64 bytes: offset, size of one, number
_MOST_PARTS = 8  # each part packs all weights, and has gradients at them that are then added

_log = logging.getLogger(__name__)


class NativeOperations(NamedTuple):
    """The loaded operations; the sources define their inputs and outputs."""

    array: Any
    filled: Any
    lstm: Any
    lstm_gradient: Any
    cross_entropy: Any
    cross_entropy_gradient: Any
    character_cnn: Any
    character_cnn_gradient: Any
    sum_rows: Any
    adam: Any
    instruction_set: str  # of this machine, such as AVX2


def has_gpu() -> bool:
    """Return whether TensorFlow sees a GPU, where training uses XLA."""
    return bool(tf.config.list_physical_devices("GPU"))


def n_processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


def n_parts() -> int:
    """Return into how many parts a batch is cut, if two operations on each part run in parallel."""
    return max(1, min(n_processors() // 2, _MOST_PARTS))


def _require_whole(library: Path) -> None:
    """Check the size of an ELF file against its section headers, which are at its end.

    Loading a library that was cut ends the process with SIGBUS.

    Raises:
        OSError: the file is missing, or shorter than its headers say.
    """
    content = library.read_bytes()
    start, size, number = _SECTION_HEADERS.unpack(content[:64].ljust(64, b"\xff"))
    if len(content) < start + size * number:
        raise OSError(f"{library} is incomplete; install seqtag again")


_left_out: ContextVar[bool] = ContextVar("left out", default=False)


@contextmanager
def left_out() -> Iterator[None]:
    """Build graphs without the operations, for a SavedModel, which can be loaded without them."""
    before = _left_out.set(True)
    try:
        yield
    finally:
        _left_out.reset(before)


def operations() -> NativeOperations | None:
    """Return the operations; None with a GPU, or if the library cannot be loaded, which is logged once."""
    return None if _left_out.get() else _operations()


@cache
def _operations() -> NativeOperations | None:
    if has_gpu():
        return None
    try:
        _require_whole(LIBRARY)
        found = _load(LIBRARY)
    except (OSError, tf.errors.OpError) as error:
        _log.warning("training uses XLA, which is slower: the native operations cannot be loaded: %s", error)
        return None
    if _is_outdated(LIBRARY):
        _log.warning("%s is older than its sources; install seqtag again", LIBRARY)
    return found


def _load(library: Path) -> NativeOperations:
    """Load a library and return its operations.

    Raises:
        OSError: the library was built from other sources, or TensorFlow refuses one of its operations.
        tf.errors.OpError: TensorFlow cannot load it.
    """
    loaded, functions = tf.load_op_library(str(library)), ctypes.CDLL(str(library))
    try:
        functions.seqtag_instruction_set.restype = ctypes.c_char_p
        functions.seqtag_registration_error.restype = ctypes.c_char_p
        found = NativeOperations(
            loaded.seqtag_array,
            loaded.seqtag_filled,
            loaded.seqtag_lstm,
            loaded.seqtag_lstm_gradient,
            loaded.seqtag_cross_entropy,
            loaded.seqtag_cross_entropy_gradient,
            loaded.seqtag_character_cnn,
            loaded.seqtag_character_cnn_gradient,
            loaded.seqtag_sum_rows,
            loaded.seqtag_adam,
            functions.seqtag_instruction_set().decode(),
        )
    except AttributeError as error:
        raise OSError(f"{library} was built from other sources ({error}); install seqtag again") from error
    if refused := functions.seqtag_registration_error().decode():
        raise OSError(f"TensorFlow refuses the operation {refused}")
    return found


def _is_outdated(library: Path) -> bool:
    """Return whether sources of a checkout are newer than the library, as Make would.

    A digest of the sources in the library would make a training's code version depend on their comments.
    """
    setup = library.parents[3] / "setup.py"
    if not setup.exists():  # installed from a wheel, where times of files mean nothing
        return False
    sources = [setup, *library.parent.glob("*.[ch]")]
    return max(source.stat().st_mtime for source in sources) > library.stat().st_mtime
