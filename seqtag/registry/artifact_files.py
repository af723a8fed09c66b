"""Files of models and tracked runs: in the artifact folder, or wherever MLflow's server keeps them."""

from __future__ import annotations

import errno
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from seqtag.artifacts import file_lock, scratch_folder
from seqtag.config.database_url import is_server_url
from seqtag.config.secrets import hide_passwords
from seqtag.errors import RegistryError
from seqtag.formatting import first_line
from seqtag.registry.model_artifact import bundle_digest, find_bundle

RELATIVE_ROOT = "mlflow-artifacts:/"  # MLflow's scheme for locations relative to the server's artifact root
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FETCHED = ".fetched"  # folder of bundles from a remote store, named by their digests


@dataclass(frozen=True)
class ArtifactFiles:
    """Artifacts of one store by their locations in MLflow.

    A store in a database has locations relative to `folder`, so that the folder can be moved, and mounted at
    different paths on several hosts. A server chooses its locations itself; `folder` then has copies.

    Args:
        url: the store's URL.
        folder: absolute path.
        is_remote: whether an MLflow server, rather than this process, decides where files are.
    """

    url: str
    folder: Path
    is_remote: bool

    @classmethod
    def of(cls, url: str, folder: Path) -> ArtifactFiles:
        return cls(url, folder, is_remote=is_server_url(url))

    def location(self, tagger: str) -> str | None:
        """Return the artifact location of a tagger's new experiment, None if the server chooses it."""
        return None if self.is_remote else RELATIVE_ROOT + tagger

    def log_json(self, location: str, contents: Mapping[str, Any]) -> None:
        """Write each content as `<name>.json`."""
        with tempfile.TemporaryDirectory(prefix="seqtag-") as folder:
            for name, content in contents.items():
                text = json.dumps(content, indent=2, ensure_ascii=False)
                Path(folder, f"{name}.json").write_text(text, "utf-8")
            self._repository(location).log_artifacts(folder)

    def log_model(self, location: str, model: Path) -> None:
        """Write the files of a model's folder."""
        self._repository(location).log_artifacts(str(model))

    def note_version(self, location: str, tagger: str, version: str) -> None:
        """Write the file from which the serving code reads its origin; from a server, MLflow writes it."""
        from mlflow.store.artifact.models_artifact_repo import REGISTERED_MODEL_META_FILE_NAME

        if not self.is_remote:
            file = self._local_folder(location) / REGISTERED_MODEL_META_FILE_NAME
            file.write_text(f"model_name: {tagger}\nmodel_version: '{version}'\n", "utf-8")

    @contextmanager
    def downloaded(self, location: str, *names: str) -> Iterator[dict[str, Path]]:
        """Yield the local paths of those of the named files that exist, until the context ends."""
        if not self.is_remote:
            files = {name: self._local_folder(location) / name for name in names}
            yield {name: file for name, file in files.items() if file.exists()}
            return
        repository = self._repository(location)
        present = {file.path for file in repository.list_artifacts()}
        with tempfile.TemporaryDirectory(prefix="seqtag-") as folder:
            yield {
                name: Path(repository.download_artifacts(name, folder)) for name in names if name in present
            }

    def bundle(self, location: str, digest: str) -> Path:
        """Return the folder of a model's bundle; one from a server is fetched on first use.

        Args:
            digest: the bundle's registered digest. Only a copy is compared with it.

        Raises:
            RegistryError: what was fetched does not have this digest, or it is no digest.
            OSError: it could not be fetched, which may be transient.
        """
        if not self.is_remote:
            return find_bundle(self._local_folder(location))
        if not _SHA256.fullmatch(digest):  # the name of a folder, from a server
            raise RegistryError(f"digest is invalid: expected a sha256, got {digest!r}")
        copy = self.folder / _FETCHED / digest
        with file_lock(copy.with_name(f".{digest}.lock")):
            if not _has_digest(copy, digest):
                self._fetch(location, digest, copy)
        return copy

    def consumers_uri(self, location: str, tagger: str, version: str) -> str:
        """Return the URI from which MLflow loads a version."""
        return f"models:/{tagger}/{version}" if self.is_remote else str(self._local_folder(location))

    def _fetch(self, location: str, digest: str, copy: Path) -> None:
        with scratch_folder(copy.with_name(f".{digest}.partial")) as partial:
            try:
                repository = self._repository(location)
                repository.download_artifacts("MLmodel", str(partial))
                bundle = find_bundle(partial)
                repository.download_artifacts(str(bundle.relative_to(partial)), str(partial))
            except RegistryError:
                raise
            except Exception as error:  # clients of object stores have their own errors
                reason = hide_passwords(first_line(error))
                raise OSError(errno.EIO, f"files cannot be fetched: {reason}") from error
            found = bundle_digest(bundle)
            if found != digest:
                raise RegistryError(f"files were changed: expected sha256 {digest}, got {found}")
            with scratch_folder(copy.with_name(f".{digest}.damaged")) as damaged:
                if copy.exists():
                    copy.rename(damaged / copy.name)
                bundle.rename(copy)

    def _local_folder(self, location: str) -> Path:
        parts = urlsplit(self._resolved(location))
        if parts.scheme not in ("", "file"):
            raise RegistryError(f"{location}: model is not in the local file system")
        return Path(url2pathname(parts.path) if parts.scheme else location)

    def _repository(self, location: str) -> Any:  # MLflow's repositories are half typed
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(self._resolved(location), tracking_uri=self.url)

    def _resolved(self, location: str) -> str:
        """Return a location that this host can open."""
        parts = urlsplit(location)
        if not self.is_remote:
            relative = parts.scheme == urlsplit(RELATIVE_ROOT).scheme
            return (self.folder / unquote(parts.path).lstrip("/")).as_uri() if relative else location
        if parts.scheme in ("", "file"):
            raise RegistryError(
                "MLflow's server keeps files in its local file system: expected a location that every client "
                f"can reach, got {location}; start it with --artifacts-destination, which serves them, or "
                "with an object store as --default-artifact-root"
            )
        return location


def _has_digest(bundle: Path, digest: str) -> bool:
    try:
        return bundle_digest(bundle) == digest
    except RegistryError as error:
        if error.__cause__ is not None:  # it could not be read
            raise
        return False
