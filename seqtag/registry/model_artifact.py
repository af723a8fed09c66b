"""The model as MLflow keeps it: the whole bundle, and code that serves it. No pickle anywhere."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from seqtag.artifacts import (
    file_digest,
    is_inside,
)
from seqtag.errors import RegistryError
from seqtag.features import TagIndex

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel
    from mlflow.models import ModelSignature

_BUNDLE_FILE = "bundle.json"
BUNDLE = "bundle"  # the name of the artefact in MLmodel, where its folder is written down
_SERVING_MODEL = Path(__file__).with_name("serving_model.py")
_SERVING_REQUIREMENTS = ("mlflow", "numpy", "pandas", "tensorflow")
_IDLE_WARNINGS = (  # mlflow 3.17 gives them although a signature is there; escape codes stand before the text
    ".*Any type hint is inferred as AnyType",  # of its own classes, when it is imported
    ".*Add type hints to the `predict` method",
    ".*An input example was not provided",
)


def bundle_digest(bundle: Path) -> str:
    """Return the sha256 over the names and bytes of a bundle: of bundle.json and the files that it names.

    What else lies beside them, such as how long each epoch took, is not the tagger.

    Raises:
        RegistryError: there is no such bundle, or not all of it. Where a file could not be read, which may
            pass, that is the cause.
    """
    try:
        named = sorted({_BUNDLE_FILE, *json.loads((bundle / _BUNDLE_FILE).read_bytes())["files"]})
        lines = [f"{name} {file_digest(_inside(bundle, name))}\n" for name in named]
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RegistryError(f"{bundle}: the folder of a bundle was required. Received: {error!r}") from None
    except OSError as error:
        raise RegistryError(f"{bundle}: bundle cannot be read: {error}") from error
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _inside(folder: Path, name: str) -> Path:
    if not is_inside(folder, name):
        raise RegistryError(f"{folder}: names of files inside it were required. Received: {name!r}")
    return folder / name


def bundle_tags(bundle: Path) -> TagIndex:
    """Return the tag set of a bundle, with its counts in train."""
    return TagIndex.load(bundle)


def write_served_model(bundle: Path, *, model: LoggedModel, folder: Path) -> None:
    """Write `folder` as MLflow's pyfunc flavour: the serving code as a file, the bundle as its artefact."""
    with _without_idle_warnings():
        import mlflow.pyfunc
        from mlflow.models import Model

        mlflow.pyfunc.save_model(
            path=str(folder),
            python_model=str(_SERVING_MODEL),
            artifacts={BUNDLE: str(bundle)},
            signature=_signature(),
            pip_requirements=_requirements(),
            mlflow_model=Model(
                artifact_path=model.artifact_location,
                run_id=model.source_run_id,
                model_uuid=model.model_id,
                model_id=model.model_id,
            ),
        )


def serving_digest() -> str:
    """Return the sha256 of all that `write_served_model` puts beside a bundle."""
    with _without_idle_warnings():
        signature = _signature().to_dict()
    lines = [file_digest(_SERVING_MODEL), *_requirements(), json.dumps(signature, sort_keys=True)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def find_bundle(location: str) -> Path:
    """Return the bundle's folder in a registered model at `location`, a path or file URL."""
    from mlflow.models import Model

    parts = urlsplit(location)
    if parts.scheme not in ("", "file"):
        raise RegistryError(f"{location}: a model in the local file system was required")
    folder = Path(url2pathname(parts.path)) if parts.scheme else Path(location)
    described = Model.load(str(folder)).flavors["python_function"]["artifacts"][BUNDLE]["path"]
    return _inside(folder, described)


def _requirements() -> list[str]:
    return [f"{name}=={version(name)}" for name in _SERVING_REQUIREMENTS]


@contextmanager
def _without_idle_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        for message in _IDLE_WARNINGS:
            warnings.filterwarnings("ignore", message=message, category=UserWarning)
        yield


def _signature() -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType, Array, DataType

    strings, numbers = Array(DataType.string), Array(DataType.double)
    # Of a null Array(string) would make the string "n" (mlflow 3.17); the serving code refuses what is none.
    anything = Array(AnyType())  # type: ignore[no-untyped-call]  # MLflow's
    return ModelSignature(
        inputs=Schema([ColSpec(anything, "tokens")]),
        outputs=Schema([ColSpec(strings, "tags"), ColSpec(numbers, "confidence")]),
    )
