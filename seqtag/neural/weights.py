"""The weights of a model as arrays by layer path, and as a file of equal bytes for equal weights."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtag.errors import RunDirError

Weights = Mapping[str, npt.NDArray[np.float32]]
Arrays = Mapping[str, npt.NDArray[Any]]


def weights_of(variables: Sequence[Any]) -> Weights:
    """Return a copy of Keras variables by their paths, such as `bilstm/forward_kernel`."""
    return {variable.path: np.array(variable.numpy()) for variable in variables}


def set_weights(variables: Sequence[Any], weights: Weights) -> None:
    """Put `weights` into Keras variables.

    Raises:
        RunDirError: they belong to another model.
    """
    required = {variable.path: tuple(variable.shape) for variable in variables}
    received = {path: array.shape for path, array in weights.items()}
    if received != required:
        raise RunDirError(f"weights of shapes {required} were required. Received: {received}")
    for variable in variables:
        variable.assign(weights[variable.path])


def named(what: str, arrays: Arrays) -> Arrays:
    """Return the arrays with `what:` before their names.

    >>> named("first", {"words": np.zeros(2)})
    {'first:words': array([0., 0.])}
    """
    return {f"{what}:{name}": array for name, array in arrays.items()}


def below(what: str, arrays: Arrays) -> Arrays:
    """Return the arrays that `named` gave that name, under their own."""
    prefix = f"{what}:"
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def save_arrays(path: Path, arrays: Arrays) -> None:
    """Write arrays as .npz, sorted by name."""
    np.savez(path, allow_pickle=False, **{name: arrays[name] for name in sorted(arrays)})


def load_arrays(path: Path) -> Arrays:
    """Read what `save_arrays` wrote; nothing in the file is executed.

    Raises:
        RunDirError: the file is missing or something else.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
            strange = [name for name, array in found.items() if not isinstance(array, np.ndarray)]
            if strange:
                raise ValueError(f"{strange}, which are no arrays")
            return found
    except (
        *(OSError, EOFError, ValueError, TypeError, KeyError, RuntimeError),
        *(MemoryError, OverflowError, zipfile.BadZipFile, zlib.error, struct.error, SyntaxError, TokenError),
    ) as error:  # all that a damaged file makes NumPy and zipfile raise
        raise RunDirError(f"{path}: arrays in .npz were required. Received: {error!r}") from error
