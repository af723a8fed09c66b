"""Measurement of contenders, which take turns in fresh processes."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MISSING = "missing"
SECONDS, CPU, PEAK = "seconds", "cpu_seconds", "peak_mb"

Measured = Mapping[str, Any]


@dataclass(frozen=True)
class Contender:
    """A function of a module in this package, with its arguments."""

    name: str
    module: str
    function: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Turns:
    """Measurements by contender and turn, and the reasons for skipped contenders."""

    measured: Mapping[str, Sequence[Measured]]
    skipped: Mapping[str, str]

    def __contains__(self, name: str) -> bool:
        return bool(self.measured.get(name))

    def values(self, name: str, key: str) -> list[float]:
        return [turn[key] for turn in self.measured[name]]

    def median(self, name: str, key: str) -> float:
        return statistics.median(self.values(name, key))

    def best(self, names: Iterable[str], key: str) -> str | None:
        """Return the contender with the smallest median, None if none ran."""
        there = [name for name in names if name in self]
        return min(there, key=lambda name: self.median(name, key)) if there else None

    def ratio(self, slow: str, fast: str, key: str) -> str:
        """Return the median over the turns of `slow / fast`, with minimum and maximum."""
        pairs = zip(self.values(slow, key), self.values(fast, key), strict=True)
        ratios = sorted(a / b for a, b in pairs)
        middle = statistics.median(ratios)
        return f"{middle:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})" if len(ratios) > 1 else f"{middle:.2f}"


class Watch:
    """Stopwatch for seconds and CPU seconds of this process since its creation or last reading."""

    def __init__(self) -> None:
        self.read()

    def read(self) -> dict[str, float]:
        now = time.perf_counter(), time.process_time()
        before = getattr(self, "_before", now)
        self._before = now
        return {SECONDS: now[0] - before[0], CPU: now[1] - before[1]}


def tagged_twice(tag: Callable[[], None], *, n_tokens: int, load: float = 0.0) -> Measured:
    """Time the first and the second call of `tag`; `load` is the seconds spent loading before."""
    watch = Watch()
    tag()
    first = watch.read()
    tag()
    again = watch.read()
    return {
        "load": load,
        "first": first[SECONDS],
        "again": again[SECONDS],
        CPU: again[CPU],
        "n_tokens": n_tokens,
        PEAK: peak_mb(),
    }


def in_turns(contenders: Sequence[Contender], *, repeats: int) -> Turns:
    """Run all contenders once, each in a fresh process, then all again, `repeats` times."""
    measured: dict[str, list[Measured]] = {contender.name: [] for contender in contenders}
    skipped: dict[str, str] = {}
    for _ in range(repeats):
        for contender in contenders:
            if contender.name in skipped:
                continue
            result = in_fresh_process(contender)
            print(f"{contender.name}: {json.dumps(result)}", file=sys.stderr, flush=True)
            if MISSING in result:
                skipped[contender.name] = result[MISSING]
            else:
                measured[contender.name].append(result)
    return Turns(measured, skipped)


def in_fresh_process(contender: Contender) -> Measured:
    """Run a contender in a fresh process and return its measurements.

    Raises:
        RuntimeError: the contender failed.
    """
    command = [
        sys.executable,
        "-m",
        "peers",
        contender.module,
        contender.function,
        json.dumps(contender.options),
    ]
    environment = os.environ | {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "",
    }
    folder = Path(__file__).resolve().parents[1]
    ended = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(f"{contender.name} failed:\n{ended.stderr}")
    return json.loads(ended.stdout.splitlines()[-1])


def machine() -> str:
    """Return a description of the machine and its load."""
    return f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f} at the start"


def peak_mb(process: int | str = "self") -> float:
    """Return the peak memory of a process by its id, including imports; default: this process.

    `getrusage` is no alternative: it starts with the peak of the parent process.
    """
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise KeyError("VmHWM")


def spread(values: Sequence[float], decimals: int = 2) -> str:
    """Return mean and standard deviation as text, `-` for no values.

    >>> spread([1.0, 2.0])
    '1.50 ± 0.71'
    """
    if not values:
        return "-"
    deviation = f" ± {statistics.stdev(values):.{decimals}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{decimals}f}{deviation}"


def signed(differences: Sequence[float]) -> str:
    """Return mean and standard deviation of differences as text, with a sign.

    >>> signed([1.0, 2.0])
    '+1.50 ± 0.71'
    """
    text = spread(differences)
    return text if text.startswith("-") else f"+{text}"


def kept_results(path: Path, key: Sequence[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return the results in a JSON Lines file by the values of the fields `key`; none if there is no file."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {tuple(result[name] for name in key): result for result in map(json.loads, lines)}


def keep_result(path: Path, result: Mapping[str, Any]) -> None:
    """Append a result to a JSON Lines file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are numbers."""
    lines = [list(columns), ["---", *["---:"] * (len(columns) - 1)], *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
