"""Sources of the modules of seqtag: what their statements define, refer to and name as files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import resolve_name
from pathlib import Path
from typing import Any, Literal

PACKAGE = "seqtag"
_FILE = re.compile(r"(?!__)\w[\w-]*(\.\w+)+")  # the name of a file, without a folder; no __init__.py

Target = tuple[str, str | None]  # module, and a name in it


class ModuleSource:
    """The definitions and imports of a module of seqtag."""

    def __init__(self, module: str, path: Path, content: bytes) -> None:
        self._module = module
        self._package = module if path.stem == "__init__" else module.rpartition(".")[0]
        self._folder = path.parent
        self.path = path
        self.definitions: dict[str, list[_Statement]] = {}
        self.imports: dict[str, Target] = {}
        self.loose: list[_Statement] = []
        for node in _without_words(_without_docstring(ast.parse(content).body)):
            statement = _Statement(node, self)
            names = _names_defined(node)
            for name in names:
                self.definitions.setdefault(name, []).append(statement)
            if not names and (_has_star(node) or not isinstance(node, ast.Import | ast.ImportFrom)):
                self.loose.append(statement)
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.imports |= self.imported_by(_walk(node))

    def named(self, name: str | None) -> list[str]:
        """Return the definitions of a name; all of the module if `name` is None."""
        return sorted(self.definitions) if name is None else [name] if name in self.definitions else []

    def dump(self, statements: Iterable[_Statement]) -> str:
        """Return the syntax of statements."""
        return "\n".join(statement.syntax for statement in statements)

    def templates(self) -> list[Path]:
        """Return the files in the folder `templates`."""
        return [file for file in self._folder.glob("templates/**/*") if file.is_file()]

    def modules(self) -> Iterator[Target]:
        """Yield the modules in the folder."""
        for file in sorted(self._folder.glob("[!_]*.py")):
            yield f"{self._package}.{file.stem}", None

    def targets(self, statement: _Statement) -> Iterator[Target]:
        """Yield the targets of the names in a statement, and the modules that it names as files."""
        for reference in statement.references:
            yield from reference.targets()
        for file in self.files(statement):
            if file.suffix == ".py":
                yield f"{self._package}.{file.stem}", None

    def imported_by(self, nodes: Iterable[ast.AST]) -> dict[str, Target]:
        """Return the target of each name that nodes import, without those of a star."""
        found: dict[str, Target] = {}
        for each in nodes:
            if isinstance(each, ast.Import):
                for alias in each.names:
                    first = alias.name.split(".")[0]
                    found[alias.asname or first] = (alias.name if alias.asname else first, None)
            elif isinstance(each, ast.ImportFrom) and not _has_star(each):
                for alias in each.names:
                    found[alias.asname or alias.name] = (self.origin(each), alias.name)
        return found

    def origin(self, node: ast.ImportFrom) -> str:
        """Return the module that a statement imports from."""
        return resolve_name("." * node.level + (node.module or ""), self._package)

    def own(self, name: str) -> Target | None:
        """Return the definition of a name in this module."""
        return (self._module, name) if name in self.definitions else None

    def files(self, statement: _Statement) -> Iterator[Path]:
        """Yield the files in the folder that a statement names."""
        for name in statement.file_names:
            file = self._folder / name
            if file.is_file():
                yield file


class _Statement:
    """A top-level statement of a module. What depends on its text alone is computed once."""

    def __init__(self, node: ast.stmt, source: ModuleSource) -> None:
        self._node = node
        self._source = source

    @cached_property
    def syntax(self) -> str:
        """The syntax tree as text."""
        return ast.dump(self._node)

    @cached_property
    def file_names(self) -> tuple[str, ...]:
        """Strings that look like the name of a file."""
        constants = (node.value for node in self._nodes if isinstance(node, ast.Constant))
        return tuple(value for value in constants if isinstance(value, str) and _FILE.fullmatch(value))

    @cached_property
    def references(self) -> tuple[_Reference, ...]:
        """References of the names in the statement, each once."""
        imports = self._source.imports | self._source.imported_by(self._nodes)
        return tuple(dict.fromkeys(self._references(imports)))

    @cached_property
    def _nodes(self) -> list[ast.AST]:
        return _walk(self._node)

    def _references(self, imports: Mapping[str, Target]) -> Iterator[_Reference]:
        covered = set()  # names that an attribute refers to more precisely
        for node in self._nodes:  # an attribute comes before the name in it
            match node:
                case ast.Attribute(value=ast.Name(id)) if id in imports:
                    covered.add(node.value)
                    yield _Reference("attribute", imports[id], node.attr)
                case ast.Name(id) if id in imports and node not in covered:
                    yield _Reference("name", imports[id])
                case ast.Name(id) if id not in imports and (own := self._source.own(id)) is not None:
                    yield _Reference("definition", own)
                case ast.ImportFrom() if _has_star(node):
                    yield _Reference("star", (self._source.origin(node), None))
                case ast.Call() if (package := _imported_by_name(node)) is not None:
                    yield _Reference("package", (package, None))


@dataclass(frozen=True)
class _Reference:
    """A name in a statement; which definitions it leads to depends on other modules."""

    kind: Literal["attribute", "name", "definition", "star", "package"]
    target: Target
    attribute: str | None = None

    def targets(self) -> Iterator[Target]:
        """Yield the definitions and modules that it leads to now."""
        match self.kind:
            case "attribute":  # of a module, it names the definition
                module = _as_module(self.target)
                yield from _resolved(*self.target) if module is None else _resolved(module, self.attribute)
            case "name":
                yield from _resolved(*self.target)
            case "definition":
                yield self.target
            case "star":
                yield from _whole(self.target[0])
            case "package":
                yield from module_source(self.target[0]).modules()


def package_root() -> Path:
    """Return the folder that contains the package."""
    return Path(__file__).parents[1]


@cache
def module_source(module: str) -> ModuleSource:
    """Return the source of a module of seqtag, as its file was at the first call since `cache_clear`."""
    path = _path(module)
    if path is None:
        raise ModuleNotFoundError(f"{module} is no module of {PACKAGE}")
    return _parsed(module, path, path.read_bytes())


@cache
def _parsed(module: str, path: Path, content: bytes) -> ModuleSource:
    """Return the source of a module; parsing all takes a second, so it is done once for each content."""
    return ModuleSource(module, path, content)


def _path(module: str) -> Path | None:
    base = Path(__file__).parent.joinpath(*module.split(".")[1:])
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)


def _as_module(target: Target | None) -> str | None:
    """Return the module of seqtag that an imported name refers to, None if it is no module."""
    if target is None:
        return None
    module, name = target
    if module.split(".")[0] != PACKAGE:
        return None
    whole = module if name is None else f"{module}.{name}"
    return whole if _path(whole) is not None else None


def _imported_by_name(node: ast.AST) -> str | None:
    """Return the package of a call `import_module(f"package.{name}")`, None for other nodes."""
    match node:
        case ast.Call(
            func=ast.Name("import_module" | "resolve_name"),
            args=[ast.JoinedStr([ast.Constant(str(start)), *_]), *_],
        ) if start.startswith(f"{PACKAGE}.") and start.endswith("."):
            return start.removesuffix(".")
    return None


def _resolved(module: str, name: str | None) -> Iterator[Target]:
    """Yield the definition of a name, and the modules that re-export it."""
    while module.split(".")[0] == PACKAGE and name is not None:
        source = module_source(module)
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
    if module.split(".")[0] == PACKAGE:
        for name in module_source(module).imports:
            yield from _resolved(module, name)


def _walk(node: ast.AST) -> list[ast.AST]:
    """Return a node and all below it, each before those in it; `ast.walk` takes twice as long."""
    found = [node]
    for each in found:  # grows while it is read
        for name in each._fields:
            value = getattr(each, name, None)
            if isinstance(value, ast.AST):
                found.append(value)
            elif isinstance(value, list):
                found += [item for item in value if isinstance(item, ast.AST)]
    return found


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


def _without_words(body: list[Any]) -> list[Any]:
    """Return statements without what does not run: docstrings, annotations, imports for type checkers.

    Expressions are not visited: they have no statements in them.
    """
    for node in body:
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            arguments = node.args
            for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                each.annotation = None
            for rest in (arguments.vararg, arguments.kwarg):
                if rest is not None:
                    rest.annotation = None
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            node.body = _without_docstring(node.body)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = [ast.Pass()]
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            _without_words(getattr(node, name, []))
    return body


def _without_docstring(body: list[Any]) -> list[Any]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return body[1:] or [ast.Pass()]
    return body
