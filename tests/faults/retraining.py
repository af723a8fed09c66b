"""Retrainings of a small tagger as killable processes, and checks of their results."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.artifacts import MANIFEST, find_manifest
from seqtag.config import Settings
from seqtag.run_dir import RunDir
from seqtag.steps import Workspace

CHECKOUT = Path(__file__).resolve().parents[2]
TAGGER = """
name = "small"

[[corpus.sources]]
format = "parquet"
path = "{corpus}"
id_column = "id"

[features]
bucket_lengths = [8, 16, 32]
window_overlap = 8

[model]
units = 24
word_size = 24

[train]
max_epochs = 3

[evaluate]
baseline = "crfsuite-ap"

[gate]
floor = 0.05
"""
RETRAIN = "from seqtag.cli import main; main()"


@dataclass(frozen=True)
class Outcome:
    """Exit code and output of a process."""

    code: int
    output: str


@dataclass(frozen=True)
class StartedProcess:
    """A running process and the file of its output."""

    process: subprocess.Popen[bytes]
    path: Path

    @property
    def output(self) -> str:
        return self.path.read_text("utf-8", "replace")

    def wait(self) -> Outcome:
        """Wait until the process ends by itself."""
        return Outcome(self.process.wait(), self.output)

    def kill(self) -> None:
        """Send SIGKILL to the process, but not to its children."""
        self.process.kill()
        self.process.wait()

    def children(self) -> list[psutil.Process]:
        """Return the child processes in which it runs functions of seqtag."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # it has just ended
                found += [child] if "seqtag.subprocess_runner" in child.cmdline() else []
        return found

    def wait_until(self, condition: Callable[[], Any]) -> bool:
        """Wait until a condition holds; False if the process ended first."""
        while not condition():
            if self.process.poll() is not None:
                return False
            time.sleep(0.0005)
        return True


class Retrainings:
    """One home folder, one corpus file, and the retrainings of one tagger."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.corpus, self.tagger = folder / "corpus.parquet", folder / "small.toml"
        self.tagger.write_text(TAGGER.format(corpus=self.corpus))
        self._n_started = 0
        self.write_corpus(300)

    def write_corpus(self, n: int, *, broken: float = 0.0) -> None:
        """Write `n` sequences atomically; a fraction `broken` of them has fewer tags than tokens."""
        tokens, tags = [], []
        for i in range(n):
            draw = random.Random(i)
            tokens.append([draw.choice("abcdefgh") + draw.choice("0123") for _ in range(draw.randint(3, 11))])
            tags.append(["B-X" if token < "c" else "O" for token in tokens[-1]][i < broken * n :])
        ids = [f"s{i}" for i in range(n)]
        partial = self.corpus.with_suffix(".partial")
        table = pa.table({"id": ids, "tokens": tokens, "tags": tags})
        pq.write_table(table, partial, write_page_checksum=True)
        partial.replace(self.corpus)

    def start(self, *prefix: str, code: str = RETRAIN, **environment: str) -> StartedProcess:
        """Start a retraining, or other code, in a separate session."""
        self._n_started += 1
        path = self.folder / f"output-{self._n_started}.txt"
        with path.open("wb") as output:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-c", code, "retrain", str(self.tagger)],
                cwd=CHECKOUT,
                env={**os.environ, "SEQTAG_HOME": str(self.home), **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return StartedProcess(process, path)

    def retrain(self, *prefix: str, **environment: str) -> Outcome:
        """Run a retraining to its end."""
        return self.start(*prefix, **environment).wait()

    @property
    def run(self) -> RunDir:
        """The newest run directory."""
        runs = self.home / "runs" / "small"
        return RunDir(max(runs.glob("????-*"), key=lambda path: (path / "config.json").stat().st_mtime))

    @property
    def champion(self) -> str | None:
        """The version of the champion, its files verified."""
        found = Workspace.of(Settings(home=self.home)).registry().champion("small")
        return found.version if found else None

    def result(self) -> dict[str, Any]:
        """Return the results that must not depend on interruptions."""
        decision = json.loads(self.run.decision.read_text())
        registry = Workspace.of(Settings(home=self.home)).registry()
        return {
            "weights": hashlib.sha256((self.run.output("train") / "weights.npz").read_bytes()).hexdigest(),
            "decision": decision,
            "predictions": hashlib.sha256(self.run.predictions("challenger").read_bytes()).hexdigest(),
            "champion": self.champion,
            "ledger": [(entry.event, entry.to_version) for entry in registry.history("small")],
        }

    def check_manifests(self) -> None:
        """Fail if a folder has a manifest but is incomplete."""
        found = [*self.home.glob(f"runs/*/*/*/{MANIFEST}"), *self.home.glob(f"corpora/*/*/{MANIFEST}")]
        for folder in (manifest.parent for manifest in found):
            if not folder.name.startswith("."):
                assert find_manifest(folder) is not None, folder
