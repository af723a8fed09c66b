"""Keras on TensorFlow: import `keras` from here, and only to build a network."""

from __future__ import annotations

import os

from seqtag.neural import _tensorflow  # noqa: F401 - Keras would import TensorFlow with its startup log

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras

__all__ = ["keras"]
