"""Validation of a corpus by seqtag and by Great Expectations on a row per token: seconds and peak memory.

    python benchmarks/validation.py                        # 0.2, 2 and 20 million tokens
    python benchmarks/validation.py --sizes 0.2 2 --faults 0.05

Every contender runs in a fresh child process, from Parquet to a verdict:

seqtag     all default rules, quarantine.parquet and the Data Docs
seqtag+    the same with the ten checks of `gx` in [quality.expectations], one with severity quarantine
gx         a pandas table with one token per row, ten checks of Great Expectations, summary results; no checks
           of tag schemes, aligned lengths, duplicate sequences or leakage, and no pages
gx-rows    the same with `unexpected_index_column_names`, to report the failing rows

Great Expectations needs a Python loop per failing row, so --gx-up-to and --gx-rows-up-to limit its sizes.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")
N_TYPES = 300_000
BATCH = 20_000  # sequences drawn at a time
LONG = "long.parquet"


def write_inputs(folder: Path, n_tokens: int, *, faults: float) -> None:
    """Write the same corpus as a snapshot and as a long table; `faults`: share of invalid sequences."""
    from seqtag.corpus import corpus_schema, write_corpus

    schema = pa.schema(
        [("sequence_id", pa.string()), ("position", pa.int64()), ("token", pa.string()), ("tag", pa.string())]
    )
    (folder / "snapshot").mkdir()
    with pq.ParquetWriter(folder / LONG, schema, compression="zstd") as long:

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in drawn(n_tokens, faults=faults):
                long.write_table(one_row_per_token(batch, schema))
                yield batch

        write_corpus(batches(), corpus_schema(), folder / "snapshot")


def drawn(n_tokens: int, *, faults: float) -> Iterator[pa.RecordBatch]:
    """Yield sequences of Zipf words with IOB2 entities; some have an empty token or an illegal tag."""
    from seqtag.corpus import corpus_schema

    random = np.random.default_rng(11)
    words = pa.array([f"w{i:x}" for i in range(N_TYPES)])
    weights = np.cumsum((np.arange(N_TYPES) + 2.7) ** -1.2)
    first = 0
    while n_tokens > 0:
        lengths = np.clip(random.lognormal(2.6, 0.5, BATCH).round(), 1, 120).astype(np.int64)
        lengths = lengths[: np.searchsorted(np.cumsum(lengths), n_tokens) + 1]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        n = int(starts[-1])
        begins = random.random(n) < 0.1
        kind = random.integers(0, 3, n)
        tag = np.where(begins, 1 + 2 * kind, 0)
        inside = np.flatnonzero(begins[:-1] & ~begins[1:]) + 1
        inside = inside[~np.isin(inside, starts) & (random.random(len(inside)) < 0.6)]
        tag[inside] = tag[inside - 1] + 1
        word = np.searchsorted(weights, random.random(n) * weights[-1])
        wrong = np.flatnonzero(random.random(len(lengths)) < faults)
        tag[starts[wrong[::2]]] = 2  # I-PER begins a sequence
        text = words.take(pa.array(word))
        emptied = np.zeros(n, dtype=np.bool_)
        emptied[starts[wrong[1::2]]] = True
        text = pc.if_else(pa.array(emptied), "", text)
        offsets = pa.array(starts, pa.int32())
        ids = pa.array(np.arange(first, first + len(lengths))).cast(pa.string())
        none = pa.nulls(len(lengths), pa.string())
        lists = [pa.ListArray.from_arrays(offsets, values) for values in (text, pa.array(TAGS).take(tag))]
        yield pa.record_batch([ids, ids, none, *lists, none], schema=corpus_schema())
        n_tokens -= n
        first += len(lengths)


def one_row_per_token(batch: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    offsets = batch["tokens"].offsets.to_numpy()
    lengths = np.diff(offsets)
    ids = batch["sequence_id"].take(pa.array(np.repeat(np.arange(len(batch)), lengths)))
    position = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    return pa.table([ids, pa.array(position), batch["tokens"].values, batch["tags"].values], schema=schema)


def seqtag_contender(folder: Path, out: Path) -> Callable[[], None]:
    return _validation(folder, out, {})


def expectations_contender(folder: Path, out: Path) -> Callable[[], None]:
    import seqtag.quality.table_expectations  # noqa: F401 - imports are not timed

    def expect(name: str, **kwargs: object) -> dict[str, object]:
        return {"table": "tokens", "type": f"expect_{name}", "kwargs": kwargs}

    columns = ("sequence_id", "position", "token", "tag")
    pattern = expect("column_values_to_not_match_regex", column="token", regex="fff")
    expectations = {
        **{f"no_null_{name}": expect("column_values_to_not_be_null", column=name) for name in columns},
        "rows": expect("table_row_count_to_be_between", min_value=10),
        "lengths": expect("column_value_lengths_to_be_between", column="token", min_value=1, max_value=1000),
        "tags": expect("column_values_to_be_in_set", column="tag", value_set=list(TAGS)),
        "positions": expect("column_values_to_be_between", column="position", min_value=1, max_value=9_999),
        "pattern": pattern | {"severity": "quarantine"},
        "keys": expect("compound_columns_to_be_unique", column_list=["sequence_id", "position"]),
    }
    return _validation(folder, out, {"expectations": expectations})


def _validation(folder: Path, out: Path, quality: dict[str, object]) -> Callable[[], None]:
    from seqtag.config import QualityConfig, SplitConfig, TagsConfig
    from seqtag.quality import validate

    def run() -> None:
        validate(
            sorted((folder / "snapshot").glob("part-*.parquet")),
            columns=(),
            tags=TagsConfig(),
            quality=QualityConfig.model_validate(quality),
            split=SplitConfig(),
            previous=None,
            folder=out,
        )

    import seqtag.quality.gx_validation  # noqa: F401 - imports are not timed

    return run


def gx_contender(folder: Path, _: Path) -> Callable[[], None]:
    return _token_level(folder, "SUMMARY")


def gx_rows_contender(folder: Path, _: Path) -> Callable[[], None]:
    columns = ["sequence_id", "position"]
    return _token_level(folder, {"result_format": "COMPLETE", "unexpected_index_column_names": columns})


def _token_level(folder: Path, result_format: str | dict) -> Callable[[], None]:
    import great_expectations as gx
    import great_expectations.expectations as gxe
    import pandas as pd

    def run() -> None:
        frame = pd.read_parquet(folder / LONG)
        context = gx.get_context(mode="ephemeral")
        asset = context.data_sources.add_pandas("p").add_dataframe_asset("tokens")
        batch = asset.add_batch_definition_whole_dataframe("b").get_batch({"dataframe": frame})
        checks = [
            *(gxe.ExpectColumnValuesToNotBeNull(column=name) for name in frame.columns),
            gxe.ExpectTableRowCountToBeBetween(min_value=10),
            gxe.ExpectColumnValueLengthsToBeBetween(column="token", min_value=1, max_value=1000),
            gxe.ExpectColumnValuesToBeInSet(column="tag", value_set=list(TAGS)),
            gxe.ExpectColumnValuesToBeBetween(column="position", min_value=0, max_value=9_999),
            gxe.ExpectColumnValuesToNotMatchRegex(column="token", regex=r"^\s*$"),
            gxe.ExpectCompoundColumnsToBeUnique(column_list=["sequence_id", "position"]),
        ]
        batch.validate(gx.ExpectationSuite("tokens", expectations=checks), result_format=result_format)

    return run


CONTENDERS = {
    "seqtag": seqtag_contender,
    "seqtag+": expectations_contender,
    "gx": gx_contender,
    "gx-rows": gx_rows_contender,
}


def child(contender: str, folder: Path, out: Path) -> None:
    """Run one contender; print its seconds without imports and the peak memory of the process."""
    logging.disable()
    run = CONTENDERS[contender](folder, out)
    imports = _peak()
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": _peak(), "imports": imports}))


def measured(contender: str, folder: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=folder) as out:
        command = [sys.executable, __file__, "--child", contender, str(folder), out]
        lines = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(lines.stdout.splitlines()[-1])


def table(sizes: list[float], limits: dict[str, float], *, faults: float) -> str:
    """Return the Markdown table; a ratio is the contender's seconds divided by seqtag's."""
    lines = [
        "| million tokens | contender | seconds | CPU seconds | tokens/s "
        "| times seqtag | peak MB | imports MB |",
        "|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_inputs(Path(folder), round(size * 1e6), faults=faults)
            seconds = {}
            for name in CONTENDERS:
                if size > limits[name]:
                    continue
                took = measured(name, Path(folder))
                seconds[name] = took["wall"]
                lines.append(
                    f"| {size:g} | {name} | {took['wall']:.2f} | {took['cpu']:.2f} | "
                    f"{size * 1e6 / took['wall']:,.0f} | {took['wall'] / seconds['seqtag']:.1f} | "
                    f"{took['peak']:,.0f} | {took['imports']:,.0f} |"
                )
                print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


def _peak() -> float:
    """Return the peak resident memory of this process in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.2, 2, 20], help="million tokens")
    parser.add_argument("--faults", type=float, default=0.005, help="share of invalid sequences")
    parser.add_argument("--gx-up-to", type=float, default=20, help="million tokens")
    parser.add_argument("--gx-rows-up-to", type=float, default=2, help="million tokens")
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        contender, folder, out = arguments.child
        child(contender, Path(folder), Path(out))
        return
    limits = {
        "seqtag": float("inf"),
        "seqtag+": float("inf"),
        "gx": arguments.gx_up_to,
        "gx-rows": arguments.gx_rows_up_to,
    }
    text = table(arguments.sizes, limits, faults=arguments.faults)
    print(text)
    if arguments.markdown:
        arguments.markdown.write_text(text + "\n")


if __name__ == "__main__":
    main()
