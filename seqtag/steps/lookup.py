"""Taggers, their versions and runs by name.

A tagger is named by its name or its TOML file, a version by `TAGGER@VERSION`, and a run by its directory, its
id, or anything of these two for the run that it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from seqtag.config import require_toml
from seqtag.config.suggestions import did_you_mean
from seqtag.errors import ConfigError
from seqtag.project import name_in, tagger_files, tagger_folders
from seqtag.registry import Champion
from seqtag.run_dir import Home, RunDir, absolute
from seqtag.steps.context import Workspace


class Alias(StrEnum):
    """Aliases of versions in the registry."""

    champion = "champion"
    challenger = "challenger"
    previous = "previous"


def tagger_file(name: str) -> Path:
    """Return the TOML file of a tagger, given by its name or by the file's path.

    Raises:
        ConfigError: there is no such file; the message says where it was looked for and what is there.
    """
    file = find_tagger_file(name)
    if file is not None:
        return file
    files = tagger_files(Path.cwd())
    folders = ", ".join(map(str, tagger_folders(Path.cwd())))
    raise ConfigError(
        f"no tagger {name!r}: expected the path of a TOML file, or the name of one in {folders}, found "
        f"{_listed(files)}{did_you_mean(name, files) or '; next: seqtag init FILE...'}"
    )


def tagger_name(name: str, workspace: Workspace) -> str:
    """Return the name of a tagger in runs and registry, given by that name, or by its TOML file."""
    file = None if name in workspace.home.taggers() else find_tagger_file(name)
    return name if file is None else (name_in(file) or name)


def find_version(name: str, workspace: Workspace) -> tuple[str, Champion]:
    """Return the name of a tagger and its version for TAGGER or TAGGER@VERSION.

    Raises:
        ConfigError: the registry has no such version.
        RegistryError: the registry or the version's files could not be read.
    """
    given, version = name, Alias.champion.value
    if "@" in name and not Path(name).is_file():
        given, _, version = name.rpartition("@")
    tagger = tagger_name(given, workspace)
    registry = workspace.registry()
    if version in Alias.__members__:
        found = registry.version_at_alias(tagger, version)
        if found is not None:
            return tagger, found
    versions = [each.version for each in registry.versions(tagger)]
    if version in versions:
        return tagger, registry.checked_version(tagger, version)
    what = version if version in Alias.__members__ else f"version {version!r}"
    expected = f"{', '.join(Alias)} or a number, as in {tagger}@7"
    raise no_version(what, tagger, versions, workspace, expected=expected)


def no_version(
    what: str, tagger: str, versions: Sequence[str], workspace: Workspace, *, expected: str
) -> ConfigError:
    """Return the error for a version that does not exist, with those that do and the next command."""
    others = [known for known in known_taggers(workspace.home) if known != tagger]
    if versions:
        hint = f"; next: seqtag history {tagger}"
    else:
        hint = did_you_mean(tagger, others) or f"; next: seqtag retrain {tagger}"
    return ConfigError(
        f"no {what} of {tagger!r} in the registry: expected {expected}, found "
        f"{_listed(f'version {each}' for each in versions)}{hint}"
    )


def find_run(name: str, workspace: Workspace) -> RunDir:
    """Return the run directory that `RUN` names.

    Raises:
        ConfigError: there is no such run.
        RegistryError: the registry could not be read, for TAGGER@VERSION.
    """
    named = run_named(name, workspace)
    if named is not None:
        return named
    if "@" in name and not Path(name).is_file():
        tagger, version = find_version(name, workspace)
        run = RunDir(workspace.home.runs(tagger) / version.seqtag_run_id)
        if run.config.exists():
            return run
        raise ConfigError(f"run of {name!r} is gone: expected {run.path}, which was deleted")
    tagger = tagger_name(name, workspace)
    of_tagger = workspace.home.runs(tagger).glob("*/config.json") if "/" not in tagger else []
    found = sorted(of_tagger, key=lambda config: (config.stat().st_mtime, config.parent.name))
    if not found:
        known = workspace.home.taggers()
        hint = did_you_mean(name, known) or "; next: seqtag status"
        raise ConfigError(
            f"no run {name!r}: expected a run directory, a run id or a tagger with runs in "
            f"{workspace.home.root / 'runs'}, found {_listed(known)}{hint}"
        )
    return RunDir(found[-1].parent)


def run_named(name: str, workspace: Workspace) -> RunDir | None:
    """Return the run of a run directory or a run id; None if the name is not of that kind."""
    as_path = RunDir(absolute(Path(name)))
    if as_path.config.exists():
        return as_path
    found = sorted((workspace.home.root / "runs").glob(f"*/{name}/config.json")) if "/" not in name else []
    return RunDir(found[-1].parent) if found else None


def find_tagger_file(name: str) -> Path | None:
    """Return the TOML file with this name in it, else with this file name, else at this path, else None.

    Raises:
        ConfigError: the path is that of a file of data.
    """
    files = tagger_files(Path.cwd())
    by_stem = {file.stem: file for file in reversed(files.values())}
    as_path = Path(name).expanduser()
    known = files.get(name) or by_stem.get(name)
    if known is None:
        require_toml(as_path)
    return known or (as_path if as_path.is_file() else None)


def only_tagger(workspace: Workspace, *, command: str) -> str:
    """Return the only tagger with runs, for a command that was given none.

    Raises:
        ConfigError: no tagger has runs, or several have.
    """
    found = workspace.home.taggers()
    if len(found) == 1:
        return found[0]
    hint = f"seqtag {command} {found[0]}" if found else "seqtag retrain TAGGER"
    raise ConfigError(f"no tagger is given: expected one with runs, found {_listed(found)}; next: {hint}")


def known_taggers(home: Home) -> list[str]:
    """Return the names of the taggers with a file in the project, or with runs."""
    return sorted({*tagger_files(Path.cwd()), *home.taggers()})


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
