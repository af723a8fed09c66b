"""Model servers under load, and `seqtag serve` over time and under promotions.

    python benchmarks/serving.py [--bentoml /path/to/its/environment/bin/python]
    python benchmarks/serving.py --soak 600    # memory of `seqtag serve` under load
    python benchmarks/serving.py --swap        # the champion changes under load

All servers have the same version of the sample tagger, which is trained first unless --home has one. They
take turns, each started for its turn; a separate process drives them, with one sequence of 5 to 15 tokens per
request. BentoML is measured in an environment with bentoml, mlflow and tensorflow.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

from peers.measuring import PEAK, Contender, Measured, Turns, in_fresh_process, machine, spread, table
from peers.model_server import SEQTAG, bentoml_server, mlflow_server, running, seqtag_server

CHECKOUT = Path(__file__).resolve().parents[1]
SAMPLE = CHECKOUT / "deployments" / "taggers" / "sample.toml"
BATCHES = (1, 32)  # sequences in a call of the SavedModel
CONNECTIONS = 8  # of --soak and --swap
SAMPLES = 12  # of the memory, by --soak
SWAPS = 3  # to another champion and back
EVERY = 5  # seconds between an answer of a new champion and the next change
HOUR = 3600.0  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, help="a $SEQTAG_HOME with a champion of the sample")
    parser.add_argument("--bentoml", type=Path, help="Python of an environment with BentoML")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--seconds", type=float, default=10, help="duration of each measurement")
    parser.add_argument("--repeats", type=int, default=3, help="turns; the table shows medians")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--soak", type=float, metavar="SECONDS", help="drive `seqtag serve` for so long")
    modes.add_argument("--swap", action="store_true", help="change the champion under load")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or Path(folder) / "home"
        if options.home is None:
            seqtag(home, "retrain", str(SAMPLE))
        if options.swap:
            swap(home, Path(folder))
        elif options.soak:
            soak(home, options.soak)
        else:
            compare(home, options)


def seqtag(home: Path, *arguments: str) -> None:
    environment = {**os.environ, "SEQTAG_HOME": str(home)}
    done = subprocess.run(
        [*SEQTAG, *arguments], cwd=CHECKOUT, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"seqtag {' '.join(arguments)}: {done.stderr[-2000:]}")


def registry(home: Path) -> Any:
    from seqtag.config import Settings
    from seqtag.steps import Workspace

    return Workspace.of(Settings(home=home)).registry()


def compare(home: Path, options: argparse.Namespace) -> None:
    """Measure all servers and the SavedModel in turns, and print two tables."""
    print(f"{machine()}; {options.seconds:.0f} s each, medians of {options.repeats} turns\n")
    bundle = registry(home).champion("sample").bundle
    servers = [mlflow_server(bundle.parents[1]), seqtag_server(home)]
    if options.bentoml:
        servers.append(bentoml_server(options.bentoml, bundle.parents[1]))
    measured: dict[str, list[Measured]] = defaultdict(list)

    def add(name: str, result: Measured) -> None:
        print(f"{name}: {json.dumps(result)}", file=sys.stderr, flush=True)
        measured[name].append(result)

    for _ in range(options.repeats):
        for server in servers:
            with running(server) as started:
                begun = {"start_up": started.start_up, "mb": started.resident_mb()}
                add(server.name, {**begun, "processes": len(started.processes())})
                for n in options.connections:
                    add(f"{server.name}, {n}", started.under_load(n, options.seconds))
        for batch in BATCHES:
            calls = {"bundle": str(bundle), "batch": batch, "seconds": options.seconds}
            add(direct(batch), in_fresh_process(Contender(direct(batch), "saved_model", "calls", calls)))
    show([server.name for server in servers], options.connections, Turns(measured, {}))


def direct(batch: int) -> str:
    return f"SavedModel called directly, batch of {batch}"


def show(servers: Sequence[str], connections: Sequence[int], turns: Turns) -> None:
    """Print the load and the start of each server; ratios are of CPU time to the first server."""

    def row(key: str, name: str, n: str, *, reference: str, errors: str) -> list[str]:
        figures = [f"{turns.median(key, of):,.1f}" for of in ("requests", "p50", "p95", "p99")]
        ratio = "1" if key == reference else turns.ratio(key, reference, "cpu_ms")
        cpu, peak = turns.median(key, "cpu_ms"), turns.median(key, PEAK)
        return [name, n, *figures, errors, f"{cpu:.2f}", ratio, f"{peak:,.0f}"]

    rows = []
    for name in servers:
        for n in connections:
            key = f"{name}, {n}"
            errors = f"{sum(turns.values(key, 'errors')):,.0f}"
            rows.append(row(key, name, str(n), reference=f"{servers[0]}, {n}", errors=errors))
    most = f"{servers[0]}, {connections[-1]}"
    rows += [row(direct(batch), direct(batch), "-", reference=most, errors="-") for batch in BATCHES]
    columns = ["requests/s", "p50 ms", "p95 ms", "p99 ms", "errors", "CPU ms", "ratio", "peak MB"]
    print(table(["server", "connections", *columns], rows), "\n")
    keys = ("start_up", "mb", "processes")
    begun = [[name, *(f"{turns.median(name, key):,.0f}" for key in keys)] for name in servers]
    print(table(["server", "start-up, s", "MB after the first answer", "processes"], begun))


def soak(home: Path, seconds: float) -> None:
    """Print the resident memory of `seqtag serve` over time."""
    with running(seqtag_server(home)) as server, ThreadPool(1) as pool:
        rows = [["0", f"{server.resident_mb():,.0f}"]]
        begun = time.monotonic()
        driving = pool.apply_async(in_fresh_process, [server.load(CONNECTIONS, seconds)])
        for number in range(1, SAMPLES + 1):
            time.sleep(max(0.0, begun + number * seconds / SAMPLES - time.monotonic()))
            rows.append([f"{time.monotonic() - begun:,.0f}", f"{server.resident_mb():,.0f}"])
        result = driving.get()
    print(table(["seconds", "resident MB"], rows))
    print(f"\n{result['requests'] * seconds:,.0f} requests, {result['errors']} errors")


def swap(home: Path, folder: Path) -> None:
    """Move the champion to and fro under load, and print how the requests ended."""
    if len(registry(home).versions("sample")) < 2:
        other = folder / SAMPLE.name
        other.write_text(SAMPLE.read_text().replace("\nseed = 1\n", "\nseed = 2\n", 1))
        seqtag(home, "retrain", str(other))
    champion = registry(home).champion("sample").version
    versions = [each.version for each in registry(home).versions("sample") if each.version != champion]
    swaps = [versions[0], champion] * SWAPS
    done, seconds = folder / "done", []
    with running(seqtag_server(home, "--poll", "1")) as server, ThreadPool(1) as pool:
        driving = pool.apply_async(in_fresh_process, [server.load(CONNECTIONS, HOUR, until=str(done))])
        try:
            for version in swaps:
                time.sleep(EVERY)
                seqtag(home, "rollback", "sample", "--to", version, "--reason", "a benchmark")
                seconds.append(server.seconds_until(version))
            time.sleep(EVERY)
        finally:
            done.touch()
        result = driving.get()
    print(f"{sum(result['versions'].values()):,} answers, by version: {result['versions']}")
    print(f"{result['errors']} failed requests {result['kinds'] or ''}")
    print(f"{len(swaps)} changes of the champion; seconds until the new one answered: {spread(seconds, 1)}")
    print(f"ms: p50 {result['p50']:.1f}, p99 {result['p99']:.1f}, longest {result['p100']:,.1f}")


if __name__ == "__main__":
    main()
