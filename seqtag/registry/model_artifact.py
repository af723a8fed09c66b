"""Model artifact in MLflow: the whole bundle and the code that serves it, without pickle."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from seqtag.artifacts import file_digest, is_inside
from seqtag.errors import RegistryError
from seqtag.features import ColumnIndex

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

_BUNDLE_FILE = "bundle.json"
BUNDLE = "bundle"  # name of the artifact in MLmodel, which records its folder
_SERVING_MODEL = Path(__file__).with_name("serving_model.py")
_SERVING_REQUIREMENTS = ("mlflow", "numpy", "pandas", "tensorflow")
_IDLE_WARNINGS = (  # mlflow 3.17 emits them despite the signature; escape codes precede the text
    ".*Any type hint is inferred as AnyType",  # about MLflow's own classes, on import
    ".*Add type hints to the `predict` method",
    ".*An input example was not provided",
)

# Array(string) turns a null into the string "n" (mlflow 3.17); the serving code rejects non-strings.
_INPUTS = [{"type": "array", "items": {"type": "any"}, "name": "tokens", "required": True}]
_OUTPUTS = [
    {"type": "array", "items": {"type": "string"}, "name": "tags", "required": True},
    {"type": "array", "items": {"type": "double"}, "name": "confidence", "required": True},
    {"type": "array", "items": {"type": "double"}, "name": "span_confidence", "required": False},
    {"type": "string", "name": "model_name", "required": False},
    {"type": "string", "name": "model_version", "required": False},
]


def _signature(columns: Sequence[str] = ()) -> dict[str, str | None]:
    """Return the signature in MLmodel of a model that reads further columns of tokens."""
    further = [{**_INPUTS[0], "name": name, "required": False} for name in columns]
    inputs = json.dumps([*_INPUTS, *further])
    return {"inputs": inputs, "outputs": json.dumps(_OUTPUTS), "params": None}


def bundle_digest(bundle: Path) -> str:
    """Return the sha256 of a bundle: the names and bytes of bundle.json and of the files that it lists.

    Other files in the folder, such as the duration of each epoch, are not part of the tagger.

    Raises:
        RegistryError: the bundle is missing or incomplete. If a file could not be read, which may be
            transient, the OSError is the cause.
    """
    try:
        named = sorted({_BUNDLE_FILE, *json.loads((bundle / _BUNDLE_FILE).read_bytes())["files"]})
        lines = [f"{name} {file_digest(_inside(bundle, name))}\n" for name in named]
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RegistryError(f"{bundle}: not a complete bundle: {error!r}") from None
    except OSError as error:
        raise RegistryError(f"{bundle}: bundle cannot be read: {error}") from error
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _inside(folder: Path, name: str) -> Path:
    if not is_inside(folder, name):
        raise RegistryError(f"{folder}: file is outside the folder: expected a name inside it, got {name!r}")
    return folder / name


def write_served_model(bundle: Path, *, model: LoggedModel, folder: Path) -> None:
    """Write `folder` in MLflow's pyfunc flavor: the serving code as a file, the bundle as its artifact."""
    with _without_idle_warnings():
        import mlflow.pyfunc
        from mlflow.models import Model, ModelSignature

        mlflow.pyfunc.save_model(
            path=str(folder),
            python_model=str(_SERVING_MODEL),
            artifacts={BUNDLE: str(bundle)},
            signature=ModelSignature.from_dict(_signature(ColumnIndex.load(bundle).names)),
            pip_requirements=_requirements(),
            mlflow_model=Model(
                artifact_path=model.artifact_location,
                run_id=model.source_run_id,
                model_uuid=model.model_id,
                model_id=model.model_id,
            ),
        )
    _remove_absolute_paths(folder)


def _remove_absolute_paths(folder: Path) -> None:
    """Replace the paths of the bundle and of the code, of which MLflow (3.17) needs only the names."""
    from mlflow.models import Model

    model = Model.load(str(folder))
    flavor = model.flavors["python_function"]
    flavor["artifacts"][BUNDLE]["uri"] = flavor["artifacts"][BUNDLE]["path"]
    flavor["model_code_path"] = _SERVING_MODEL.name
    model.save(str(folder / "MLmodel"))


def serving_digest() -> str:
    """Return the sha256 of what `write_served_model` adds to a bundle."""
    lines = [file_digest(_SERVING_MODEL), *_requirements(), json.dumps(_signature(), sort_keys=True)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def find_bundle(model: Path) -> Path:
    """Return the bundle's folder in the folder of a registered model, of which only MLmodel is read."""
    described = yaml.safe_load((model / "MLmodel").read_text("utf-8"))
    return _inside(model, described["flavors"]["python_function"]["artifacts"][BUNDLE]["path"])


def _requirements() -> list[str]:
    return [f"{name}=={version(name)}" for name in _SERVING_REQUIREMENTS]


@contextmanager
def _without_idle_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        for message in _IDLE_WARNINGS:
            warnings.filterwarnings("ignore", message=message, category=UserWarning)
        yield
