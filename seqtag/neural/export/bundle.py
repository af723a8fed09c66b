"""The bundle: one folder that is a trained tagger, every file with its digest; nothing in it is executed."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from seqtag import __version__
from seqtag.artifacts import (
    file_digest,
    is_inside,
    write_json,
)
from seqtag.config import Metric, ModelConfig, SchemeName
from seqtag.errors import BundleError, RunDirError, is_permanent
from seqtag.features import Coverage, TagIndex, Vectors, Vocabulary
from seqtag.features.encoded_layout import CHARACTERS, SEEN, TAGS, TESTED, VECTORS, WORDS
from seqtag.neural.weights import Weights, load_arrays, save_arrays

FORMAT: Final = 2
BUNDLE = "bundle.json"
WEIGHTS = "weights.npz"
HISTORY = "history.json"  # lies beside the bundle: it says how long each epoch took, another time each time
SAVED_MODEL = "saved_model"


class Bundle(BaseModel):
    """What bundle.json says: all that the architecture is built from, and the digest of every other file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[2] = FORMAT
    recipe: str
    model: ModelConfig  # sizes of the recipe `default`
    n_words: int  # word ids, <pad> and <unk> included
    n_characters: int
    n_tags: int
    scheme: SchemeName  # of the tag ids
    spoken: SchemeName  # of the tags that are given out
    ladder: tuple[int, ...]  # padded lengths; a longer sequence is read in windows
    window_overlap: int  # tokens
    metric: Metric
    seed: int
    best_epoch: int
    dev_score: float
    dev_accuracy: float
    vectors: Coverage | None = None  # how much of train has a static vector; None: there are none
    temperature: float  # what scores are divided by, so that confidences are honest on dev
    batch_cells: int | None = None  # tokens and padding of the largest batch, where memory ran out before
    versions: Mapping[str, str]
    files: Mapping[str, str]  # path in the bundle -> sha256


def versions() -> dict[str, str]:
    """Return the versions of what a training depends on."""
    packages = {name: version(name) for name in ("tensorflow", "keras", "numpy", "pyarrow")}
    return {"seqtag": __version__, "python": platform.python_version(), **packages}


def write_bundle(
    folder: Path,
    *,
    facts: Mapping[str, Any],
    weights: Weights,
    vocabulary: Path,
) -> None:
    """Complete a folder, which may hold the SavedModel already, into a bundle: equal bytes for equal taggers.

    Args:
        folder: where to.
        facts: the fields of `Bundle` but versions and files.
        weights: arrays by layer path.
        vocabulary: folder of words, characters, tags and what else lies there of the tagger; they are copied.
    """
    for name in (WORDS, CHARACTERS, TAGS, VECTORS, SEEN, TESTED):
        if name not in (VECTORS, SEEN, TESTED) or (vocabulary / name).exists():
            shutil.copyfile(vocabulary / name, folder / name)
    save_arrays(folder / WEIGHTS, weights)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != BUNDLE)
    digests = {path.relative_to(folder).as_posix(): file_digest(path) for path in files}
    bundle = Bundle(**facts, versions=versions(), files=digests)
    write_json(folder / BUNDLE, bundle.model_dump(mode="json"))


def read_bundle(folder: Path) -> tuple[Bundle, Vocabulary, TagIndex, Weights]:
    """Read a bundle whose files are all as they were written; further files in its folder are ignored.

    Raises:
        BundleError: a file is missing, was changed, or contradicts the others, or the format is another one.
        RunDirError: a file could not be read, which may pass.
    """
    bundle = _verified(folder)
    with _lasting_faults(folder):
        vocabulary, tags = Vocabulary.load(folder), TagIndex.load(folder)
        weights = load_arrays(folder / WEIGHTS)
    sizes = {
        "n_words": vocabulary.n_words,
        "n_characters": vocabulary.n_characters,
        "n_tags": len(tags),
        "scheme": tags.scheme,
    }
    for name, received in sizes.items():
        required = getattr(bundle, name)
        if received != required:
            raise BundleError(f"{folder}: {name} is {received}, but {BUNDLE} says {required}")
    return bundle, vocabulary, tags, weights


def bundled_vectors(folder: Path) -> Vectors | None:
    """Return the static vectors that lie beside the vocabulary in a folder, if any do."""
    return Vectors.load(folder / VECTORS) if (folder / VECTORS).exists() else None


def _verified(folder: Path) -> Bundle:
    path = folder / BUNDLE
    with _lasting_faults(folder, BUNDLE):
        content = path.read_bytes()
    try:
        said = json.loads(content)
        received = said.get("format") if isinstance(said, dict) else None
        if received != FORMAT:
            raise BundleError(
                f"{path}: a bundle of format {FORMAT} was required. Received: format {received}, of another "
                "version of seqtag; where it is the champion, take its alias away, and a new one is trained"
            )
        bundle = Bundle.model_validate_json(content)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path}: a bundle of format 2 was required. Received: {error}") from None
    for name in (WEIGHTS, WORDS, CHARACTERS, TAGS):
        if name not in bundle.files:
            raise BundleError(f"{path}: the digest of {name} was required. Received: none")
    for name, required in bundle.files.items():
        if not is_inside(folder, name):
            raise BundleError(f"{path}: files inside of {folder} were required. Received: {name!r}")
        with _lasting_faults(folder, name):
            received = file_digest(folder / name)
        if received != required:
            raise BundleError(f"{folder / name}: sha256 {required} was required. Received: {received}")
    return bundle


@contextmanager
def _lasting_faults(folder: Path, name: str = ".") -> Iterator[None]:
    """Tell what is wrong with a bundle from what is wrong with the machine that reads it.

    Raises:
        BundleError: a file is missing from the bundle's folder, or its content makes no sense.
        RunDirError: anything else, raised from what the machine said.
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
        if error.__cause__ is None or is_permanent(error.__cause__):
            raise BundleError(str(error)) from None
        raise
