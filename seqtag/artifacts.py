"""Outputs of steps: published whole, with a manifest, or not at all.

A step writes one folder. Its manifest says which inputs it was made from and the digest of every file; a
folder without a manifest that matches does not count.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seqtag.errors import RunDirError

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
_NOT_A_MANIFEST = (ValueError, TypeError, RecursionError)  # raised if the file holds something else


@dataclass(frozen=True)
class Manifest:
    """The inputs and outputs of a step; `reused` is True if the output was there already."""

    step: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]  # relative path -> sha256
    seconds: float
    reused: bool = field(default=False, compare=False)

    @property
    def digest(self) -> str:
        """The sha256 of the outputs: equal for equal files."""
        return digest(json.dumps(dict(self.outputs), sort_keys=True))


def materialize(
    output: Path,
    *,
    step: str,
    inputs: Mapping[str, str],
    write: Callable[[Path], None],
    elsewhere: Iterable[Path] = (),
) -> Manifest:
    """Write `output` with `write(folder)`, unless it exists and was made from the same inputs.

    An output from the same inputs in one of the folders `elsewhere` is linked instead of written again.

    `write` gets an empty folder next to `output`, which is renamed once its manifest is written. Of two
    processes the second waits, and reuses the work of the first. If `write` raises, an earlier output stays.
    """
    with file_lock(output.with_name(f".{output.name}.lock")):
        for folder in (output, *elsewhere):
            found = readable_manifest(folder)
            if found is None or found.step != step or dict(found.inputs) != dict(inputs):
                continue
            if _reuse(folder, found, output):
                return found
        started = time.monotonic()
        with scratch_folder(output.with_name(f".{output.name}.partial")) as partial:
            write(partial)
            return publish(partial, output, step=step, inputs=inputs, seconds=time.monotonic() - started)


@contextmanager
def file_lock(lock: Path) -> Iterator[None]:
    """Hold the lock `lock`, waiting for another holder; the kernel releases it when its holder dies.

    Its file names the holder, for the log of those who wait.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:  # keeps what the holder wrote
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            logger.info("waiting for %s, held by %s", lock, file.read().strip() or "another process")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        since = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
        file.write(f"process {os.getpid()} on {socket.gethostname()} since {since}")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


@contextmanager
def shared_lock(lock: Path) -> Iterator[None]:
    """Hold `lock` together with others that share it, waiting for a holder of `file_lock`."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Create an empty folder, and remove what is left of it afterwards."""
    remove_folder(path)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        remove_folder(path)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it, if it is there; another process may remove it, too."""
    while folder.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def publish(partial: Path, output: Path, *, step: str, inputs: Mapping[str, str], seconds: float) -> Manifest:
    """Write the manifest of a finished folder, then rename it into place."""
    manifest = Manifest(
        step=step,
        inputs=dict(inputs),
        outputs={str(p.relative_to(partial)): file_digest(p) for p in _files(partial)},
        seconds=round(seconds, 3),
    )
    write_json(partial / MANIFEST, {k: v for k, v in asdict(manifest).items() if k != "reused"})
    _replace(partial, output)
    return manifest


def find_manifest(output: Path) -> Manifest | None:
    """Return the manifest of a finished output, or None if it is missing, damaged or incomplete."""
    manifest = readable_manifest(output)
    return manifest if manifest is not None and _is_intact(output, manifest) else None


def read_manifest(output: Path) -> Manifest:
    """Return the manifest of an output without reading its files.

    Raises:
        RunDirError: it is missing or damaged. Where it could not be read, which may be transient, the cause
            is an OSError.
    """
    try:
        return _load_manifest(output)
    except (OSError, *_NOT_A_MANIFEST) as error:
        raise RunDirError(f"{output}: manifest cannot be read: {error}") from error


def readable_manifest(output: Path) -> Manifest | None:
    """Return the manifest of an output without reading its files, None if it cannot be read."""
    try:
        return read_manifest(output)
    except RunDirError:
        return None


def _load_manifest(output: Path) -> Manifest:
    manifest = Manifest(**json.loads((output / MANIFEST).read_text("utf-8")), reused=True)
    texts = [manifest.step, *_items(manifest.inputs), *_items(manifest.outputs)]
    if not (all(isinstance(text, str) for text in texts) and isinstance(manifest.seconds, int | float)):
        raise TypeError("not a manifest")
    return manifest


def _items(mapping: Mapping[str, str]) -> list[str]:
    return [text for pair in dict(mapping).items() for text in pair]


def _is_intact(output: Path, manifest: Manifest) -> bool:
    try:
        return _matches(output, manifest)
    except OSError:
        return False


def _matches(output: Path, manifest: Manifest) -> bool:
    present = {str(p.relative_to(output)) for p in _files(output)} - {MANIFEST}
    return present == set(manifest.outputs) and all(
        file_digest(output / name) == digest for name, digest in manifest.outputs.items()
    )


def require_manifest(output: Path) -> Manifest:
    """Return the manifest of a finished output.

    Raises:
        RunDirError: the step that makes it has not finished, or a file was changed since. Where one could not
            be read, which may be transient, that is the cause.
    """
    try:
        manifest = _load_manifest(output)
        if _matches(output, manifest):
            return manifest
    except (FileNotFoundError, NotADirectoryError, *_NOT_A_MANIFEST):
        pass
    except OSError as error:
        raise RunDirError(f"{output}: finished step cannot be read: {error}") from error
    raise RunDirError(f"{output}: no finished output, or its files changed; run the step that writes it")


def read_json(path: Path) -> Any:
    """Read what `write_json` wrote.

    Raises:
        RunDirError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunDirError(f"{path}: cannot be read as JSON: {error}") from error


def write_json(path: Path, value: object) -> None:
    """Write JSON whole or not at all, with sorted keys, so that equal values give equal bytes."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json_text(value), "utf-8")
    partial.replace(path)


def json_text(value: object) -> str:
    """Return the text that `write_json` writes."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def digest(*parts: str) -> str:
    """Return the sha256 of a list of strings."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_inside(folder: Path, name: str) -> bool:
    """Tell whether a relative path stays in a folder, links followed.

    >>> is_inside(Path("/srv/bundle"), "a/b"), is_inside(Path("/srv/bundle"), "../b")
    (True, False)
    """
    if "\0" in name or Path(name).is_absolute():
        return False
    return (folder / name).resolve().is_relative_to(folder.resolve())


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def _replace(partial: Path, output: Path) -> None:
    old = output.with_name(f".{output.name}.old")
    remove_folder(old)
    if output.exists():
        output.rename(old)
    partial.rename(output)
    remove_folder(old)


def _reuse(folder: Path, manifest: Manifest, output: Path) -> bool:
    """Link the files of a finished folder into `output`; False if they do not match its manifest."""
    if folder == output:
        return _is_intact(output, manifest)
    with scratch_folder(output.with_name(f".{output.name}.partial")) as partial:
        try:
            shutil.copytree(folder, partial, copy_function=link_or_copy, dirs_exist_ok=True)
        except (OSError, shutil.Error):  # the folder is being replaced or removed
            return False
        if readable_manifest(partial) != manifest or not _is_intact(partial, manifest):
            return False
        _replace(partial, output)
    return True


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """Give a file that is never changed a second name, or copy it where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
