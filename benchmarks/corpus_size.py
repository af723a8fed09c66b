"""Memory, time and disk space of each step, as a corpus grows from 2 to 200 million tokens.

    SEQTAG_DATA=/path/to/corpora python benchmarks/corpus_size.py              # 2, 20 and 200 million tokens
    SEQTAG_DATA=/path/to/corpora python benchmarks/corpus_size.py --sizes 2 --steps ingest validate
    SEQTAG_DATA=/path/to/corpora python benchmarks/corpus_size.py --sizes 2 20 --new-words 0.02

The corpus is UD English-EWT, repeated in Parquet with its splits. In each copy one token in ten becomes
another word with the same tag, so that sequences differ, and documents have other names. With `--new-words`,
that share of the tokens becomes words that occur nowhere else, so that the number of words grows, too.

Each step runs in a fresh process. Seconds and CPU seconds are without imports. Peak memory (resident set) is
that of the largest process, imports included. `train` is measured up to its first step of the optimizer, and
its memory over 20 steps. `predict` tags the test split with a tagger that was trained for one epoch on UD
English-EWT itself, and `score` compares the result with the gold tags.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from peers.corpus import workspace_at
from peers.measuring import CPU, PEAK, SECONDS, Watch, machine, peak_mb, table
from peers.repeated_corpus import write_repeated, write_small

from seqtag import steps
from seqtag.config import TaggerConfig
from seqtag.run_dir import RunDir

CHECKOUT = Path(__file__).resolve().parents[1]
DAY = date(2026, 1, 1)
REPLACED = 0.1  # share of the tokens of a copy
TRAINING_STEPS = 20
STEPS = ("ingest", "validate", "split", "index", "encode", "train", "predict", "score")
SOURCE, SMALL, PREDICTIONS = "corpus.parquet", "small.parquet", "predictions.parquet"
LATE_IMPORTS = {
    "validate": ("seqtag.quality.data_docs", "seqtag.quality.gx_validation"),
    "train": ("seqtag.neural.training.engine",),
    "predict": ("seqtag.neural.network",),
}
OPENED, TRAINED = "opened.txt", "trained.txt"  # paths of run directories
BYTES = "bytes"


def config_of(folder: Path, source: str) -> TaggerConfig:
    read = {
        "format": "parquet",
        "path": str(folder / source),
        "document_column": "document",
        "split_column": "split",
    }
    return TaggerConfig.model_validate(
        {
            "name": Path(source).stem,
            "corpus": {"sources": [read]},
            "tags": {"scheme": "none"},
            "evaluate": {"baseline": "none"},
            "train": {"max_epochs": 1},
        }
    )


def open_run(folder: Path, source: str, note: str) -> RunDir:
    """Open a run on a corpus, and write down its path for the processes of the steps."""
    workspace, config = workspace_at(folder / "home"), config_of(folder, source)
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=DAY)
    (folder / note).write_text(str(run.path))
    return run


def opened(folder: Path, note: str) -> RunDir:
    return RunDir(Path((folder / note).read_text()))


def train_small(folder: Path) -> None:
    """Train the tagger that tags the test splits."""
    run = open_run(folder, SMALL, TRAINED)
    for step in (steps.validate, steps.split, steps.index, steps.encode, steps.train):
        step(run)


class EnoughError(Exception):
    """A training took enough steps."""


class StepCounter:
    """Takes the place of a training's checkpoints, and ends it after a few steps."""

    def __init__(self) -> None:
        self._watch, self._n_steps = Watch(), 0
        self.first: Mapping[str, float] = {}  # what it took until the first step

    def newest(self) -> None:
        """Resume from no checkpoint."""

    def is_due(self) -> bool:
        self._n_steps += 1
        if self._n_steps == 1:
            self.first = self._watch.read()
        if self._n_steps == TRAINING_STEPS:
            raise EnoughError
        return False


def start_training(folder: Path, run: RunDir) -> Mapping[str, float]:
    from seqtag.neural import TagColumn, train
    from seqtag.steps.context import metric, output_scheme

    config, counter = steps.read_config(run), StepCounter()
    column = TagColumn(run.output("encode"), run.output("index"), folder, metric(run), output_scheme(run))
    try:
        train(
            [column],
            config=config.train,
            model=config.model,
            features=config.features,
            seed=config.seed,
            checkpoints=counter,
        )
    except EnoughError:
        return counter.first
    raise RuntimeError(f"training ended before step {TRAINING_STEPS}")


def predict(folder: Path, run: RunDir) -> None:
    from seqtag.neural import write_predictions

    bundle = opened(folder, TRAINED).output("train")
    write_predictions(bundle, run.split("test"), folder / PREDICTIONS, scheme="none")


def score(folder: Path, run: RunDir) -> None:
    from seqtag.evaluation import evaluate_predictions

    evaluate_predictions(
        folder / PREDICTIONS,
        None,
        train=run.split("train"),
        scheme="none",
        config=steps.read_config(run).evaluate,
        metric="accuracy",
        seed=1,
    )


def step_of(name: str, folder: Path) -> tuple[Callable[[], Any], Path | None]:
    """Return what does a step, with its late imports done, and the file or folder that it leaves."""
    if name == "ingest":
        config, workspace = config_of(folder, SOURCE), workspace_at(folder / "home")
        return (lambda: steps.ingest(config, workspace)), workspace.home.corpus(config.name)
    run = opened(folder, OPENED)
    for module in LATE_IMPORTS.get(name, ()):
        import_module(module)
    if name == "train":
        return (lambda: start_training(folder, run)), None
    if name == "predict":
        return (lambda: predict(folder, run)), folder / PREDICTIONS
    if name == "score":
        return (lambda: score(folder, run)), None
    return (lambda: getattr(steps, name)(run)), run.output(name)


def child(name: str, folder: Path) -> None:
    """Do one step, and print what it took."""
    do, left = step_of(name, folder)
    watch = Watch()
    found = do()
    took = found if name == "train" else watch.read()
    of_children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    size = 0 if left is None else size_of(left)
    print(json.dumps({**took, PEAK: max(peak_mb(), of_children), BYTES: size}))


def size_of(path: Path) -> int:
    return sum(each.stat().st_size for each in (path, *path.rglob("*")) if each.is_file())


def measured(name: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", name, str(folder)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    took: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}: {json.dumps(took)}", file=sys.stderr, flush=True)
    return took


def measured_steps(folder: Path, size: float, *, last: str, new_words: float) -> dict[str, list[str]]:
    """Write a corpus of some million tokens; return the row of each step up to the last that is wanted."""
    n_tokens = write_repeated(
        folder / SMALL,
        folder / SOURCE,
        n_tokens=round(size * 1e6),
        replaced=REPLACED,
        new_words=new_words,
    )
    rows = {}
    for step in STEPS[: STEPS.index(last) + 1]:
        took = measured(step, folder)
        if step == "ingest":
            open_run(folder, SOURCE, OPENED)
        rows[step] = [
            step,
            f"{size:g} million",
            f"{took[SECONDS]:,.1f}",
            f"{took[CPU]:,.1f}",
            f"{took[CPU] / n_tokens * 1e6:.2f}",
            f"{took[PEAK]:,.0f}",
            f"{took[BYTES] / n_tokens:.2f}",
        ]
    for done in ("corpora", "runs"):
        shutil.rmtree(folder / "home" / done / Path(SOURCE).stem)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = CHECKOUT / "deployments" / "taggers" / "ud-english-ewt.toml"
    parser.add_argument("tagger", nargs="?", type=Path, default=default, metavar="TAGGER.toml")
    parser.add_argument("--sizes", type=float, nargs="+", default=[2, 20, 200], help="million tokens")
    parser.add_argument("--steps", nargs="+", default=STEPS, choices=STEPS, help="to show")
    parser.add_argument("--new-words", type=float, default=0.0, help="share of the tokens")
    parser.add_argument("--scratch", type=Path, help="folder to write to, for 30 bytes a token")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        name, folder = arguments.child
        child(name, Path(folder))
        return
    shown = [step for step in STEPS if step in arguments.steps]
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as temporary:
        folder = Path(temporary)
        write_small(arguments.tagger, folder / SMALL)
        if shown[-1] in ("predict", "score"):
            train_small(folder)
        found = [
            measured_steps(folder, size, last=shown[-1], new_words=arguments.new_words)
            for size in arguments.sizes
        ]
    print(f"{machine()}\n")
    columns = ["step", "tokens", "seconds", "CPU seconds", "CPU µs a token", "peak MB", "bytes a token"]
    print(table(columns, [rows[step] for step in shown for rows in found]))


if __name__ == "__main__":
    main()
