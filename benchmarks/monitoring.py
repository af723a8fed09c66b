"""How often monitoring alarms: without drift, and with shifts of several sizes; what a large corpus takes.

python benchmarks/monitoring.py [n_periods]
"""

from __future__ import annotations

import sys
import time
from typing import Any

from seqtag.config import MonitorConfig
from seqtag.monitoring import Comparison, Layout, compare, extent, judge_drift, plan_blocks, profile_period
from tests.unit.monitoring.simulation import TAGS, known, period

KNOWN, LAYOUT = known(), Layout.of(TAGS, "IOB2")
SIZES = ((300, 100), (300, 300), (2000, 60), (200, 600))  # documents of about 24 tokens: reference, new data
SHIFTS: dict[str, dict[str, Any]] = {
    "unknown tokens 5 % to 6 %": {"unknown": 0.06},
    "unknown tokens 5 % to 7 %": {"unknown": 0.07},
    "unknown tokens 5 % to 20 %": {"unknown": 0.2},
    "unseen spans 30 % to 45 %": {"unseen": 0.45},
    "PER 6 % to 8 %": {"shares": (0.06, 0.08)},
    "PER 6 % to 12 %": {"shares": (0.06, 0.12)},
    "length 8 to 9": {"mean_length": 9.0},
}


def main(n_periods: int) -> None:
    print("| quantile | reference | new data | shift | periods | alarms | retrain |")
    print("|---|---|---|---|---|---|---|")
    for quantile in (0.9, 0.99):
        for n_reference, n_current in SIZES:
            row(quantile, n_reference, n_current, "none", {}, n_periods)
    for name, shift in SHIFTS.items():
        row(0.99, 300, 100, name, shift, max(n_periods // 10, 1))
    large(100_000, 20_000)


def row(
    quantile: float, n_reference: int, n_current: int, name: str, shift: dict[str, Any], n_periods: int
) -> None:
    config = MonitorConfig(quantile=quantile)
    alarms = retrain = 0
    for i in range(n_periods):
        found = compared(config, 2 * i, n_reference=n_reference, n_current=n_current, shift=shift)
        statistics = compare([found], config=config, seed=i)
        alarms += any(s.alarms for s in statistics)
        retrain += judge_drift([found], statistics, [], config=config).verdict == "retrain"
    shares = f"{100 * alarms / n_periods:.1f} % | {100 * retrain / n_periods:.1f} %"
    print(f"| {quantile} | {n_reference} | {n_current} | {name} | {n_periods} | {shares} |", flush=True)


def compared(
    config: MonitorConfig, seed: int, *, n_reference: int, n_current: int, shift: dict[str, Any]
) -> Comparison:
    reference, current = period(n_reference, seed=seed), period(n_current, seed=seed + 1, **shift)
    now = profile_period([current], layout=LAYOUT, known=KNOWN)
    blocks = plan_blocks(extent([reference]), n_tokens=now.n_tokens, config=config)
    return Comparison("snapshot", profile_period([reference], layout=LAYOUT, known=KNOWN, blocks=blocks), now)


def large(n_reference: int, n_current: int) -> None:
    """Time a large corpus in batches of 10,000 sequences."""
    whole = period(n_reference, seed=1)
    reference = [whole.slice(i, 10_000) for i in range(0, whole.num_rows, 10_000)]
    config = MonitorConfig()
    now = profile_period([period(n_current, seed=2)], layout=LAYOUT, known=KNOWN)
    started = time.perf_counter()
    blocks = plan_blocks(extent(reference), n_tokens=now.n_tokens, config=config)
    planned = time.perf_counter()
    profile = profile_period(reference, layout=LAYOUT, known=KNOWN, blocks=blocks)
    read = time.perf_counter()
    compare([Comparison("snapshot", profile, now)], config=config, seed=1)
    done = time.perf_counter()
    print(
        f"\n{profile.n_tokens:,} tokens: blocks planned in {planned - started:.1f} s, counted in "
        f"{read - planned:.1f} s, {config.resamples:,} resamples in {done - read:.1f} s"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
