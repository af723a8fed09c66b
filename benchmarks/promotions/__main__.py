"""Promotions by the gate in simulated years of retrainings that are equally good, and that are not.

    SEQTAG_DATA=... OMP_NUM_THREADS=1 python -m benchmarks.promotions --pool DIR [--parts years power ...]

Trains a pool of models once (120 on resamples of 1,500 sentences of the train split of UD English-EWT, 60
with relabelled nouns) and keeps their predictions in DIR; everything else is simulated from these.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable
from pathlib import Path

from benchmarks.promotions import tables
from benchmarks.promotions.pool import Training, read_pool, train_pool

N_EQUAL, N_NOISY = 120, 20
N_SEQUENCES = 1500
NOISY = ((N_SEQUENCES, 0.05), (N_SEQUENCES, 0.2), (2 * N_SEQUENCES, 0.2))
PARTS = ("screen", "years", "power", "growth", "guards", "labels")


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("benchmarks").setLevel(logging.INFO)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pool", type=Path, required=True, help="folder for the predictions of the models")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--years", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=1000, help="pairs of retrainings for the guardrails")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    equal = [Training(number, N_SEQUENCES) for number in range(N_EQUAL)]
    noisy = [Training(number, n, share) for n, share in NOISY for number in range(N_NOISY)]
    train_pool(arguments.pool, [*equal, *(noisy if "labels" in arguments.parts else [])])
    pool = read_pool(arguments.pool, equal)
    print(tables.described(pool))
    sizes: dict[str, int] = {"n_years": arguments.years, "processes": arguments.processes}
    if "screen" in arguments.parts:
        print(tables.screen(pool))
    if "years" in arguments.parts:
        _print(tables.years(pool, **sizes))
    if "power" in arguments.parts:
        _print(tables.power(pool, **sizes))
    if "growth" in arguments.parts:
        _print(tables.growth(pool, **sizes))
    if "guards" in arguments.parts:
        _print(tables.guards(pool, n_pairs=arguments.pairs, processes=arguments.processes))
    if "labels" in arguments.parts:
        both = read_pool(arguments.pool, [*equal, *noisy])
        _print(tables.labels(both, n_equal=len(equal), processes=arguments.processes))


def _print(lines: Iterable[str]) -> None:
    print()
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
