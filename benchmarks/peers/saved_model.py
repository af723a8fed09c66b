"""Limit of every server: the SavedModel called in a loop, without HTTP, JSON and data frames."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from peers.http_load import sequences
from peers.measuring import CPU, PEAK, Watch, peak_mb


def calls(bundle: str, batch: int, seconds: float) -> dict[str, Any]:
    """Tag batches of short sequences and return sequences per second and the latencies of a call in ms."""
    import tensorflow as tf

    model = tf.saved_model.load(str(Path(bundle) / "saved_model"))
    tag = model.signatures["serving_default"]
    rows = sequences()
    batches = [padded(rows[start : start + batch]) for start in range(0, len(rows), batch)]
    for each in batches:  # traces and warms up
        tag(tokens=tf.constant(each, tf.string))
    latencies: list[float] = []
    watch = Watch()
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        found = tag(tokens=tf.constant(batches[len(latencies) % len(batches)], tf.string))
        found["tags"].numpy(), found["confidence"].numpy()  # waits for the result
        latencies.append(time.perf_counter() - started)
    spent = watch.read()[CPU]
    latencies.sort()
    n = len(latencies)
    return {
        "requests": n * batch / seconds,
        **{f"p{share}": 1000 * latencies[min(n - 1, n * share // 100)] for share in (50, 95, 99, 100)},
        "cpu_ms": 1000 * spent / (n * batch),
        PEAK: peak_mb(),
    }


def padded(rows: list[list[str]]) -> list[list[str]]:
    width = max(map(len, rows))
    return [row + [""] * (width - len(row)) for row in rows]
