"""Ablation of the recipe `default`: the whole recipe, and with one part changed, over seeds.

    SEQTAG_DATA=/path/to/corpora python benchmarks/ablation.py deployments/taggers/wnut17.toml \\
        --seeds 1 2 3 --results ablation.jsonl

Each training runs in a separate process and adds a line of JSON to the results; trainings found there are not
run again. One training runs on each processor, which finishes more trainings than one after another on all of
them. Parts are compared on dev; test scores are shown for reference. Differences are taken seed by seed.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

from peers.corpus import configured, workspace_at
from peers.measuring import keep_result, kept_results, machine, signed, spread, table

from seqtag import steps
from seqtag.config import TaggerConfig, config_digest
from seqtag.evaluation import Metrics, TrainingHistory
from seqtag.steps.context import train_scheme
from seqtag.steps.step import steps_code_version

WHOLE = "whole"
# Changes to the tables of the TOML file, by part.
PARTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    WHOLE: {},
    "no affixes": {},
    "no characters": {},
    "no word dropout": {"model": {"word_dropout": 0.0}},
    "no variational dropout": {"model": {"dropout": 0.0, "recurrent_dropout": 0.0}},
    "no clipping": {"train": {"clip_norm": 0.0}},
    "no averaging": {"train": {"average": 0.0}},
    "average over a quarter": {"train": {"average": 0.25}},  # of an epoch
    "no decay": {"train": {"decay": 0.0}},
    "Adam on all rows": {"train": {"optimizer": "adam"}},
    "no averaging, Adam on all rows": {"train": {"average": 0.0, "optimizer": "adam"}},
    "softmax, all transitions": {"model": {"output": "softmax"}},
    "CRF": {"model": {"output": "crf"}},
    "IOB2 inside": {"tags": {"train_scheme": "IOB2"}},
    "two layers": {"model": {"layers": 2}},
}
# Features that a part sets to a constant, because a size of 0 is not allowed.
BLANK = {"no affixes": "affix_ids", "no characters": "character_ids"}
OF_SPANS = {"softmax, all transitions", "IOB2 inside"}  # equal to the whole recipe if tags have no scheme


def configuration(tagger: Path, part: str, *, seed: int, max_epochs: int | None) -> TaggerConfig:
    train = {"recipe": "default"} | ({} if max_epochs is None else {"max_epochs": max_epochs})
    changes = {"train": train, "evaluate": {"baseline": "none"}}
    for name, values in PARTS[part].items():
        changes[name] = {**changes.get(name, {}), **values}
    return configured(tagger, changes).model_copy(update={"seed": seed})


def one_training(config: TaggerConfig, part: str) -> dict[str, Any]:
    """Run the steps up to evaluation; scores are in percent."""
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        workspace = workspace_at(Path(home))
        if part in BLANK:
            stack.enter_context(blank_feature(BLANK[part]))
            for step in ("train", "evaluate"):  # a subprocess would not have it
                module = sys.modules[f"seqtag.steps.{step}"]
                stack.enter_context(mock.patch.object(module, "run_in_subprocess", run_here))
        run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(1970, 1, 1))
        for step in (steps.validate, steps.split, steps.index, steps.encode):
            step(run)
        started = time.monotonic()
        steps.train(run)
        seconds = time.monotonic() - started
        steps.retrain_champion(run)
        steps.evaluate(run)
        best = TrainingHistory.load(run.history).best
        metrics = Metrics.load(run.metrics)
        return {
            "metric": metrics.metric,
            "scheme": train_scheme(run),
            "dev": 100 * best.dev_score,
            "dev_accuracy": 100 * best.dev_accuracy,
            "test": 100 * (metrics.challenger.score.value or 0.0),
            "best_epoch": best.epoch,
            "minutes": seconds / 60,
        }


def run_here(function: Any, /, *, on_message: Any = None, **arguments: Any) -> Any:
    """Call a function as `run_in_subprocess` does, in this process."""
    return function(**arguments) if on_message is None else function(**arguments, send=on_message)


def blank_feature(name: str) -> Any:
    """Set one feature to the same value for every token."""
    from seqtag.neural._tensorflow import tf
    from seqtag.neural.layers.token_features import TokenFeatures

    original = TokenFeatures.__call__

    def constant(self: TokenFeatures, tokens: Any) -> dict[str, Any]:
        features = original(self, tokens)
        return {**features, name: tf.zeros_like(features[name])}

    return mock.patch.object(TokenFeatures, "__call__", constant)


def complete(taggers: Sequence[Path], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the requested results, after running those that are missing."""
    done = kept_results(arguments.results, ["config", "part"])
    requested, missing = [], {}
    for seed in arguments.seeds:
        for tagger in taggers:
            for part in [WHOLE, *(part for part in arguments.parts if part != WHOLE)]:
                config = configuration(tagger, part, seed=seed, max_epochs=arguments.max_epochs)
                if part in OF_SPANS and config.tags.scheme == "none":
                    continue
                key = config_digest(config), part
                requested.append(key)
                if key not in done:
                    missing[key] = (tagger, part, seed, arguments)
    processors = sorted(os.sched_getaffinity(0))
    shares = iter([processors[n :: arguments.at_once] for n in range(arguments.at_once)])

    def take_share() -> None:
        os.sched_setaffinity(0, next(shares))  # of this thread and the processes that it starts

    with ThreadPoolExecutor(arguments.at_once, initializer=take_share) as pool:
        running = {pool.submit(in_fresh_process, *of): key for key, of in missing.items()}
        for ended in as_completed(running):
            result = done[running[ended]] = ended.result()
            keep_result(arguments.results, result)
    return [done[key] for key in requested]


def in_fresh_process(tagger: Path, part: str, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, str(tagger), "--seeds", str(seed), "--child", part]
    if arguments.max_epochs is not None:
        command += ["--max-epochs", str(arguments.max_epochs)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    ended = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, env=environment)
    if ended.returncode:
        raise RuntimeError(
            f"{tagger.name}, {part}, seed {seed} failed; finished trainings are kept in the results"
        )
    return json.loads(ended.stdout.splitlines()[-1])


def tagger_table(name: str, results: Sequence[Mapping[str, Any]]) -> str:
    """Return the Markdown table of one tagger."""
    by_part: dict[str, dict[int, Mapping[str, Any]]] = {}
    for result in results:
        by_part.setdefault(result["part"], {})[result["seed"]] = result
    whole, rows = by_part[WHOLE], []
    for part, by_seed in by_part.items():
        row = [part]
        for split in ("dev", "test"):
            differences = [by_seed[seed][split] - whole[seed][split] for seed in by_seed]
            scores = [result[split] for result in by_seed.values()]
            row += [spread(scores), "" if part == WHOLE else signed(differences)]
        rows.append([*row, spread([result["minutes"] for result in by_seed.values()], 1)])
    metric = {"accuracy": "accuracy", "span_f1": "span F1"}[results[0]["metric"]]
    columns = ["recipe", f"dev {metric}", "difference", f"test {metric}", "difference", "training minutes"]
    return f"## {name}, seeds {', '.join(map(str, whole))}\n\n{table(columns, rows)}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("taggers", nargs="+", type=Path, metavar="TAGGER.toml")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="PART")
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("ablation.jsonl"),
        help="JSON Lines file to append to and resume from",
    )
    parser.add_argument(
        "--at-once", type=int, default=len(os.sched_getaffinity(0)), help="trainings at the same time"
    )
    parser.add_argument("--max-epochs", type=int, help="fewer epochs than in the TOML files")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if arguments.child:
        tagger, seed, part = arguments.taggers[0], arguments.seeds[0], arguments.child
        config = configuration(tagger, part, seed=seed, max_epochs=arguments.max_epochs)
        about = {"tagger": config.name, "part": part, "seed": seed, "config": config_digest(config)}
        print(json.dumps({**about, "code": steps_code_version(), **one_training(config, part)}))
        return
    results = complete(arguments.taggers, arguments)
    print(f"\n{machine()}; mean ± standard deviation over the seeds, in percent and points\n")
    if len({result["code"] for result in results}) > 1:
        print("The results come from several versions of the code.\n")
    for name in dict.fromkeys(result["tagger"] for result in results):
        print(tagger_table(name, [result for result in results if result["tagger"] == name]) + "\n")


if __name__ == "__main__":
    main()
