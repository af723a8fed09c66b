"""Bundles: a trained tagger in one folder, with a digest of every file; no code in it is executed."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from seqtag import __version__
from seqtag.artifacts import file_digest, is_inside, write_json
from seqtag.bundle_description import BUNDLE, Bundle
from seqtag.errors import BundleError, RunDirError, is_permanent
from seqtag.features import TagIndex, Vectors, Vocabulary
from seqtag.features.encoded_layout import CHARACTERS, COLUMNS, SEEN, TAGS, TESTED, VECTORS, WORDS
from seqtag.neural.weights import Weights, load_arrays, save_arrays

WEIGHTS = "weights.npz"
HISTORY = "history.json"  # not part of the bundle, because the seconds of each epoch vary between runs
SAVED_MODEL = "saved_model"


def versions() -> dict[str, str]:
    """Return the versions of seqtag, Python and the packages that a training depends on."""
    packages = {name: version(name) for name in ("tensorflow", "keras", "numpy", "pyarrow")}
    return {"seqtag": __version__, "python": platform.python_version(), **packages}


def write_bundle(
    folder: Path,
    *,
    weights: Weights,
    vocabulary: Path,
    **facts: Any,
) -> None:
    """Complete a bundle in a folder that may already contain the SavedModel; equal taggers give equal bytes.

    Args:
        folder: folder of the bundle.
        weights: arrays by layer path.
        vocabulary: folder of words, characters and tags, and optionally columns, vectors and hashes; they are
            copied.
        facts: fields of `Bundle` except versions and files.
    """
    for name in (WORDS, CHARACTERS, TAGS, VECTORS, COLUMNS, SEEN, TESTED):
        if name not in (VECTORS, COLUMNS, SEEN, TESTED) or (vocabulary / name).exists():
            shutil.copyfile(vocabulary / name, folder / name)
    save_arrays(folder / WEIGHTS, weights)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != BUNDLE)
    digests = {path.relative_to(folder).as_posix(): file_digest(path) for path in files}
    bundle = Bundle(**facts, versions=versions(), files=digests)
    write_json(folder / BUNDLE, bundle.model_dump(mode="json"))


def read_bundle(folder: Path) -> tuple[Bundle, Vocabulary, TagIndex, Weights]:
    """Read a bundle after verifying all its files; other files in the folder are ignored.

    Raises:
        BundleError: a file is missing, was changed or contradicts the others, or the format is not supported.
        RunDirError: a file could not be read; a retry may succeed.
    """
    bundle, vocabulary, tags = read_exported_bundle(folder)
    with _permanent_errors(folder):
        weights = load_arrays(folder / WEIGHTS)
    return bundle, vocabulary, tags, weights


def read_exported_bundle(folder: Path) -> tuple[Bundle, Vocabulary, TagIndex]:
    """Read a bundle without its weights, which its SavedModel has too, after verifying all its files.

    Raises:
        BundleError, RunDirError: as for `read_bundle`.
    """
    bundle = _verified(folder)
    with _permanent_errors(folder):
        vocabulary, tags = Vocabulary.load(folder), TagIndex.load(folder)
    sizes = {
        "n_words": vocabulary.n_words,
        "n_characters": vocabulary.n_characters,
        "n_tags": len(tags),
        "scheme": tags.scheme,
    }
    for name, found in sizes.items():
        expected = getattr(bundle, name)
        if found != expected:
            raise BundleError(f"{folder}: {name} is {found}, but {BUNDLE} says {expected}")
    return bundle, vocabulary, tags


def bundled_vectors(folder: Path) -> Vectors | None:
    """Return the static vectors in a folder, or None."""
    return Vectors.load(folder / VECTORS) if (folder / VECTORS).exists() else None


def _verified(folder: Path) -> Bundle:
    path = folder / BUNDLE
    with _permanent_errors(folder, BUNDLE):
        bundle = Bundle.load(folder)
    for name in (WEIGHTS, WORDS, CHARACTERS, TAGS):
        if name not in bundle.files:
            raise BundleError(f"{path}: no digest of {name}")
    for name, expected in bundle.files.items():
        if not is_inside(folder, name):
            raise BundleError(f"{path}: file {name!r} is outside the bundle {folder}")
        with _permanent_errors(folder, name):
            found = file_digest(folder / name)
        if found != expected:
            raise BundleError(f"{folder / name}: file has changed: expected sha256 {expected}, found {found}")
    return bundle


@contextmanager
def _permanent_errors(folder: Path, name: str = ".") -> Iterator[None]:
    """Distinguish defects of a bundle from failures of the machine that reads it.

    Raises:
        BundleError: a file of the bundle is missing or has invalid content.
        RunDirError: any other failure, raised from the original error.
    """
    try:
        yield
    except FileNotFoundError as error:
        if folder.is_dir():
            raise BundleError(f"{folder / name}: file is missing from the bundle") from None
        raise RunDirError(f"{folder}: bundle cannot be found") from error
    except OSError as error:
        raise RunDirError(f"{folder / name}: file cannot be read: {error}") from error
    except RunDirError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            if folder.is_dir():
                raise BundleError(f"{folder / name}: file is missing from the bundle") from None
            raise RunDirError(f"{folder}: bundle cannot be found") from error.__cause__
        if error.__cause__ is None or is_permanent(error.__cause__):
            raise BundleError(str(error)) from None
        raise
