"""Overhead of orchestration: the Prefect flow compared with the bare steps, for a first and an unchanged run.

    python benchmarks/orchestration.py [--repeat 3]

Each run is timed as a whole process, with the Prefect server already running. The tagger is small, so that
training does not dominate.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
TAGGER = """
name = "small"
[[corpus.sources]]
format = "sample"
n_sequences = 300
[train]
max_epochs = 1
"""
WAYS = {
    "bare steps (`seqtag retrain`)": ["-c", "from seqtag.cli import main; main()", "retrain"],
    "Prefect flow (`python -m flows.retrain`)": ["-m", "flows.retrain"],
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=3, help="repeats of each way; the table shows medians")
    repeat = parser.parse_args().repeat
    seconds: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        tagger = Path(folder) / "small.toml"
        tagger.write_text(TAGGER)
        server_home = Path(folder) / "server"
        try:
            url = server(server_home)
            for turn in range(repeat):
                for way, command in WAYS.items():
                    home = Path(folder) / f"{turn}-{len(command)}"
                    for kind in ("first run", "unchanged run"):
                        spent = timed([*command, str(tagger)], home=home, api=f"{url}/api")
                        seconds.setdefault((way, kind), []).append(spent)
        finally:
            call(["-m", "flows.stack", "down"], home=server_home)
    table(seconds)


def server(home: Path) -> str:
    printed = call(["-m", "flows.stack", "server"], home=home)
    return next(word for word in printed.split() if word.startswith("http"))


def timed(arguments: list[str], *, home: Path, api: str) -> float:
    started = time.monotonic()
    call(arguments, home=home, api=api)
    return time.monotonic() - started


def call(arguments: list[str], *, home: Path, api: str | None = None) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    environment["SEQTAG_HOME"] = str(home)
    if api:
        environment["PREFECT_API_URL"] = api
    return python(arguments, environment)


def python(arguments: list[str], environment: dict[str, str]) -> str:
    """Run Python in the checkout; exit with its output if it fails."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def table(seconds: dict[tuple[str, str], list[float]]) -> None:
    print(f"{os.cpu_count()} cores, median of {len(next(iter(seconds.values())))}; seconds, whole process\n")
    print("| Run | bare steps | Prefect flow | difference | ratio |\n|---|---|---|---|---|")
    for kind in ("first run", "unchanged run"):
        bare, flow = (statistics.median(seconds[way, kind]) for way in WAYS)
        print(f"| {kind} | {bare:.1f} | {flow:.1f} | {flow - bare:+.1f} | {flow / bare:.2f} |")


if __name__ == "__main__":
    main()
