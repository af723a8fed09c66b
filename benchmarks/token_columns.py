"""Columns of tokens: the recipe `default` and a CRF with them, without them, and with them in the token.

    SEQTAG_DATA=/path/to/corpora python benchmarks/token_columns.py --seeds 1 2 3 4 5 --results columns.jsonl

All trainings run in this process and add a line of JSON to the results; trainings found there are not run
again. Each variant of a corpus has the same splits. Differences are taken seed by seed. A corpus that is not
there is skipped.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from peers.corpus import Prepared, configured, split_run, with_changed_splits, workspace_at
from peers.engine import train_bundle
from peers.measuring import keep_result, kept_results, machine, signed, spread, table

from seqtag import steps
from seqtag.baseline import write_baseline
from seqtag.config import NumberColumn, ReadColumn, TaggerConfig, config_digest
from seqtag.corpus.schema import TOKENS
from seqtag.corpus.token_values import token_values
from seqtag.errors import ConfigError
from seqtag.evaluation import TrainingHistory, evaluate_predictions
from seqtag.features import ColumnIndex, LearnedColumn, learn_columns
from seqtag.neural import write_predictions
from seqtag.steps.step import steps_code_version
from seqtag.tagging.ragged import flatten

BASELINE = "crfsuite-ap"
KEY = ["config", "variant", "seed"]


@dataclass(frozen=True)
class Variant:
    """Kinds of columns that the models read, or that are written into the token."""

    read: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    buckets: int = 0  # of numbers

    def columns(self, config: TaggerConfig, kinds: Collection[str]) -> tuple[ReadColumn, ...]:
        """Return the columns of these kinds, numbers with the buckets of this variant."""
        return tuple(
            column.model_copy(update={"buckets": self.buckets}) if column.kind == "number" else column
            for column in config.features.columns
            if column.kind in kinds
        )


ALL = ("category", "number", "time", "set")
NONE = "no columns"
VARIANTS: Mapping[str, Variant] = {
    NONE: Variant(),
    "values in the token": Variant(written=("category", "number"), buckets=4),
    "columns": Variant(read=ALL),
    "columns without times": Variant(read=("category", "number", "set")),
    "columns, numbers with 16 buckets": Variant(read=ALL, buckets=16),
}
KIND_OF_VARIANT = {  # a variant of a kind of columns, which not every corpus has
    "columns without times": "time",
    "columns, numbers with 16 buckets": "number",
}


def prepared(config: TaggerConfig, variant: Variant, home: Path) -> Prepared:
    """Run the steps up to encoded windows."""
    workspace = workspace_at(home)
    if written := variant.columns(config, variant.written):
        run = split_run(config, workspace)
        index = learn_columns(run.split("train"), written, home)
        changes = dict.fromkeys(("train", "dev", "test"), lambda split: with_values_in_tokens(split, index))
        config = with_changed_splits(config, run, changes)
    features = config.features.model_copy(update={"columns": variant.columns(config, variant.read)})
    run = split_run(config.model_copy(update={"features": features}), workspace)
    steps.index(run)
    steps.encode(run)
    return Prepared(run)


def with_values_in_tokens(split: pa.Table, index: ColumnIndex) -> pa.Table:
    """Return a split with tokens such as `Assign seriousness|Value 1|Value 3`."""
    tokens, offsets = flatten(split[TOKENS].combine_chunks())
    parts = [tokens.to_pylist()]
    for column in index.columns:
        texts = token_values(split[column.column.name].combine_chunks(), offsets)
        parts.append(written_values(column, texts))
    joined = ["|".join(of_token) for of_token in zip(*parts, strict=True)]
    position = split.schema.get_field_index(TOKENS)
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(joined, pa.string()))
    return split.set_column(position, TOKENS, lists)


def written_values(column: LearnedColumn, texts: pa.StringArray) -> list[str]:
    """Return values as text; numbers as the number of their bucket."""
    if isinstance(column.column, NumberColumn):
        return [str(bucket) for bucket in column.ids(texts).tolist()]
    return ["" if value is None else value for value in texts.to_pylist()]


def one_training(corpus: Prepared, seed: int) -> dict[str, Any]:
    """Train the recipe and the CRF, and tag test with both; scores are in percent."""
    run = corpus.run
    train, test = run.split("train"), run.split("test")
    with tempfile.TemporaryDirectory() as folder:
        bundle, predictions, baseline = (Path(folder) / name for name in ("bundle", "default", "crf"))
        train_bundle(corpus, run.output("encode"), corpus.config.train, seed=seed, out=bundle)
        write_predictions(bundle, test, predictions, scheme=corpus.scheme)
        columns = ColumnIndex.load(run.output("index"))
        write_baseline(train, test, baseline, algorithm=BASELINE, seed=seed, columns=columns)
        metrics = evaluate_predictions(
            predictions,
            None,
            train=train,
            scheme=corpus.scheme,
            config=corpus.config.evaluate,
            metric=corpus.metric,
            seed=seed,
            baseline=baseline,
            baseline_name=BASELINE,
        )
        history = TrainingHistory.load(bundle / "history.json")
    scores = {"default": metrics.challenger.score.value, BASELINE: metrics.baseline.score.value}
    return {
        **{name: 100 * (value or 0.0) for name, value in scores.items()},
        "metric": metrics.metric,
        "n_test_tokens": corpus.n_tokens("test"),
        "best_epoch": history.best.epoch,
        "seconds": sum(epoch.seconds for epoch in history.epochs),
    }


def complete(tagger: Path, seeds: Sequence[int], results: Path) -> list[dict[str, Any]]:
    """Return the results of a tagger, after running the trainings that are missing.

    Raises:
        ConfigError: the corpus is not there.
    """
    config = configured(tagger, {"train": {"recipe": "default"}})
    kinds = {column.kind for column in config.features.columns}
    done = kept_results(results, KEY)
    requested = []
    for name, variant in VARIANTS.items():
        if name in KIND_OF_VARIANT and KIND_OF_VARIANT[name] not in kinds:
            continue
        keys = [(config_digest(config), name, seed) for seed in seeds]
        requested += keys
        missing = [key for key in keys if key not in done]
        with tempfile.TemporaryDirectory() as home:
            corpus = prepared(config, variant, Path(home)) if missing else None
            for key in missing:
                about = {"tagger": config.name, **dict(zip(KEY, key, strict=True))}
                done[key] = {**about, "code": steps_code_version(), **one_training(corpus, key[-1])}
                keep_result(results, done[key])
    return [done[key] for key in requested]


def tagger_table(name: str, results: Sequence[Mapping[str, Any]]) -> str:
    """Return the Markdown table of one corpus."""
    by_variant: dict[str, dict[int, Mapping[str, Any]]] = {}
    for result in results:
        by_variant.setdefault(result["variant"], {})[result["seed"]] = result
    nothing, rows = by_variant[NONE], []
    for variant, by_seed in by_variant.items():
        row = [variant]
        for model in ("default", BASELINE):
            differences = [by_seed[seed][model] - nothing[seed][model] for seed in by_seed]
            scores = [result[model] for result in by_seed.values()]
            row += [spread(scores), "" if variant == NONE else signed(differences)]
        rows.append([*row, spread([result["seconds"] for result in by_seed.values()], 0)])
    (metric,) = {result["metric"] for result in results}
    (n_tokens,) = {result["n_test_tokens"] for result in results}
    columns = ["variant", "`default`", "difference", "CRFsuite", "difference", "training seconds"]
    title = f"{name}, {metric} on {n_tokens:,} test tokens, seeds {', '.join(map(str, nothing))}"
    return f"## {title}\n\n{table(columns, rows)}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = sorted((Path(__file__).parent / "taggers").glob("*.toml"))
    parser.add_argument("taggers", nargs="*", type=Path, default=default, metavar="TAGGER.toml")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("token_columns.jsonl"),
        help="JSON Lines file to append to and resume from",
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    print(f"{machine()}; mean ± standard deviation over the seeds, in percent and points\n")
    for tagger in arguments.taggers:
        try:
            results = complete(tagger, arguments.seeds, arguments.results)
        except ConfigError as error:
            print(f"{tagger.stem} was skipped: {error}\n")
            continue
        print(tagger_table(tagger.stem, results) + "\n", flush=True)
        if len({result["code"] for result in results}) > 1:
            print("The results come from several versions of the code.\n")


if __name__ == "__main__":
    main()
