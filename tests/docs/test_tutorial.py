"""Tutorial and notebook: commands and cells run in order, and print what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from seqtag.config import parse_tagger

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "tutorial.md"
NOTEBOOK = CHECKOUT / "docs" / "examples" / "tag_and_compare.ipynb"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = f"""#!/bin/sh
PYTHONPATH={CHECKOUT} exec {sys.executable} -c 'from seqtag.cli import main; main()' "$@"
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, str]]]:
    """A folder in which the commands of the tutorial ran, and each with its output."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "deployments" / "taggers").mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin" / "seqtag").write_text(COMMAND)
    (folder / "bin" / "seqtag").chmod(0o755)
    (folder / "bin" / "python").symlink_to(sys.executable)
    environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}"}
    del environment["SEQTAG_HOME"]
    outputs = []
    for language, name, text in BLOCK.findall(PAGE.read_text("utf-8")):
        if name:
            (folder / name).write_text(text)
        elif language == "sh":
            done = subprocess.run(
                ["/bin/bash", "-e", "-o", "pipefail", "-c", text],
                cwd=folder,
                env=environment,
                text=True,
                capture_output=True,
                check=False,
            )
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
            outputs.append((text, done.stdout))
    return folder, outputs


@pytest.mark.slow
def test_the_commands_print_what_the_page_says(finished: tuple[Path, list[tuple[str, str]]]) -> None:
    outputs, shown, missing = iter(finished[1]), "", []
    for language, _, text in BLOCK.findall(PAGE.read_text("utf-8")):
        if language == "sh":
            command, shown = next(outputs)
            sys.stdout.write(f"$ {command}{shown}")
        elif language == "text":
            missing += [line for line in text.splitlines() if line not in shown]

    assert missing == []


@pytest.mark.slow
def test_the_schedule_of_the_page_continues_the_file(finished: tuple[Path, list[tuple[str, str]]]) -> None:
    file = finished[0] / "deployments" / "taggers" / "names.toml"
    (table,) = (text for language, _, text in BLOCK.findall(PAGE.read_text("utf-8")) if language == "toml")

    schedule = parse_tagger(file.read_text("utf-8") + table, file).schedule

    assert (schedule.cron, schedule.timezone) == ("0 2 * * *", "Europe/Berlin")


@pytest.mark.slow
def test_the_notebook_runs_on_the_models_of_the_tutorial(
    finished: tuple[Path, list[tuple[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    nbformat = pytest.importorskip("nbformat", reason="`make test-slow` installs it")
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("SEQTAG_HOME", str(finished[0] / ".seqtag"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)

    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()

    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    texts = [str(output.get("text") or output.get("data", {}).get("text/plain")) for output in shown]
    assert any("TaggedSpan(type='LOC', start=0, stop=1" in text for text in texts)
    assert any("newly right" in text for text in texts)
