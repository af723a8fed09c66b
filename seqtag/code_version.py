"""Code versions: a hash of the code of seqtag and the packages that a function depends on.

Sources are read, not imported. A definition depends on those that its names refer to, in its own module or
in the one that they are imported from. Comments, docstrings and annotations of functions do not count.
An import by name, as in `resolve_name(f"seqtag.neural.recipes.{name}")`, refers to all its modules.

A file in the folder of a module counts byte by byte if a string names it, since it is read or copied at run
time. So do all files in `templates` there. If such a file is Python, it also counts as a module. For
`from module import *` the whole module counts.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from seqtag.module_source import PACKAGE, Target, module_source, package_root

# of packages whose distribution has another name
_DISTRIBUTIONS = {"pycrfsuite": "python-crfsuite", "google": "protobuf", "yaml": "PyYAML"}

Definition = tuple[str, str]  # module and name


@dataclass(frozen=True)
class CodeVersion:
    """The code and the packages that a function depends on."""

    code: Mapping[str, str]  # by file: digest of the definitions that it reaches there, or of the whole file
    packages: Mapping[str, str]  # version by distribution, Python's among them
    definitions: frozenset[Definition]

    @property
    def key(self) -> str:
        """The sha256 of code and versions together."""
        lines = [f"{name} {version}" for each in (self.code, self.packages) for name, version in each.items()]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@cache
def code_version(module: str, function: str) -> CodeVersion:
    """Return the code version of a top-level function of a module of seqtag."""
    reached: dict[Definition, str] = {}
    files: set[Path] = set()
    packages: set[str] = set()
    pending: list[Target] = [(module, function)]
    while pending:
        where, name = pending.pop()
        if where.split(".")[0] != PACKAGE:
            packages.add(where.split(".")[0])
            continue
        source = module_source(where)
        for definition in source.named(name):
            if (where, definition) not in reached:
                statements = source.definitions.get(definition, ())
                reached[where, definition] = source.dump(statements)
                for statement in statements:
                    pending += source.targets(statement)
                    files.update(source.files(statement))
        if (where, "") not in reached:  # statements of a module that define no name are always run
            reached[where, ""] = source.dump(source.loose)
            files.update(source.templates())
            for statement in source.loose:
                pending += source.targets(statement)
                files.update(source.files(statement))
    parts = defaultdict[Path, list[str]](list)
    for where, name in sorted(reached):
        parts[module_source(where).path].append(f"{name} {reached[where, name]}")
    for file in files:
        parts[file].append(hashlib.sha256(file.read_bytes()).hexdigest())
    code = {str(file.relative_to(package_root())): _digest(parts[file]) for file in sorted(parts)}
    return CodeVersion(code, _versions(packages), frozenset(reached))


def uncached_code_version(module: str, function: str) -> CodeVersion:
    """Return the code version of the sources as they are now."""
    module_source.cache_clear()
    code_version.cache_clear()
    return code_version(module, function)


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]  # a step has a hundred of them


def _versions(packages: set[str]) -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in sorted(packages):
        name = _DISTRIBUTIONS.get(package, package)
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            if package in sys.stdlib_module_names:
                continue
            for other in sorted(metadata.packages_distributions().get(package, ())):  # such as tensorflow-cpu
                versions[other] = metadata.version(other)
    return versions
