"""Nights of a small tagger as processes that can be killed, and what must hold after each."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from seqtag.config import Settings
from seqtag.rundir import RunDir
from seqtag.sealing import MANIFEST, find_manifest
from seqtag.steps import Place

CHECKOUT = Path(__file__).resolve().parents[2]
TAGGER = """
name = "small"

[[corpus.sources]]
format = "jsonl"
path = "{corpus}"

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


class Nights:
    """One home folder, one corpus in a file, and the nights of its tagger."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.corpus, self.tagger = folder / "corpus.jsonl", folder / "small.toml"
        self.tagger.write_text(TAGGER.format(corpus=self.corpus))
        self.write_corpus(300)

    def write_corpus(self, n: int, *, first: int = 0, broken: float = 0.0) -> None:
        """Write `n` sequences, of which a share has fewer tags than tokens, whole or not at all."""
        lines = []
        for i in range(first, first + n):
            draw = int.from_bytes(hashlib.sha256(str(i).encode()).digest()[:8])
            tokens = [f"{'abcdefgh'[draw >> (3 * k) & 7]}{draw >> (2 * k) & 3}" for k in range(3 + draw % 9)]
            tags = ["B-X" if token[0] < "c" else "O" for token in tokens]
            is_broken = (i - first) < broken * n
            lines.append(
                json.dumps({"id": f"s{i}", "tokens": tokens, "tags": tags[: -1 if is_broken else None]})
            )
        partial = self.corpus.with_suffix(".partial")
        partial.write_text("\n".join(lines) + "\n")
        partial.replace(self.corpus)

    def begin(
        self, *arguments: str, prefix: tuple[str, ...] = (), code: str | None = None, **environment: str
    ) -> subprocess.Popen[bytes]:
        """Start a night, or other code of ours, in a session of its own."""
        said = (self.folder / "said.txt").open("wb")
        command = [sys.executable, "-c", code or RETRAIN, *(() if code else ("retrain", str(self.tagger)))]
        with said:
            return subprocess.Popen(
                [*prefix, *command, *arguments],
                cwd=CHECKOUT,
                env={**os.environ, "SEQTAG_HOME": str(self.home), **environment},
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finish(self, process: subprocess.Popen[bytes]) -> Outcome:
        code = process.wait()
        return Outcome(code, (self.folder / "said.txt").read_text("utf-8", "replace"))

    def night(self, *arguments: str, prefix: tuple[str, ...] = (), **environment: str) -> Outcome:
        """Run a night to its end."""
        return self.finish(self.begin(*arguments, prefix=prefix, **environment))

    @property
    def run(self) -> RunDir:
        """The newest run directory."""
        runs = self.home / "runs" / "small"
        return RunDir(max(runs.glob("????-*"), key=lambda path: (path / "config.json").stat().st_mtime))

    @property
    def champion(self) -> str | None:
        """The version that serves, its files verified."""
        found = Place.of(Settings(home=self.home)).registry().champion("small")
        return found.version if found else None

    def came_to(self) -> dict[str, Any]:
        """Return what must not depend on how often a night was interrupted."""
        decision = json.loads(self.run.decision.read_text())
        return {
            "weights": hashlib.sha256((self.run.model / "weights.npz").read_bytes()).hexdigest(),
            "decision": decision,
            "predictions": hashlib.sha256(self.run.predictions("challenger").read_bytes()).hexdigest(),
            "champion": self.champion,
        }

    def check(self) -> None:
        """Fail where something stands that claims to be whole and is not."""
        found = [*self.home.glob(f"runs/*/*/*/{MANIFEST}"), *self.home.glob(f"corpora/*/*/{MANIFEST}")]
        for folder in (manifest.parent for manifest in found):
            if not folder.name.startswith("."):
                assert find_manifest(folder) is not None, folder


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process as the kernel does; its children are left to notice."""
    process.kill()
    process.wait()


def children_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


def wait_until(holds: Any, process: subprocess.Popen[bytes]) -> bool:
    """Wait until something holds; False if the process ended first."""
    while not holds():
        if process.poll() is not None:
            return False
        time.sleep(0.0005)
    return True


def let_it_work(seconds: float) -> None:
    """Give the other process a while, another each time, before it is killed."""
    time.sleep(seconds)


def forget(folder: Path) -> None:
    """Remove a step's output, so that the next night has to make it."""
    shutil.rmtree(folder)
