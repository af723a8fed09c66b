"""Bulk tagging from Parquet to Parquet: seconds and peak memory of each step, as the number of tokens grows.

    SEQTAG_DATA=/path/to/corpora python benchmarks/bulk_tagging.py   # 0.2, 2 and 8 million tokens
    SEQTAG_DATA=/path/to/corpora python benchmarks/bulk_tagging.py --sizes 0.2 --processes 1

The champion is trained for one epoch, since speed does not depend on what it has learned. It tags the train
split of its corpus again and again, in which one token in fifty is a new word, so that the number of word
types grows, too. Each step runs in a fresh process; its seconds do not include imports, but the start of the
subprocess that tags. Peak memory is that of the largest process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from peers.measuring import machine, table

CHECKOUT = Path(__file__).resolve().parents[1]
DAY = date(2026, 1, 1)
NEW = "new.parquet"
STEPS = ("ingest_untagged", "open_tagging", "tag_parts", "finish_tagging")
SOURCE = f'\n[[tagging.sources]]\nformat = "parquet"\npath = "{NEW}"\n'


def prepare(tagger: Path, folder: Path) -> None:
    """Make a champion in `folder`, with a tagger's file that names what is to be tagged."""
    from seqtag import steps
    from seqtag.config import Settings, load_tagger
    from seqtag.pipeline import STEPS as ALL

    (folder / "tagger.toml").write_text(tagger.read_text() + SOURCE)
    config = load_tagger(folder / "tagger.toml")
    faster = {
        "train": config.train.model_copy(update={"max_epochs": 1}),
        "gate": config.gate.model_copy(update={"floor": 0.0}),
        "evaluate": config.evaluate.model_copy(update={"baseline": "none"}),
    }
    config = config.model_copy(update=faster)
    workspace = steps.Workspace.of(Settings())
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=DAY)
    for step in ALL:
        if step.is_shared and step.name != "baseline":
            getattr(steps, step.name)(run)
    steps.register(run, workspace)
    steps.smoke_test(run, workspace)
    steps.promote(run, workspace, by=steps.audit_context("a benchmark", datetime.now(UTC)))
    shutil.copy(run.split("train"), folder / "train.parquet")


def repeated(train: Path, n_tokens: int) -> Iterator[pa.Table]:
    """Yield the sequences of a split until there are so many tokens; one in fifty is a new word."""
    tokens = pq.read_table(train, columns=["tokens"])["tokens"].combine_chunks()
    offsets, words = tokens.offsets, tokens.flatten()
    draw, n = np.random.default_rng(5), 0
    while n < n_tokens:
        is_new = draw.random(len(words)) < 0.02
        new = pa.array([f"w{number:x}" for number in draw.integers(1 << 40, size=int(is_new.sum()))])
        replaced = words.to_pandas().to_numpy(copy=True)
        replaced[is_new] = new.to_pandas()
        lists = pa.ListArray.from_arrays(offsets, pa.array(replaced, pa.string()))
        lists = lists.slice(0, int(np.searchsorted(offsets.to_numpy(), n_tokens - n)))
        yield pa.table({"tokens": lists})
        n += len(lists.flatten())


def child(step: str, folder: Path, processes: int) -> None:
    """Do one step, and print its seconds and the peak memory in MB."""
    from seqtag import steps
    from seqtag.config import Settings, load_tagger

    config, workspace = load_tagger(folder / "tagger.toml"), steps.Workspace.of(Settings())
    started = time.perf_counter()
    snapshot = steps.ingest_untagged(config, workspace)
    if step != "ingest_untagged":
        started = time.perf_counter()
        tagged = steps.open_tagging(config, snapshot, workspace, as_of=DAY)
    if step == "tag_parts":
        groups = steps.groups_of_parts(tagged, workspace)
        names = [name for group in groups for name in group]
        started = time.perf_counter()
        with ThreadPoolExecutor(processes) as pool:
            parts = [names[number::processes] for number in range(processes)]
            list(pool.map(lambda some: steps.tag_parts(tagged, some, workspace), filter(None, parts)))
    if step == "finish_tagging":
        started = time.perf_counter()
        steps.finish_tagging(config, tagged, workspace)
    seconds = time.perf_counter() - started
    usage = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"seconds": seconds, "peak_mb": max(usage) / 1000}))


def measured(step: str, folder: Path, processes: int = 1) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", step, str(folder), str(processes)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=folder)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = CHECKOUT / "deployments" / "taggers" / "ud-english-ewt.toml"
    parser.add_argument("tagger", nargs="?", type=Path, default=default, metavar="TAGGER.toml")
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.2, 2, 8], help="million tokens")
    parser.add_argument("--processes", type=int, nargs="+", default=[1], help="that tag at the same time")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        step, folder, processes = arguments.child
        child(step, Path(folder), int(processes))
        return
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["SEQTAG_HOME"] = str(folder / "home")
        prepare(arguments.tagger, folder)
        for size in arguments.sizes:
            n_tokens = round(size * 1e6)
            tables = repeated(folder / "train.parquet", n_tokens)
            with pq.ParquetWriter(folder / NEW, pa.schema([("tokens", pa.list_(pa.string()))])) as writer:
                for each in tables:
                    writer.write_table(each)
            for processes in arguments.processes:
                shutil.rmtree(folder / "home" / "untagged", ignore_errors=True)
                shutil.rmtree(folder / "home" / "tagged", ignore_errors=True)
                found = {step: measured(step, folder, processes) for step in STEPS}
                seconds = [found[step]["seconds"] for step in STEPS]
                output = sum(f.stat().st_size for f in (folder / "home" / "tagged").rglob("*.parquet"))
                rows.append(
                    [
                        f"{size:g} million",
                        str(processes),
                        *(f"{each:.1f}" for each in seconds),
                        f"{n_tokens / found['tag_parts']['seconds']:,.0f}",
                        f"{n_tokens / sum(seconds):,.0f}",
                        f"{max(found[step]['peak_mb'] for step in STEPS):,.0f}",
                        f"{output / n_tokens:.1f}",
                    ]
                )
                print(rows[-1], file=sys.stderr, flush=True)
    print(f"{machine()}\n")
    columns = ["tokens", "processes", "ingest, s", "open, s", "tag, s", "finish, s"]
    columns += ["tag, tokens/s", "all, tokens/s", "peak MB", "bytes a token"]
    print(table(columns, rows))


if __name__ == "__main__":
    main()
