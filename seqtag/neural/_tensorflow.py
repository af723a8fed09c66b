"""The one door to TensorFlow and Keras: import `tf` and `keras` from here, and only where they are needed."""

import os

# The C++ side reads these once, when it is loaded; what the environment already says stands.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # 2: errors only, no word about missing GPUs
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import tensorflow as tf

__all__ = ["fix_randomness", "keras", "tf"]


def fix_randomness(seed: int) -> None:
    """Make all that TensorFlow does in this process from here on a pure function of `seed`.

    Acts on the whole process: Python's, NumPy's and TensorFlow's global seeds are set, and TensorFlow's
    deterministic kernels stay switched on.
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
