"""Accuracy of a tagger's recipe over several seeds: mean, standard deviation and training time.

    python benchmarks/accuracy.py deployments/taggers/wnut17.toml [more.toml] [--seeds 1 2 3 4 5]
                                  [--recipe base] [--baseline crfsuite-ap]

A baseline is scored too if the TOML file names one. Nothing is registered and no champion is involved: this
measures the recipe, not a complete run.
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
from seqtag.config import Settings, TaggerConfig, load_tagger, redirect_library_caches
from seqtag.evaluation import Metrics, TrainingHistory


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("taggers", nargs="+", type=Path, metavar="TAGGER.toml")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument("--recipe", help="recipe to use instead of the one in the TOML file")
    parser.add_argument("--baseline", help="baseline to use instead, such as crfsuite-ap")
    arguments = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("seqtag").setLevel(logging.INFO)
    workspace = steps.Workspace.of(Settings())
    redirect_library_caches(workspace.home.caches)
    rows = []
    for path in arguments.taggers:
        results = []
        for seed in arguments.seeds:
            config = changed(load_tagger(path), seed, arguments.recipe, arguments.baseline)
            results.append(one_seed(config, workspace))
        rows.append(row(config, results))
    print(f"\n{os.cpu_count()} cores, seeds {arguments.seeds}; standard deviation over the seeds\n")
    print(
        "| Tagger | Recipe | Test score | Span F1, strict | Accuracy | Calibration error, tokens "
        "| Epochs kept | Training minutes | Baseline |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    print("\n".join(rows))


def changed(config: TaggerConfig, seed: int, recipe: str | None, baseline: str | None) -> TaggerConfig:
    """Return the configuration with another seed and, if given, another recipe with its own defaults."""
    tables = config.model_dump(mode="json", exclude_unset=True) | {"seed": seed}
    kept = {
        "train": ("max_epochs", "patience"),
        "tags": ("scheme", "declared"),
        "features": ("bucket_lengths",),
    }
    if recipe is not None:
        for name, keys in kept.items():  # drop the defaults of the recipe in the file
            tables[name] = {key: value for key, value in tables.get(name, {}).items() if key in keys}
        tables["train"]["recipe"] = recipe
    if baseline is not None:
        tables["evaluate"] = tables.get("evaluate", {}) | {"baseline": baseline}
    return TaggerConfig.model_validate(tables)


def one_seed(config: TaggerConfig, workspace: steps.Workspace) -> dict[str, Any]:
    """Run the steps up to evaluation; return the scores in percent."""
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(1970, 1, 1))
    steps.validate(run)
    steps.split(run)
    steps.index(run)
    steps.encode(run)
    steps.train(run)
    if config.evaluate.baseline != "none":
        steps.baseline(run)
    steps.retrain_champion(run)
    steps.evaluate(run)
    metrics, history = Metrics.load(run.metrics), TrainingHistory.load(run.history)
    scores = metrics.challenger
    strict = scores.spans["strict"].micro.f1.value if scores.spans else None
    return {
        "metric": metrics.metric,
        "score": 100 * (scores.score.value or 0.0),
        "strict": None if strict is None else 100 * strict,
        "accuracy": 100 * scores.accuracy.value,
        "calibration": 100 * scores.calibration.tokens.ece.value,
        "baseline": 100 * metrics.baseline.score.value if metrics.baseline else None,
        "best": history.best.epoch,
        "minutes": sum(epoch.seconds for epoch in history.epochs) / 60,
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
        f"| {spread('accuracy')} | {spread('calibration')} | {epochs} | {spread('minutes')} "
        f"| {spread('baseline')} |"
    )


if __name__ == "__main__":
    main()
