"""Alarm rates of monitoring with and without drift, for repeating sequences and differing periods.

python benchmarks/monitoring.py [n_runs]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import beta

from seqtag.config import MonitorConfig
from seqtag.monitoring import (
    CountColumns,
    ProfilePair,
    TrainingReference,
    compare,
    extent,
    judge_drift,
    plan_blocks,
    profile_period,
)
from seqtag.monitoring.validity import IN_TRAIN
from tests.unit.monitoring.simulation import TAGS, by_month, known, period, traffic, trained_on

LAYOUT = CountColumns.of(TAGS, "IOB2")
UNDATED, DATED = MonitorConfig(), MonitorConfig(period_column="day")
N_REFERENCE, N_NEW = 2000, 400  # sequences of about 8 tokens
N_MONTHS, N_A_MONTH, SPREAD = 12, 400, 0.5
REPEATING = (0.0, 0.3, 0.6)
SHIFTS: dict[str, dict[str, Any]] = {
    "unknown tokens 5 % to 10 %": {"unknown": 0.1},
    "unknown tokens 5 % to 20 %": {"unknown": 0.2},
    "one tag 6 % to 9 %": {"shares": (0.06, 0.09)},
    "one tag 6 % to 12 %": {"shares": (0.06, 0.12)},
}
Pair = tuple[pa.RecordBatch, pa.RecordBatch, TrainingReference]  # reference, new data, training reference


def main(n_runs: int) -> None:
    print(
        "| repeats | data | shift of sequences that do not repeat | runs with an alarm | verdict `retrain` |"
    )
    print("|---|---|---|---|---|")
    measured("-", "300 and 100 documents", "none", UNDATED, of_documents, n_runs)
    quiet, few = 0, max(n_runs // 10, 1)
    for repeating in REPEATING:
        share = f"{100 * repeating:.0f} %"
        quiet += measured(share, "undated", "none", UNDATED, undated(repeating, {}), n_runs)
        quiet += measured(share, "equal months", "none", DATED, dated(repeating, 0.0, {}), n_runs)
        quiet += measured(share, "differing months", "none", DATED, dated(repeating, SPREAD, {}), n_runs)
        measured(share, "undated, held-out reference", "none", UNDATED, held_out(repeating), few)
    total = 3 * len(REPEATING) * n_runs
    print(f"| together | all but held-out | none | {share_of(quiet, total)} | |")
    for repeating in REPEATING:
        share = f"{100 * repeating:.0f} %"
        for name, shift in SHIFTS.items():
            measured(share, "undated", name, UNDATED, undated(repeating, shift), few)
            measured(share, "equal months", name, DATED, dated(repeating, 0.0, shift), few)
    large(100_000, 20_000)


def measured(
    repeats: str, data: str, shift: str, config: MonitorConfig, pair: Callable[[int], Pair], n_runs: int
) -> int:
    """Print a row and return the number of runs with an alarm."""
    alarms = retrain = 0
    for seed in range(n_runs):
        reference, new, shown = pair(seed)
        found = compared(reference, new, shown, config)
        statistics = compare([found], config=config, seed=seed)
        alarms += any(s.alarms for s in statistics)
        retrain += judge_drift([found], statistics, [], config=config).verdict == "retrain"
    print(f"| {repeats} | {data} | {shift} | {share_of(alarms, n_runs)} | {retrain} |", flush=True)
    return alarms


def share_of(hits: int, n: int) -> str:
    low, high = exact_interval(hits, n)
    return f"{hits} of {n}: {100 * hits / n:.1f} % [{low:.1f}, {high:.1f}]"


def exact_interval(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of Clopper and Pearson (1934), in percent."""
    low = beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    return 100 * float(low), 100 * float(high)


def of_documents(seed: int) -> Pair:
    """Draw documents of 1 to 5 similar sequences, with a fixed vocabulary."""
    return period(300, seed=2 * seed), period(100, seed=2 * seed + 1), known()


def undated(repeating: float, shift: dict[str, Any]) -> Callable[[int], Pair]:
    def pair(seed: int) -> Pair:
        reference, shown = trained_on(traffic(N_REFERENCE, seed=2 * seed + 1, repeating=repeating))
        return reference, traffic(N_NEW, seed=2 * seed + 2, repeating=repeating, **shift), shown

    return pair


def held_out(repeating: float) -> Callable[[int], Pair]:
    """Draw the same with only dev and test as the reference, which is biased if sequences repeat."""

    def pair(seed: int) -> Pair:
        reference, new, shown = undated(repeating, {})(seed)
        return reference.filter(pc.invert(reference.column(IN_TRAIN))), new, shown

    return pair


def dated(repeating: float, spread: float, shift: dict[str, Any]) -> Callable[[int], Pair]:
    def pair(seed: int) -> Pair:
        months = by_month(N_MONTHS + 1, N_A_MONTH, seed=seed + 1, spread=spread, repeating=repeating)
        reference, shown = trained_on(pa.concat_batches(months[:-1]))
        new = months[-1]
        if shift:
            new = traffic(N_A_MONTH, seed=10**6 + seed, repeating=repeating, **shift)
        return reference, new, shown

    return pair


def compared(
    reference: pa.RecordBatch, new: pa.RecordBatch, shown: TrainingReference, config: MonitorConfig
) -> ProfilePair:
    now = profile_period([new], layout=LAYOUT, known=shown)
    size = extent([reference], column=config.period_column, length=config.period)
    blocks = plan_blocks(size, n_tokens=now.n_tokens, config=config)
    if blocks.column is not None:
        shown = shown.without_periods([reference], blocks=blocks, scheme=LAYOUT.scheme)
    before = profile_period([reference], layout=LAYOUT, known=shown, blocks=blocks)
    return ProfilePair("snapshot", before, now)


def large(n_reference: int, n_current: int) -> None:
    """Measure the CPU time of a large corpus in batches of 10,000 sequences."""
    whole, shown = trained_on(period(n_reference, seed=1))
    reference = [whole.slice(i, 10_000) for i in range(0, whole.num_rows, 10_000)]
    now = profile_period([period(n_current, seed=2)], layout=LAYOUT, known=shown)
    started = time.process_time()
    blocks = plan_blocks(extent(reference), n_tokens=now.n_tokens, config=UNDATED)
    planned = time.process_time()
    profile = profile_period(reference, layout=LAYOUT, known=shown, blocks=blocks)
    read = time.process_time()
    compare([ProfilePair("snapshot", profile, now)], config=UNDATED, seed=1)
    done = time.process_time()
    print(
        f"\n{profile.n_tokens:,} tokens: blocks planned in {planned - started:.1f} s, counted in "
        f"{read - planned:.1f} s, {UNDATED.resamples:,} resamples in {done - read:.1f} s of CPU time"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
