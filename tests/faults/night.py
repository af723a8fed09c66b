"""Nights of a small tagger as processes that can be killed, and what must hold after each."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
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
ladder = [8, 16, 32]
window_overlap = 8

[model]
units = 24
word_size = 24

[train]
max_epochs = 3

[gate]
floor = 0.05
"""
RETRAIN = "from seqtag.cli import main; main()"


@dataclass(frozen=True)
class Outcome:
    """How a process ended, and what it said."""

    code: int
    said: str


@dataclass(frozen=True)
class Begun:
    """A process that was started, and where what it says goes."""

    process: subprocess.Popen[bytes]
    path: Path

    @property
    def said(self) -> str:
        return self.path.read_text("utf-8", "replace")

    def end(self) -> Outcome:
        """Wait until it ends by itself."""
        return Outcome(self.process.wait(), self.said)

    def kill(self) -> None:
        """Kill it as the kernel does; its children are left to notice."""
        self.process.kill()
        self.process.wait()

    def children(self) -> list[psutil.Process]:
        """Return the processes in which it has a function of ours run."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
                found += [child] if "seqtag.subprocess_runner" in child.cmdline() else []
        return found

    def wait_until(self, holds: Callable[[], Any]) -> bool:
        """Wait until something holds; False if the process ended first."""
        while not holds():
            if self.process.poll() is not None:
                return False
            time.sleep(0.0005)
        return True


class Nights:
    """One home folder, one corpus in a file, and the nights of its tagger."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.corpus, self.tagger = folder / "corpus.parquet", folder / "small.toml"
        self.tagger.write_text(TAGGER.format(corpus=self.corpus))
        self._n_begun = 0
        self.write_corpus(300)

    def write_corpus(self, n: int, *, broken: float = 0.0) -> None:
        """Write `n` sequences, of which a share has fewer tags than tokens, whole or not at all."""
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

    def begin(self, *prefix: str, code: str = RETRAIN, **environment: str) -> Begun:
        """Start a night, or other code of ours, in a session of its own."""
        self._n_begun += 1
        path = self.folder / f"said-{self._n_begun}.txt"
        with path.open("wb") as said:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-c", code, "retrain", str(self.tagger)],
                cwd=CHECKOUT,
                env={**os.environ, "SEQTAG_HOME": str(self.home), **environment},
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Begun(process, path)

    def night(self, *prefix: str, **environment: str) -> Outcome:
        """Run a night to its end."""
        return self.begin(*prefix, **environment).end()

    @property
    def run(self) -> RunDir:
        """The newest run directory."""
        runs = self.home / "runs" / "small"
        return RunDir(max(runs.glob("????-*"), key=lambda path: (path / "config.json").stat().st_mtime))

    @property
    def champion(self) -> str | None:
        """The version that serves, its files verified."""
        found = Workspace.of(Settings(home=self.home)).registry().champion("small")
        return found.version if found else None

    def came_to(self) -> dict[str, Any]:
        """Return what must not depend on how often a night was interrupted."""
        decision = json.loads(self.run.decision.read_text())
        registry = Workspace.of(Settings(home=self.home)).registry()
        return {
            "weights": hashlib.sha256((self.run.output("train") / "weights.npz").read_bytes()).hexdigest(),
            "decision": decision,
            "predictions": hashlib.sha256(self.run.predictions("challenger").read_bytes()).hexdigest(),
            "champion": self.champion,
            "ledger": [(entry.event, entry.to_version) for entry in registry.history("small")],
        }

    def check(self) -> None:
        """Fail where something stands that claims to be whole and is not."""
        found = [*self.home.glob(f"runs/*/*/*/{MANIFEST}"), *self.home.glob(f"corpora/*/*/{MANIFEST}")]
        for folder in (manifest.parent for manifest in found):
            if not folder.name.startswith("."):
                assert find_manifest(folder) is not None, folder


def let_it_work(seconds: float) -> None:
    """Give the other process a while, another each time, before it is killed."""
    time.sleep(seconds)


def forget(folder: Path) -> None:
    """Remove a step's output, so that the next night has to make it."""
    shutil.rmtree(folder)
