"""Model weights as arrays by layer path, and as a file whose bytes depend on the weights only."""

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
    """Return copies of Keras variables by path, such as `bilstm/forward_kernel`."""
    return {variable.path: np.array(variable.numpy()) for variable in variables}


def set_weights(variables: Sequence[Any], weights: Weights) -> None:
    """Assign `weights` to Keras variables.

    Raises:
        RunDirError: the weights belong to another model.
    """
    expected = {variable.path: tuple(variable.shape) for variable in variables}
    found = {path: array.shape for path, array in weights.items()}
    if found != expected:
        raise RunDirError(f"weights have the wrong shapes: expected {expected}, found {found}")
    for variable in variables:
        variable.assign(weights[variable.path])


def with_prefix(prefix: str, arrays: Arrays) -> Arrays:
    """Return the arrays with `prefix:` in front of their names.

    >>> with_prefix("first", {"words": np.zeros(2)})
    {'first:words': array([0., 0.])}
    """
    return {f"{prefix}:{name}": array for name, array in arrays.items()}


def without_prefix(prefix: str, arrays: Arrays) -> Arrays:
    """Return the arrays whose names start with `prefix:`, under their original names."""
    start = f"{prefix}:"
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def save_arrays(path: Path, arrays: Arrays) -> None:
    """Write arrays to an .npz file, sorted by name."""
    np.savez(path, allow_pickle=False, **{name: arrays[name] for name in sorted(arrays)})


def load_arrays(path: Path) -> Arrays:
    """Read a file written by `save_arrays`; nothing in it is executed.

    Raises:
        RunDirError: the file is missing or is not an .npz file of arrays.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
            invalid = [name for name, array in found.items() if not isinstance(array, np.ndarray)]
            if invalid:
                raise ValueError(f"members that are not arrays: {invalid}")
            return found
    except (
        *(OSError, EOFError, ValueError, TypeError, KeyError, RuntimeError),
        *(MemoryError, OverflowError, zipfile.BadZipFile, zlib.error, struct.error, SyntaxError, TokenError),
    ) as error:  # everything NumPy and zipfile raise on a damaged file
        raise RunDirError(f"{path}: cannot be read as an .npz file of arrays: {error!r}") from error
