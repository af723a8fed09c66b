"""Scores of a tagger's recipe over several seeds: mean, standard deviation, training time.

    python benchmarks/accuracy.py deployments/taggers/wnut17.toml [more.toml] [--seeds 1 2 3]

Nothing is registered and no champion is asked: this measures the recipe, not a night.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
from datetime import date
from pathlib import Path
from typing import Any

from seqtag import steps
from seqtag.config import Settings, TaggerConfig, load_tagger
from seqtag.sealing import (
    read_json,
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("taggers", nargs="+", type=Path, metavar="TAGGER.toml")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    place = steps.Place.of(Settings())
    steps.confine_libraries(place.home)
    rows = []
    for path in arguments.taggers:
        config = load_tagger(path)
        results = [one_seed(config.model_copy(update={"seed": seed}), place) for seed in arguments.seeds]
        rows.append(row(config, results))
    print(f"\n{os.cpu_count()} cores, seeds {arguments.seeds}; standard deviation over the seeds\n")
    print("| Tagger | Recipe | Test score | Span F1, strict | Accuracy | Epochs kept | Training minutes |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(rows))


def one_seed(config: TaggerConfig, place: steps.Place) -> dict[str, Any]:
    """Run the verbs up to evaluation; return the scores, in percent."""
    run = steps.open_run(config, steps.ingest(config, place), place, as_of=date(1970, 1, 1))
    steps.validate(run)
    steps.split(run)
    steps.index(run)
    steps.encode(run)
    steps.train(run)
    steps.evaluate(run)
    metrics, history = read_json(run.metrics), read_json(run.history)
    scores = metrics["challenger"]
    strict = scores["spans"]["strict"]["micro"]["f1"]["value"] if scores["spans"] else None
    return {
        "metric": metrics["metric"],
        "score": 100 * (scores["score"]["value"] or 0.0),
        "strict": None if strict is None else 100 * strict,
        "accuracy": 100 * scores["accuracy"]["value"],
        "best": max(history, key=lambda epoch: epoch["dev_score"])["epoch"],
        "minutes": sum(epoch["seconds"] for epoch in history) / 60,
    }


def row(config: TaggerConfig, results: list[dict[str, Any]]) -> str:
    def spread(key: str) -> str:
        values = [result[key] for result in results if result[key] is not None]
        if not values:
            return "-"
        deviation = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
        return f"{statistics.mean(values):.2f}{deviation}"

    name = {"span_f1": "span F1", "accuracy": "accuracy"}[results[0]["metric"]]
    epochs = ", ".join(str(result["best"]) for result in results)
    return (
        f"| {config.name} | {config.train.recipe} | {name} {spread('score')} | {spread('strict')} "
        f"| {spread('accuracy')} | {epochs} | {spread('minutes')} |"
    )


if __name__ == "__main__":
    main()
