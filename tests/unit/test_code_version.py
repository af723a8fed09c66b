"""Code versions of a generated package, and of the real steps against a trace of what they call."""

import json
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from seqtag import code_version as module
from seqtag import module_source
from seqtag.code_version import code_version
from seqtag.steps.step import steps_code_version

A = """
    from seqtag.b import helper
    from seqtag import c
    import numpy as np

    FACTOR = 2
    UNUSED = 3

    def step(x):
        "Words."
        return helper(x) * FACTOR + c.more(x) + np.sum(x)

    def lazy(x):
        from seqtag.sub import handed_on
        return handed_on(x)

    def other(x):
        return UNUSED
"""
B = """
    def helper(x):
        return below(x)

    def below(x):  # a comment
        return x

    def stranger(x):
        return x
"""
SUB_INIT = "from seqtag.sub.deep import handed_on\n"
DEEP = """
    import scipy

    class Base:
        pass

    class Thing(Base):
        size: int = 3

    def handed_on(x):
        return Thing() if scipy else None
"""
FILES = {
    "__init__.py": "",
    "a.py": A,
    "b.py": B,
    "c.py": "print\ndef more(x):\n    return x\n",
    "sub/__init__.py": SUB_INIT,
    "sub/deep.py": DEEP,
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return `package(path, old, new)`, which changes a file and returns the code version of `step`."""
    for name, text in FILES.items():
        path = tmp_path / "seqtag" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    monkeypatch.setattr(module_source, "__file__", str(tmp_path / "seqtag" / "module_source.py"))

    def changed(path="a.py", old="", new="", *, of="step"):
        file = tmp_path / "seqtag" / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new) if old else text)
        module_source.module_source.cache_clear()
        code_version.cache_clear()
        return code_version("seqtag.a", of)

    yield changed
    module_source.module_source.cache_clear()
    code_version.cache_clear()


def test_names_are_followed_through_modules(package):
    reached = {definition for definition in package().definitions if definition[1]}
    assert reached == {
        ("seqtag.a", "FACTOR"),
        ("seqtag.a", "step"),
        ("seqtag.b", "below"),
        ("seqtag.b", "helper"),
        ("seqtag.c", "more"),
    }


def test_imports_within_functions_and_reexports_are_followed(package):
    found = package(of="lazy")
    reached = {definition for definition in found.definitions if definition[1]}
    assert reached == {
        ("seqtag.a", "lazy"),
        ("seqtag.sub.deep", "Base"),
        ("seqtag.sub.deep", "Thing"),
        ("seqtag.sub.deep", "handed_on"),
    }
    assert set(found.packages) == {"python", "scipy"}


@pytest.mark.parametrize("line", ["from .b import helper", "from . import b\nhelper = b.helper"])
def test_relative_imports_are_followed(package, line):
    found = package("a.py", "from seqtag.b import helper", line)
    assert ("seqtag.b", "below") in found.definitions


def test_a_star_import_counts_as_the_whole_module_and_its_reexports(package):
    package("sub/__init__.py", "from seqtag.sub.deep import handed_on", "from .deep import *")
    assert ("seqtag.sub.deep", "Base") in package(of="lazy").definitions
    found = package("a.py", "from seqtag.b import helper", "from seqtag.b import *\nfrom scipy import *")
    assert {("seqtag.b", "helper"), ("seqtag.b", "stranger")} <= found.definitions
    assert set(found.packages) == {"python", "numpy", "scipy"}


def test_all_modules_of_a_package_count_if_one_is_imported_by_name(package):
    found = package("a.py", "return UNUSED", 'return resolve_name(f"seqtag.sub.{x}:Thing")', of="other")
    assert ("seqtag.sub.deep", "Thing") in found.definitions
    assert set(found.packages) == {"python", "scipy"}


def test_only_packages_that_are_used_count(package):
    found = package()
    assert set(found.packages) == {"python", "numpy"}
    newer = replace(found, packages={**found.packages, "numpy": "99"})
    assert (newer.code, newer.key != found.key) == (found.code, True)


@pytest.mark.parametrize("listed", [["numpy", "pyarrow"], ["pyarrow", "numpy"]])
def test_the_order_of_distributions_does_not_matter(package, listed, monkeypatch):
    """The order is that of a folder's entries, which may change while a process runs."""
    monkeypatch.setattr(module.metadata, "packages_distributions", lambda: {"shared": listed})
    found = package("a.py", "import numpy as np", "import shared as np")
    assert list(found.packages) == ["python", "numpy", "pyarrow"]


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("b.py", "return x", "return x + 1"),
        ("a.py", "FACTOR = 2", "FACTOR = 4"),
        ("c.py", "print\n", "open\n"),  # statements at module level
    ],
)
def test_a_change_of_used_code_changes_the_version(package, path, old, new):
    before = package()
    assert package(path, old, new).code != before.code


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("a.py", '"Words."', '"Other words."'),
        ("b.py", "# a comment", ""),
        ("a.py", "UNUSED = 3", "UNUSED = 5"),
        ("b.py", "def stranger(x):", "def stranger(x, y):"),
        ("sub/deep.py", "size: int = 3", "size: int = 4"),
    ],
)
def test_a_change_of_unused_code_does_not(package, path, old, new):
    before = package()
    assert package(path, old, new).code == before.code


def test_files_that_are_read_at_run_time_count(package, tmp_path):
    before = package()
    for folder in ("sub/templates", "templates"):  # of a package that is not used, and of one that is
        assert package().code == before.code
        (tmp_path / "seqtag" / folder).mkdir()
        (tmp_path / "seqtag" / folder / "page.css").write_text("p {}")
    assert package().code != before.code


def test_a_data_file_counts_if_used_code_names_it(package, tmp_path):
    """The file is copied into an output, so every byte counts, and so do the packages that it imports."""
    served = tmp_path / "seqtag" / "served.py"
    served.write_text("import pandas\npandas.DataFrame()\n")
    before = package(of="other")
    named = package("a.py", "UNUSED = 3", 'UNUSED = "served.py"', of="other")
    assert named.code != before.code
    assert set(named.packages) == {"python", "pandas"}
    stranger = package()
    served.write_text(served.read_text() + "# a comment, which is copied too\n")
    assert package(of="other").code != named.code
    assert package() == stranger


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of the real package, which is read in its place."""
    real = Path(module_source.__file__).parent
    shutil.copytree(real, tmp_path / "seqtag", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module_source, "__file__", str(tmp_path / "seqtag" / "module_source.py"))
    _forget()
    yield tmp_path / "seqtag"
    _forget()


def _forget():
    module_source.module_source.cache_clear()
    code_version.cache_clear()


def _keys(*names):
    _forget()
    return {step: code_version(f"seqtag.steps.{step}", step).key for step in names}


def test_the_serving_code_counts_for_register_and_smoke_test(checkout):
    names = ["register", "smoke_test", "train"]
    before, run = _keys(*names), steps_code_version()
    with (checkout / "registry" / "serving_model.py").open("a") as file:
        file.write("# x\n")
    after = _keys(*names)
    assert {step for step in before if before[step] != after[step]} == {"register", "smoke_test"}
    assert steps_code_version() != run


def test_every_data_file_of_the_package_counts(checkout):
    """Templates, style sheets, files that are copied into an output, and the library that trains."""
    sources = {".py", ".typed", ".c", ".h"}  # C is compiled to the library
    files = [path for path in checkout.rglob("*") if path.is_file() and path.suffix not in sources]
    found = {path.name for path in files}
    assert found >= {"report.css", "report.html", "style.css", "layout.html", "libseqtag_native.so"}
    names = ["validate", "train", "report"]
    for file in files:
        before = _keys(*names)
        file.write_bytes(file.read_bytes() + b" ")
        assert _keys(*names) != before, file


@pytest.mark.parametrize(
    "step",
    [
        "validate",
        "split",
        "index",
        "encode",
        "train",
        "retrain_champion",
        "evaluate",
        "decide",
        "register",
        "smoke_test",
        "promote",
    ],
)
def test_the_code_version_contains_all_that_a_step_calls(step, traced):
    """Every function of seqtag that a step calls is in its code version."""
    known = code_version(f"seqtag.steps.{step}", step).definitions
    missing = traced[step] - known
    assert {m for m in missing if m[0] not in IN_EVERY_STEP and m != ADDRESS} == set()
    assert len(traced[step] & known) > 5


# modules that run in every step and cannot change its output: paths, publishing, code versions
IN_EVERY_STEP = {"seqtag.pipeline", "seqtag.run_dir", "seqtag.artifacts", "seqtag.code_version"}
ADDRESS = ("seqtag.steps.context", "Workspace")


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """The top-level definitions of seqtag that each step called, in a separate process."""
    folder = tmp_path_factory.mktemp("traced")
    code = """
        import inspect, json, sys, threading
        from datetime import UTC, date, datetime
        from pathlib import Path
        from seqtag import steps
        from seqtag.config import Settings, load_tagger
        from tests.taggers import Taggers
        folder = Path(sys.argv[1])
        ran, root = set(), str(Path(steps.__file__).parents[1])

        def note(frame, event, arg):
            name = frame.f_code.co_filename
            is_function = frame.f_code.co_flags & inspect.CO_OPTIMIZED  # not a module or a class body
            if event == "call" and is_function and name.startswith(root) and name.endswith(".py"):
                module = "seqtag." + name[len(root) + 1 : -3].replace("/", ".")
                outer = frame.f_code.co_qualname.partition(".")[0]
                if not outer.startswith("<"):
                    ran.add((module.removesuffix(".__init__"), outer))

        config = load_tagger(Taggers(folder).write())
        workspace = steps.Workspace.of(Settings(home=folder / "home"))
        run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))
        seen = {}
        threading.setprofile(note)
        more = dict.fromkeys(("register", "smoke_test", "promote"), (workspace,))
        by = {"promote": {"by": steps.AuditContext("me@host", "a test", datetime(2026, 1, 1, tzinfo=UTC))}}
        first_steps = ("validate", "split", "index", "encode", "train", "retrain_champion", "evaluate")
        for step in (*first_steps, "decide", "register", "smoke_test", "promote"):
            ran.clear()
            sys.setprofile(note)
            getattr(steps, step)(run, *more.get(step, ()), **by.get(step, {}))
            sys.setprofile(None)
            seen[step] = sorted(ran)
        Path(folder / "seen.json").write_text(json.dumps(seen))
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(folder)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2], capture_output=True)
    seen = json.loads((folder / "seen.json").read_text())
    return {step: {(where, name) for where, name in ran} for step, ran in seen.items()}
