"""TensorFlow, configured: import `tf` from here, and only where it is needed."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# Settings from the environment take precedence.
# 3: fatal errors only. Level 2 prints "failed call to cuInit" on machines without a GPU, which is no error.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

_LEGACY_KERAS = "TF_USE_LEGACY_KERAS"
_STARTUP_LOG = re.compile(rb"I\d{4} |WARNING: All log messages before absl::InitializeLog")


@contextmanager
def _without_startup_log() -> Iterator[None]:
    """Suppress the lines that TensorFlow 2.21 logs while loading its libraries, regardless of the log level.

    They bypass `sys.stderr` and go straight to file descriptor 2. All other lines are passed on afterwards.
    """
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            os.write(2, b"".join(line for line in held if not _STARTUP_LOG.match(line)))


@contextmanager
def _without_keras() -> Iterator[None]:
    """Keep TensorFlow 2.21 from importing Keras for optimizers that it does not use itself.

    Keras imports pandas, SciPy and matplotlib in turn, which takes as long as TensorFlow. Keras 2, which
    TensorFlow imports in its place with this setting, is not installed.
    """
    before = os.environ.get(_LEGACY_KERAS)
    os.environ[_LEGACY_KERAS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_LEGACY_KERAS]
        else:
            os.environ[_LEGACY_KERAS] = before


with _without_startup_log(), _without_keras():
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

__all__ = ["graph_function", "make_deterministic", "saved_model_pb2", "tf"]


def graph_function(function: Callable[..., Any], **options: Any) -> Any:
    """Return `tf.function` of a function without AutoGraph; loops over tensors are `tf.while_loop`.

    AutoGraph writes a temporary file for each function that it converts and removes it in an exit handler,
    which processes that are killed or end at once never run.

    Args:
        options: further arguments of `tf.function`.
    """
    return tf.function(function, autograph=False, **options)


def make_deterministic() -> None:
    """Make TensorFlow use deterministic kernels in this process from now on.

    Random operations take explicit seeds; the global ones, which other threads draw from, are not touched.
    """
    tf.config.experimental.enable_op_determinism()
