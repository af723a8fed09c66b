"""Coverage of the 95 % intervals of shares, compared with a plain percentile bootstrap over tokens.

python benchmarks/intervals.py [n_splits]
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt

from seqtag.evaluation.bootstrap import resampled_totals
from seqtag.evaluation.counts import Dense
from seqtag.evaluation.prf import percentile, ratio, share

SUPPORTS = (5, 10, 20, 50, 100, 300, 1000)
TRUTHS = (0.5, 0.8, 0.9, 0.99)
CORRELATION = 0.2  # within a document
LONGEST = 9  # tokens of a document: 1 to 9, 5 on average
CONFIDENCE, RESAMPLES = 0.95, 200

Interval = tuple[float, float]


def main(n_splits: int) -> None:
    heads = ["tokens", "support", *(f"true value {truth:g}" for truth in TRUTHS)]
    print(f"| {' | '.join(heads)} |")
    print(f"|---|---:|{'---|' * len(TRUTHS)}")
    for name, correlation in (("independent", 0.0), ("in documents", CORRELATION)):
        for support in SUPPORTS:
            cells = [cell(support, truth, correlation, n_splits) for truth in TRUTHS]
            print(f"| {name} | {support:,} | {' | '.join(cells)} |", flush=True)


def cell(support: int, truth: float, correlation: float, n_splits: int) -> str:
    """Return coverage and, in brackets, mean width of both intervals over simulated test splits."""
    generator = np.random.default_rng(support)
    covered, widths = np.zeros(2), np.zeros(2)
    for seed in range(n_splits):
        right, documents = test_split(generator, support, truth, correlation)
        for i, (low, high) in enumerate(intervals(right, documents, seed)):
            covered[i] += low <= truth <= high
            widths[i] += high - low
    shares, means = 100 * covered / n_splits, widths / n_splits
    return f"**{shares[0]:.1f} %** ({means[0]:.3f}), {shares[1]:.1f} % ({means[1]:.3f})"


def test_split(
    generator: np.random.Generator, support: int, truth: float, correlation: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.uint64]]:
    """Return the correctness of `support` tokens and their documents."""
    lengths = generator.integers(1, LONGEST + 1, support) if correlation else np.ones(support, np.int64)
    documents = np.repeat(np.arange(support, dtype=np.uint64), lengths)[:support]
    shares = np.full(support, truth)
    if correlation:
        worth = (1 - correlation) / correlation
        shares = generator.beta(worth * truth, worth * (1 - truth), support)
    return generator.random(support) < shares[documents.astype(np.int64)], documents


def intervals(
    right: npt.NDArray[np.bool_], documents: npt.NDArray[np.uint64], seed: int
) -> tuple[Interval, Interval]:
    """Return seqtag's interval, and the plain percentile interval over tokens."""
    table = Dense(np.stack([right, np.ones_like(right)], axis=1).astype(np.float32))
    ends = []
    for units in (documents, np.arange(len(right), dtype=np.uint64)):
        (totals,) = resampled_totals([table], units=units, resamples=RESAMPLES, seed=seed)
        shares, n_units = ratio(*totals.sums.T), int(totals.n_units[1])
        found = (
            share(shares, trials=len(right), n_units=n_units, confidence=CONFIDENCE)
            if not ends
            else percentile(shares, support=len(right), n_units=n_units, confidence=CONFIDENCE)
        )
        ends.append((found.low or 0.0, 1.0 if found.high is None else found.high))
    return ends[0], ends[1]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
