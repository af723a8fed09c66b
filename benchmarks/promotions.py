"""What the gate promotes: retrainings that are equally good, and ones with noise in the labels of one tag.

    SEQTAG_DATA=... python benchmarks/promotions.py [--nights 50] [--sequences 1500]

Each night trains on a resample of UD English-EWT's train and is judged against the night before on the
official test split, by the gate as it is and by two simpler rules. As the tagger stands a CRF that trains in
seconds (CRFsuite's averaged perceptron); the gate sees predictions alone. A promotion of an equally good
retraining is a false one. Then the same nights with a share of one tag's labels replaced by another tag.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.stats import binomtest

from seqtag import steps
from seqtag.baseline import write_baseline
from seqtag.config import EvaluateConfig, GateConfig, Settings, load_tagger
from seqtag.scoring import Opponent, decide_promotion

CHECKOUT = Path(__file__).resolve().parents[1]
NOISY, INSTEAD = "NOUN", "PROPN"
SHARES = (0.0, 0.05, 0.2)  # of the labels of NOISY


@dataclass(frozen=True)
class Night:
    """One training: which resample, how many of how many sequences, and how noisy."""

    number: int
    share: float
    n_sequences: int

    def predictions(self, folder: Path) -> Path:
        return folder / f"{self.number}-{self.share}-{self.n_sequences}.parquet"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nights", type=int, default=50)
    parser.add_argument("--sequences", type=int, default=1500, help="that each night trains on")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train, test = splits(folder / "home")
        nights = [
            Night(number, share, n_sequences)
            for n_sequences, shares in (
                (arguments.sequences, SHARES),
                (2 * arguments.sequences, SHARES[1:]),
            )
            for share in shares
            for number in range(arguments.nights + 1)
        ]
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(partial(trained, train=train, test=test, folder=folder), nights))
        tags = sorted({tag for tags in pq.read_table(train)["tags"].to_pylist() for tag in tags})
        tables(folder, tags, n_nights=arguments.nights, n_sequences=arguments.sequences)


def splits(home: Path) -> tuple[Path, Path]:
    """Return train and test of UD English-EWT as the steps write them."""
    place = steps.Place.of(Settings(home=home))
    config = load_tagger(CHECKOUT / "deployments/taggers/ud-english-ewt.toml")
    run = steps.open_run(config, steps.ingest(config, place), place, as_of=date(2026, 1, 1))
    steps.validate(run)
    steps.split(run)
    return run.split("train"), run.split("test")


def trained(night: Night, *, train: Path, test: Path, folder: Path) -> None:
    """Train on a night's resample, and write what that makes of test."""
    random = np.random.default_rng([night.number, night.n_sequences])
    sequences = pq.read_table(train)
    sample = sequences.take(random.integers(0, len(sequences), night.n_sequences))
    resampled = folder / f"train-{night.number}-{night.share}-{night.n_sequences}.parquet"
    pq.write_table(noisy(sample, night.share, random), resampled)
    predictions = night.predictions(folder)
    write_baseline(resampled, test, predictions, algorithm="crfsuite-ap", seed=night.number)
    table = pq.read_table(predictions)
    pq.write_table(table.append_column("seen", pa.array([False] * len(table))), predictions)


def noisy(table: pa.Table, share: float, random: np.random.Generator) -> pa.Table:
    """Replace a share of one tag's labels by another tag."""
    tags = table["tags"].combine_chunks()
    values = np.array(tags.values.to_pylist(), dtype=object)
    chosen = (values == NOISY) & (random.random(len(values)) < share)
    replaced = pa.ListArray.from_arrays(
        tags.offsets, pa.array(np.where(chosen, INSTEAD, values), pa.string())
    )
    return table.set_column(table.schema.get_field_index("tags"), "tags", replaced)


def tables(folder: Path, tags: Sequence[str], *, n_nights: int, n_sequences: int) -> None:
    equal = [Night(number, 0.0, n_sequences) for number in range(n_nights + 1)]
    clean = judged(equal[1:], equal[:-1], folder, tags)
    scores = [decision["challenger"] for decision in clean]
    noise = float(np.std(scores, ddof=1))
    mean = 100 * np.mean(scores)
    print(f"{n_nights} nights; accuracy {mean:.2f} +- {100 * noise:.2f} % between retrainings\n")
    print("| a night's training, against the night before | rule | promoted | rejected | held by a guard |")
    print("| --- | --- | --- | --- | --- |")
    rows(f"{n_sequences:,} sequences, equally good", clean)
    told = judged(equal[1:], equal[:-1], folder, tags, retraining_noise=noise)
    row(f"{n_sequences:,} sequences, equally good", f"the gate, told that noise is {100 * noise:.2f} %", told)
    for n, share in [(n, share) for n in (n_sequences, 2 * n_sequences) for share in SHARES[1:]]:
        worse = [Night(number, share, n) for number in range(1, n_nights + 1)]
        what = f"{n:,} sequences, {100 * share:.0f} % of {NOISY} said to be {INSTEAD}"
        rows(what, judged(worse, equal[:-1], folder, tags))


def judged(
    ours: Sequence[Night], theirs: Sequence[Night], folder: Path, tags: Sequence[str], **gate: Any
) -> list[Any]:
    return [
        decide_promotion(
            our.predictions(folder),
            Opponent("1", their.predictions(folder), tuple(tags)),
            tags=tags,
            scheme="none",
            gate=GateConfig(metric="accuracy", **gate),
            evaluate=EvaluateConfig(),
            metric="accuracy",
            seed=our.number,
        )
        for our, their in zip(ours, theirs, strict=True)
    ]


def rows(what: str, decisions: Sequence[Any]) -> None:
    n = len(decisions)
    better = sum(decision["difference"]["value"] > 0 for decision in decisions)
    print(f"| {what} | the latest serves | {rate(n, n)} | - | - |")
    print(f"| {what} | the higher score serves | {rate(better, n)} | - | - |")
    row(what, "the gate", decisions)


def row(what: str, rule: str, decisions: Sequence[Any]) -> None:
    n = len(decisions)
    promoted, rejected = (sum(d["verdict"] == each for d in decisions) for each in ("PROMOTE", "REJECT"))
    broken = [{r["rule"] for r in decision["rules"] if not r["held"]} for decision in decisions]
    guards = sum("no type or slice is worse" in rules for rules in broken)
    print(f"| {what} | {rule} | {rate(promoted, n)} | {rate(rejected, n)} | {rate(guards, n)} |")


def rate(k: int, n: int) -> str:
    """Return a share with its 95 % interval (Clopper and Pearson 1934)."""
    interval = binomtest(k, n).proportion_ci(0.95)
    return f"{k} of {n}: {100 * k / n:.0f} % [{100 * interval.low:.0f}, {100 * interval.high:.0f}]"


if __name__ == "__main__":
    main()
