"""Code versions: a hash of the code of seqtag and the packages that a function depends on.

Sources are read, not imported. A definition depends on those that its names refer to, in its own module or
in the one that they are imported from. Comments, docstrings and annotations of functions do not count.
An import by name, as in `resolve_name(f"seqtag.neural.recipes.{name}")`, refers to all its modules.

A file in the folder of a module counts byte by byte if a string names it, since it is read or copied at run
time. So do all files in `templates` there. If such a file is Python, it also counts as a module. For
`from module import *` the whole module counts.
"""

from __future__ import annotations

import ast
import hashlib
import platform
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import resolve_name
from pathlib import Path

_PACKAGE = "seqtag"
_FILE = re.compile(r"(?!__)\w[\w-]*(\.\w+)+")  # the name of a file, without a folder; no __init__.py
_DISTRIBUTIONS = {"pycrfsuite": "python-crfsuite", "google": "protobuf"}  # of packages with another name

Definition = tuple[str, str]  # module and name
Target = tuple[str, str | None]  # module, and a name in it


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
        if where.split(".")[0] != _PACKAGE:
            packages.add(where.split(".")[0])
            continue
        source = _source(where)
        for definition in source.named(name):
            if (where, definition) not in reached:
                statements = source.definitions.get(definition, ())
                reached[where, definition] = source.dump(statements)
                for statement in statements:
                    pending += source.targets(statement)
                    files.update(source.files(statement))
        if (where, "") not in reached:  # statements of a module that define no name are always run
            reached[where, ""] = source.dump(source.loose)
            files.update(source.templates)
            for statement in source.loose:
                pending += source.targets(statement)
                files.update(source.files(statement))
    parts = defaultdict[Path, list[str]](list)
    for where, name in sorted(reached):
        parts[_source(where).path].append(f"{name} {reached[where, name]}")
    for file in files:
        parts[file].append(_digest(file))
    root = Path(__file__).parents[1]
    code = {str(file.relative_to(root)): _digest_of_lines(parts[file]) for file in sorted(parts)}
    return CodeVersion(code, _versions(packages), frozenset(reached))


def uncached_code_version(module: str, function: str) -> CodeVersion:
    """Return the code version of the sources as they are now."""
    _source.cache_clear()
    code_version.cache_clear()
    return code_version(module, function)


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


class _Source:
    """The definitions and imports of a module of seqtag."""

    def __init__(self, module: str, path: Path) -> None:
        self._module = module
        self._package = module if path.stem == "__init__" else module.rpartition(".")[0]
        self._folder = path.parent
        self.path = path
        self.definitions: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, Target] = {}
        self.loose: list[ast.stmt] = []
        self.templates = [file for file in path.parent.glob("templates/**/*") if file.is_file()]
        tree = _WithoutWords().visit(ast.parse(path.read_bytes()))
        for statement in tree.body:
            names = _names_defined(statement)
            for name in names:
                self.definitions.setdefault(name, []).append(statement)
            if not names and (_has_star(statement) or not isinstance(statement, ast.Import | ast.ImportFrom)):
                self.loose.append(statement)
            if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.imports |= self._imported(statement)

    def named(self, name: str | None) -> list[str]:
        """Return the definitions of a name; all of the module if `name` is None."""
        return sorted(self.definitions) if name is None else [name] if name in self.definitions else []

    def dump(self, statements: Iterable[ast.stmt]) -> str:
        """Return the syntax of statements."""
        return "\n".join(map(ast.dump, statements))

    def modules(self) -> Iterator[Target]:
        """Yield the modules in the folder."""
        for file in sorted(self._folder.glob("[!_]*.py")):
            yield f"{self._package}.{file.stem}", None

    def targets(self, statement: ast.stmt) -> Iterator[Target]:
        """Yield the targets of the names in a statement, and the modules that it names as files."""
        yield from self._targets(statement, self.imports | self._imported(statement))
        for file in self.files(statement):
            if file.suffix == ".py":
                yield f"{self._package}.{file.stem}", None

    def files(self, statement: ast.stmt) -> Iterator[Path]:
        """Yield the files in the folder that a statement names."""
        for node in ast.walk(statement):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _FILE.fullmatch(node.value):
                file = self._folder / node.value
                if file.is_file():
                    yield file

    def _imported(self, statement: ast.stmt) -> dict[str, Target]:
        """Return the target of each name that a statement imports, without those of a star."""
        found: dict[str, Target] = {}
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    first = alias.name.split(".")[0]
                    found[alias.asname or first] = (alias.name if alias.asname else first, None)
            elif isinstance(node, ast.ImportFrom) and not _has_star(node):
                for alias in node.names:
                    found[alias.asname or alias.name] = (self._origin(node), alias.name)
        return found

    def _origin(self, node: ast.ImportFrom) -> str:
        return resolve_name("." * node.level + (node.module or ""), self._package)

    def _targets(self, node: ast.AST, imports: Mapping[str, Target]) -> Iterator[Target]:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = _as_module(imports.get(node.value.id))
            if module is not None:  # the attribute names the definition
                yield from _resolved(module, node.attr)
                return
        if isinstance(node, ast.Name):
            if node.id in imports:
                yield from _resolved(*imports[node.id])
            elif node.id in self.definitions:
                yield self._module, node.id
        if isinstance(node, ast.ImportFrom) and _has_star(node):
            yield from _whole(self._origin(node))
        yield from _imported_by_name(node)
        for child in ast.iter_child_nodes(node):
            yield from self._targets(child, imports)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _digest_of_lines(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]  # a step has a hundred of them


@cache
def _source(module: str) -> _Source:
    path = _path(module)
    if path is None:
        raise ModuleNotFoundError(f"{module} is no module of {_PACKAGE}")
    return _Source(module, path)


def _path(module: str) -> Path | None:
    base = Path(__file__).parent.joinpath(*module.split(".")[1:])
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)


def _as_module(target: Target | None) -> str | None:
    """Return the module of seqtag that an imported name refers to, None if it is no module."""
    if target is None:
        return None
    module, name = target
    if module.split(".")[0] != _PACKAGE:
        return None
    whole = module if name is None else f"{module}.{name}"
    return whole if _path(whole) is not None else None


def _imported_by_name(node: ast.AST) -> Iterator[Target]:
    """Yield all modules of `package` if the node is a call `import_module(f"package.{name}")`."""
    match node:
        case ast.Call(
            func=ast.Name("import_module" | "resolve_name"),
            args=[ast.JoinedStr([ast.Constant(str(start)), *_]), *_],
        ) if start.startswith(f"{_PACKAGE}.") and start.endswith("."):
            yield from _source(start.removesuffix(".")).modules()


def _resolved(module: str, name: str | None) -> Iterator[Target]:
    """Yield the definition of a name, and the modules that re-export it."""
    while module.split(".")[0] == _PACKAGE and name is not None:
        source = _source(module)
        if name in source.definitions or name not in source.imports:
            submodule = f"{module}.{name}"
            is_module = name not in source.definitions and _path(submodule) is not None
            yield (submodule, None) if is_module else (module, name)
            return
        yield module, ""
        module, name = source.imports[name]
    yield module, name


def _whole(module: str) -> Iterator[Target]:
    """Yield every name of a module, those that it imports included."""
    yield module, None
    if module.split(".")[0] == _PACKAGE:
        for name in _source(module).imports:
            yield from _resolved(module, name)


def _has_star(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _names_defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        if not all(isinstance(target, ast.Name | ast.Tuple) for target in statement.targets):
            return []
        nodes = (node for target in statement.targets for node in ast.walk(target))
        return [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return []


class _WithoutWords(ast.NodeTransformer):
    """Remove what does not run: docstrings, annotations of functions, imports for type checkers."""

    def visit_Module(self, node: ast.Module) -> ast.AST:
        return self._without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._without_docstring(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self._without_docstring(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = [ast.Pass()]
        self.generic_visit(node)
        return node

    def _without_docstring(self, node: ast.Module | ast.ClassDef | ast.FunctionDef) -> ast.AST:
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            node.body = node.body[1:] or [ast.Pass()]
        self.generic_visit(node)
        return node
