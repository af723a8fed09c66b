"""Import rules: layers import downwards only, and importing seqtag loads no heavy package."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
HEAVY = ("tensorflow", "keras", "great_expectations", "mlflow", "matplotlib", "pycrfsuite")


def test_imports_follow_the_contracts_in_pyproject() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "module",
    [
        "seqtag", "seqtag.cli", "seqtag.steps", "seqtag.config", "seqtag.corpus", "seqtag.features",
        "seqtag.tagging", "seqtag.evaluation", "seqtag.gate", "seqtag.baseline", "seqtag.monitoring",
        "seqtag.neural", "seqtag.quality", "seqtag.registry", "seqtag.reporting", "tasks", "flows.retrain",
    ],
)  # fmt: skip
def test_importing_loads_no_heavy_package(module: str, tmp_path: Path) -> None:
    loaded = _python(f"import sys, {module}; print(sorted(set(sys.modules) & set({HEAVY})))", tmp_path)
    assert loaded == "[]"


@pytest.mark.parametrize("arguments", [["--help"], ["tag", "--help"]])
def test_help_and_completion_load_only_typer(arguments: list[str], tmp_path: Path) -> None:
    libraries = {"seqtag.config", "numpy", "pandas", "pyarrow", "sqlalchemy"}
    code = (
        "import sys; from typer.testing import CliRunner; from seqtag.cli import app;"
        "from seqtag.cli.names import TAGGER; TAGGER.autocompletion('');"
        f"assert CliRunner().invoke(app, {arguments}).exit_code == 0;"
        f"print(sorted(set(sys.modules) & {libraries | set(HEAVY)}))"
    )
    assert _python(code, tmp_path) == "[]"


@pytest.mark.parametrize("module", ["seqtag.cli", "seqtag.steps", "flows.stack"])
def test_importing_writes_no_file_to_the_home_folder(module: str, tmp_path: Path) -> None:
    _python(f"import {module}", tmp_path)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def _python(code: str, home: Path) -> str:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "SEQTAG_HOME": str(home / "seqtag")}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
