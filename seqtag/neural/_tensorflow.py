"""The one door to TensorFlow and Keras: import `tf` and `keras` from here, and only where they are needed."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

# What the environment already says stands.
# 3: fatal errors alone. Level 2 prints "failed call to cuInit" where there is no GPU, which is no error.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

_CHATTER = re.compile(rb"I\d{4} |WARNING: All log messages before absl::InitializeLog")


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Hold back what TensorFlow 2.21 logs while its libraries are loaded, whatever the log level says.

    It goes to file descriptor 2, past `sys.stderr`. All other lines are passed on afterwards.
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
            os.write(2, b"".join(line for line in held if not _CHATTER.match(line)))


with _without_chatter():
    import keras
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

__all__ = ["keras", "make_deterministic", "saved_model_pb2", "tf"]


def make_deterministic() -> None:
    """Have TensorFlow use kernels that give the same bytes each time, in this process from here on.

    What is random takes a seed of its own: the global ones, which other threads draw from, are not touched.
    """
    tf.config.experimental.enable_op_determinism()
