"""Indexing and encoding a corpus with seqtag and with pandas: tokens per second and peak memory.

    python benchmarks/index_encode.py                      # 0.2, 2 and 20 million tokens
    python benchmarks/index_encode.py --sizes 0.2 --markdown table.md

Every contender runs in a fresh child process, from Parquet to Parquet (or .npy), without imports:

seqtag   train, dev and test as lists to words, characters, tags and padded windows
usual    a table with one token per row through `pandas.read_parquet`, `groupby.apply` to lists of
         (word, tag), a Python dict for the ids, `keras.utils.pad_sequences` to the longest sentence,
         `numpy.save`
careful  the same, written more carefully: ids by `Series.map`, then `groupby.agg(list)` of numbers
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

N_TYPES = 300_000
EXPONENT = 1.2  # about 25,000 distinct words in 0.2, 115,000 in 2 and 280,000 in 20 million tokens
LONGEST = 120  # tokens; CoNLL-2003 has 113, English-EWT 159
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-MISC", "I-MISC")
SEQUENCES_AT_A_TIME = 50_000
LONG_TABLE = "long.parquet"


def write_inputs(folder: Path, n_tokens: int) -> None:
    """Write the same Zipf corpus as splits for seqtag and as one long table for the others."""
    from seqtag.config import SplitConfig
    from seqtag.corpus.splits import split_corpus

    parts = []
    schema = pa.schema([("sentence", pa.int64()), ("word", pa.string()), ("tag", pa.string())])
    with pq.ParquetWriter(folder / LONG_TABLE, schema, compression="zstd") as long_table:
        for number, (batch, long_rows) in enumerate(_drawn(n_tokens)):
            parts.append(folder / f"part-{number:05d}.parquet")
            pq.write_table(pa.Table.from_batches([batch]), parts[-1], compression="zstd")
            long_table.write_table(pa.table(long_rows, schema))
    split_corpus(
        parts,
        quarantined=np.zeros(0, np.int64),
        config=SplitConfig(),
        scheme="none",
        train_scheme="IOB2",
        folder=folder,
    )


def seqtag_contender(folder: Path, out: Path) -> Callable[[], None]:
    from seqtag.config import SPLITS, FeaturesConfig
    from seqtag.features import encode_corpus, index_corpus

    def run() -> None:
        splits = {name: folder / f"{name}.parquet" for name in SPLITS}
        config = FeaturesConfig(min_count=1)  # the others keep every word too
        vocabulary, tags = index_corpus(
            splits["train"], declared=None, previous=(), scheme="none", config=config, folder=out
        )
        encode_corpus(splits, vocabulary, tags, config=config, folder=out / "encoded")

    return run


def usual_contender(folder: Path, out: Path) -> Callable[[], None]:
    import pandas as pd
    from keras.utils import pad_sequences

    def run() -> None:
        frame = pd.read_parquet(folder / LONG_TABLE)
        sentences = frame.groupby("sentence")[["word", "tag"]].apply(
            lambda rows: list(zip(rows["word"].tolist(), rows["tag"].tolist(), strict=True))
        )
        word2idx = {word: i + 2 for i, word in enumerate(frame["word"].unique())}
        tag2idx = {tag: i for i, tag in enumerate(frame["tag"].unique())}
        longest = max(map(len, sentences))
        x = pad_sequences([[word2idx[w] for w, _ in s] for s in sentences], maxlen=longest, padding="post")
        y = pad_sequences([[tag2idx[t] for _, t in s] for s in sentences], maxlen=longest, padding="post")
        _save(out, x, y, [word2idx, tag2idx])

    return run


def careful_contender(folder: Path, out: Path) -> Callable[[], None]:
    import pandas as pd
    from keras.utils import pad_sequences

    def run() -> None:
        frame = pd.read_parquet(folder / LONG_TABLE)
        word2idx = {word: i + 2 for i, word in enumerate(frame["word"].unique())}
        tag2idx = {tag: i for i, tag in enumerate(frame["tag"].unique())}
        frame["word"] = frame["word"].map(word2idx)
        frame["tag"] = frame["tag"].map(tag2idx)
        sentences = frame.groupby("sentence", sort=False)[["word", "tag"]].agg(list)
        longest = sentences["word"].map(len).max()
        x = pad_sequences(sentences["word"].tolist(), maxlen=longest, padding="post")
        y = pad_sequences(sentences["tag"].tolist(), maxlen=longest, padding="post")
        _save(out, x, y, [word2idx, tag2idx])

    return run


def _save(out: Path, x: np.ndarray, y: np.ndarray, ids: list[dict[str, int]]) -> None:
    np.save(out / "x.npy", x)
    np.save(out / "y.npy", y)
    (out / "ids.json").write_text(json.dumps(ids))


CONTENDERS = {"seqtag": seqtag_contender, "usual": usual_contender, "careful": careful_contender}


def child(contender: str, folder: Path, out: Path) -> None:
    """Run one contender and print its time and memory, excluding imports."""
    run = CONTENDERS[contender](folder, out)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of the imports
    before = _memory("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = _memory("VmHWM")
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak, "above_imports": peak - before}))


def measured(contenders: list[str], folder: Path, *, repeats: int) -> dict[str, dict[str, float]]:
    """Return the medians of each contender over fresh processes that take turns."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
    for name in contenders * repeats:
        with tempfile.TemporaryDirectory(dir=folder) as out:
            command = [sys.executable, __file__, "--child", name, str(folder), out]
            environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
            ended = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        if ended.returncode:
            raise RuntimeError(f"{name} failed:\n{ended.stderr}")
        runs[name].append(json.loads(ended.stdout.splitlines()[-1]))
    return {
        name: {key: statistics.median(run[key] for run in of) for key in of[0]} for name, of in runs.items()
    }


def table(sizes: list[float], contenders: list[str], folder: Path) -> str:
    """Return the Markdown table; a ratio is the contender's time divided by seqtag's.

    On a shared machine, the ratio of CPU seconds is more reliable than that of seconds.
    """
    lines = [
        "| million tokens | contender | seconds | CPU seconds | tokens/s | times seqtag's seconds"
        " | times its CPU seconds | peak MB | of it after imports |",
        "|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for size in sizes:
        corpus = folder / f"{size:g}"
        corpus.mkdir()
        n_tokens = round(size * 1e6)
        write_inputs(corpus, n_tokens)
        repeats = 3 if size <= 2 else 1
        results = measured(contenders, corpus, repeats=repeats)
        for name, r in results.items():
            ratio, cpu_ratio = (r[key] / results["seqtag"][key] for key in ("wall", "cpu"))
            lines.append(
                f"| {size:g} | {name} | {r['wall']:.2f} | {r['cpu']:.2f} | {n_tokens / r['wall']:,.0f} | "
                f"{ratio:.1f} | {cpu_ratio:.1f} | {r['peak']:,.0f} | {r['above_imports']:,.0f} |"
            )
            print(lines[-1], file=sys.stderr, flush=True)
        shutil.rmtree(corpus)
    return "\n".join(lines)


def _drawn(n_tokens: int):
    """Yield batches of the corpus, as a record batch and as columns of the long table."""
    from seqtag.corpus.schema import corpus_schema

    random = np.random.default_rng(7)
    words = _words(random)
    weights = np.cumsum((np.arange(N_TYPES) + 2.7) ** -EXPONENT)
    tags = pa.array(TAGS)
    first = 0
    while n_tokens > 0:
        lengths = np.clip(random.lognormal(2.8, 0.6, SEQUENCES_AT_A_TIME).round(), 1, LONGEST).astype(
            np.int64
        )
        lengths = lengths[: np.searchsorted(np.cumsum(lengths), n_tokens) + 1]
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
        rank = np.searchsorted(weights, random.random(lengths.sum()) * weights[-1])
        word_column = words.take(pa.array(rank))
        tag_column = tags.take(pa.array((rank * 7 % 41).clip(32, 40) - 32))  # about a fifth is not O
        numbers = np.arange(first, first + len(lengths))
        ids = pa.array(numbers).cast(pa.string())
        none = pa.nulls(len(lengths), pa.string())
        lists = [pa.ListArray.from_arrays(offsets, column) for column in (word_column, tag_column)]
        batch = pa.record_batch([ids, ids, none, *lists, none], schema=corpus_schema())
        yield batch, [np.repeat(numbers, lengths), word_column, tag_column]
        n_tokens -= int(lengths.sum())
        first += len(lengths)


def _words(random: np.random.Generator) -> pa.StringArray:
    """Return distinct words of 5 to 10 letters: five that encode a number, then random ones."""
    spelled = 97 + random.permutation(N_TYPES)[:, None] // 26 ** np.arange(5) % 26
    letters = np.concatenate([spelled, random.integers(97, 123, (N_TYPES, 5))], axis=1).astype(np.uint8)
    lengths = 5 + np.minimum(random.poisson(2.5, N_TYPES), 5)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    text = letters[np.arange(10) < lengths[:, None]]
    return pa.StringArray.from_buffers(N_TYPES, pa.py_buffer(offsets), pa.py_buffer(text))


def _memory(field: str) -> float:
    """Return a field of /proc/self/status in megabytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise KeyError(field)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.2, 2, 20], help="million tokens")
    parser.add_argument("--peers", nargs="*", default=["usual", "careful"], choices=["usual", "careful"])
    parser.add_argument("--markdown", type=Path, help="also write the table to this file")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        contender, folder, out = arguments.child
        child(contender, Path(folder), Path(out))
        return
    with tempfile.TemporaryDirectory() as folder:
        text = table(arguments.sizes, ["seqtag", *arguments.peers], Path(folder))
    print(text)
    if arguments.markdown:
        arguments.markdown.write_text(text + "\n")


if __name__ == "__main__":
    main()
