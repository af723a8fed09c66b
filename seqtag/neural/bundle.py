"""The bundle: one folder that is a trained tagger, every file with its digest; nothing in it is executed."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from seqtag import __version__
from seqtag.config import Metric, ModelConfig, SchemeName
from seqtag.errors import RunDirError
from seqtag.features import Coverage, TagIndex, Vectors, Vocabulary
from seqtag.features.layout import CHARACTERS, SEEN, TAGS, TESTED, VECTORS, WORDS
from seqtag.neural.weights import Weights, load_arrays, save_arrays
from seqtag.sealing import (
    file_digest,
    is_inside,
    write_json,
)

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
    """Read a bundle whose files are all as they were written; further files beside them are ignored.

    Raises:
        RunDirError: a file is missing, was changed, or contradicts the others.
    """
    bundle = _verified(folder)
    vocabulary, tags = Vocabulary.load(folder), TagIndex.load(folder)
    sizes = {
        "n_words": vocabulary.n_words,
        "n_characters": vocabulary.n_characters,
        "n_tags": len(tags),
        "scheme": tags.scheme,
    }
    for name, received in sizes.items():
        required = getattr(bundle, name)
        if received != required:
            raise RunDirError(f"{folder}: {name} {required} was required. Received: {received}")
    return bundle, vocabulary, tags, load_arrays(folder / WEIGHTS)


def bundled_vectors(folder: Path) -> Vectors | None:
    """Return the static vectors that lie beside the vocabulary in a folder, if any do."""
    return Vectors.load(folder / VECTORS) if (folder / VECTORS).exists() else None


def _verified(folder: Path) -> Bundle:
    path = folder / BUNDLE
    try:
        said = json.loads(path.read_bytes())
        received = said.get("format") if isinstance(said, dict) else None
        if received != FORMAT:
            raise RunDirError(
                f"{path}: a bundle of format {FORMAT} was required. Received: format {received}, of another "
                "version of seqtag; where it is the champion, take its alias away, and a new one is trained"
            )
        bundle = Bundle.model_validate_json(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise RunDirError(f"{path}: a bundle of format 2 was required. Received: {error}") from error
    for name in (WEIGHTS, WORDS, CHARACTERS, TAGS):
        if name not in bundle.files:
            raise RunDirError(f"{path}: the digest of {name} was required. Received: none")
    for name, required in bundle.files.items():
        if not is_inside(folder, name):
            raise RunDirError(f"{path}: files inside of {folder} were required. Received: {name!r}")
        try:
            received = file_digest(folder / name)
        except OSError as error:
            raise RunDirError(f"{folder / name}: a readable file was required. Received: {error}") from error
        if received != required:
            raise RunDirError(f"{folder / name}: sha256 {required} was required. Received: {received}")
    return bundle
