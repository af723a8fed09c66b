"""Training and tagging with seqtag, a Keras tutorial, PyTorch, CRFsuite and spaCy in one run.

    SEQTAG_DATA=/path/to/corpora python benchmarks/training.py
    SEQTAG_DATA=/path/to/corpora python benchmarks/training.py deployments/taggers/wnut17.toml --quick

The corpus is prepared once. The contenders take turns reading it, each in a fresh process and without the
time of imports. Results are medians over the turns; ratios are taken within a turn, because the speed of a
machine varies:

plain        the recipe `base` as in a Keras tutorial: one array padded to the longest sequence. An epoch
             takes minutes, so only some batches are timed and scaled to an epoch by their real tokens
plain by     the same in plain Keras with batches of similar length, each padded to its longest sequence;
length       not compiled by XLA (`jit_compile=False`)
base         the same recipe in seqtag's engine, also without recurrent dropout, which PyTorch lacks; a batch
             has about as many tokens as its number of sequences of mean length
PyTorch      the same sizes, `nn.LSTM` and Adam, batches of similar length as in seqtag, in three variants
             (see `peers/torch_lstm.py`), in one thread and in one per core
default      seqtag's own recipe: affixes, characters, dropout along the sequence, clipping, averaging
CRFsuite     the averaged perceptron over the attributes of seqtag's baseline; an epoch is one iteration
spaCy        its tagger or entity recogniser on the encoder of the small pipelines

Contenders whose package is not installed are left out and listed below the table.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from itertools import product
from pathlib import Path

from peers.corpus import Prepared, prepare
from peers.limit import training_operations
from peers.measuring import CPU, PEAK, SECONDS, Contender, Turns, in_fresh_process, in_turns, machine, table

CHECKOUT = Path(__file__).resolve().parents[1]
PARTS = ("training", "time-to-score", "tagging")
PLAIN_BATCH = 32
PLAIN = f"plain, {PLAIN_BATCH}"
BUCKETED = f"plain by length, {PLAIN_BATCH}"
CRFSUITE, SPACY, LIMIT = "CRFsuite ap", "spaCy", "matrix product"
VARIANTS = ("padded", "packed", "reversed")
THREADS = sorted({1, os.cpu_count() or 1})


def base(batch: int) -> str:
    return f"seqtag base, {batch}"


def base_without(batch: int) -> str:
    return f"seqtag base without recurrent dropout, {batch}"


def pytorch(variant: str, threads: int, batch: int) -> str:
    return f"PyTorch {variant}, threads: {threads}, {batch}"


def training(of: dict[str, Prepared], arguments: argparse.Namespace) -> str:
    """Return the tables for one epoch."""
    contenders = learners(of, arguments)
    turns = in_turns([Contender(LIMIT, "limit", "matrix_product"), *contenders], repeats=arguments.repeats)
    limit = max(turns.values(LIMIT, "best"))
    columns = ["contender, batch size", "real tokens/s", "seconds per epoch", "fastest"]
    columns += ["CPU seconds", "start-up seconds", "peak MB", "share of the limit"]
    rows = [epoch_row(turns, c, limit=limit, of=of) for c in contenders if c.name in turns]
    remark = (
        f"For {PLAIN}, {arguments.plain_batches} batches were timed and scaled. Start-up is reading, "
        "building, compiling, and the extra time of the first epoch. The limit, a matrix product, was "
        f"{limit / 1e9:.0f} GFLOP/s."
    )
    n_tokens = of["base"].n_tokens("train")
    return "\n\n".join(
        [
            f"## One epoch of {n_tokens:,} tokens",
            table(columns, rows),
            remark + left_out(turns),
            table(["ratio of tokens/s", "median (minimum to maximum)"], ratios(turns, arguments.batches)),
        ]
    )


def learners(of: dict[str, Prepared], arguments: argparse.Namespace) -> list[Contender]:
    plain, default = {"folder": of["base"].folder}, {"folder": of["default"].folder}
    batch = of["default"].config.train.batch_size
    timed = {"batch_size": PLAIN_BATCH, "n_batches": arguments.plain_batches}
    contenders = [
        Contender(PLAIN, "plain", "training", {**plain, **timed}),
        Contender(BUCKETED, "plain", "bucketed_training", {**plain, "batch_size": PLAIN_BATCH}),
    ]
    for size in arguments.batches:
        sized = {**plain, "batch_size": size}
        without = {**sized, "recurrent_dropout": False}
        contenders += [
            Contender(base(size), "engine", "training", sized),
            Contender(base_without(size), "engine", "training", without),
        ]
        for variant, threads in product(VARIANTS, THREADS):
            options = {**sized, "variant": variant, "threads": threads}
            contenders.append(Contender(pytorch(variant, threads, size), "torch_lstm", "training", options))
    return [
        *contenders,
        Contender(f"seqtag default, {batch}", "engine", "training", {**default, "batch_size": batch}),
        Contender(CRFSUITE, "crfsuite", "training", default),
        Contender(SPACY, "spacy_pipe", "training", default),
    ]


def epoch_row(turns: Turns, contender: Contender, *, limit: float, of: dict[str, Prepared]) -> list[str]:
    name = contender.name
    speed = turns.values(name, "n_tokens")[0] / turns.median(name, SECONDS)
    operations = None
    if contender.module in ("plain", "engine", "torch_lstm"):
        operations = operations_per_token(of, contender.options["folder"])
    return [
        name,
        f"{speed:,.0f}",
        f"{turns.median(name, SECONDS):.2f}",
        f"{min(turns.values(name, SECONDS)):.2f}",
        f"{turns.median(name, CPU):.2f}",
        f"{turns.median(name, 'start_up'):.1f}",
        f"{turns.median(name, PEAK):,.0f}",
        f"{100 * speed * operations / limit:.1f} %" if operations else "-",
    ]


def operations_per_token(of: dict[str, Prepared], folder: str) -> float:
    """Return the minimum float operations to train on one token, for the recipe in `folder`."""
    recipe = next(recipe for recipe, prepared in of.items() if prepared.folder == folder)
    n_tags = len(of[recipe].tags)
    if recipe == "base":
        return training_operations(n_features=50, units=100, n_tags=n_tags)
    model = of[recipe].config.model
    n_features = model.word_size + model.affix_size + model.character_filters
    return training_operations(n_features=n_features, units=model.units, n_tags=n_tags, layers=model.layers)


def ratios(turns: Turns, batches: list[int]) -> list[list[str]]:
    """Return rows of the ratios of training speed, seqtag to the others."""
    fastest = turns.best(map(base, batches), SECONDS)
    pairs = [(BUCKETED, PLAIN)]
    for own in dict.fromkeys([base(PLAIN_BATCH), fastest]):
        pairs += [(own, PLAIN), (own, BUCKETED)]
    for batch in batches:
        peers = [pytorch(variant, threads, batch) for variant, threads in product(VARIANTS, THREADS)]
        peer = turns.best(peers, SECONDS)
        pairs += [(own, peer) for own in (base(batch), base_without(batch)) if peer]
    return [[f"{own} to {peer}", turns.ratio(peer, own, SECONDS)] for own, peer in pairs]


def time_to_score(of: dict[str, Prepared], arguments: argparse.Namespace) -> str:
    """Return the table of seconds to reach the target score on dev, excluding imports."""
    options = {"seed": 1, "n_epochs": arguments.max_epochs, "until": arguments.target}
    plain, default = ({**options, "folder": of[recipe].folder} for recipe in ("base", "default"))
    contenders = [
        Contender("seqtag base", "engine", "epochs", plain),
        Contender("seqtag default", "engine", "epochs", default),
    ]
    for variant in ("padded", "reversed"):
        options = {**plain, "variant": variant, "threads": THREADS[-1]}
        name = f"PyTorch {variant}, threads: {THREADS[-1]}"
        contenders.append(Contender(name, "torch_lstm", "epochs", options))
    if arguments.plain_to_target:
        contenders.append(Contender("plain", "plain", "epochs", plain))
    turns = in_turns(contenders, repeats=arguments.repeats)
    rows = []
    for name in (contender.name for contender in contenders if contender.name in turns):
        histories = [turn["history"] for turn in turns.measured[name]]
        ends = sorted((history[-1] for history in histories), key=lambda end: end[SECONDS])
        middle, n_epochs = ends[len(ends) // 2], len(histories[0])
        reached = middle["score"] >= arguments.target
        seconds = f"{middle[SECONDS]:.1f}" if reached else f"not in {middle[SECONDS]:.1f}"
        rows.append([name, seconds, f"{ends[0][SECONDS]:.1f}", str(n_epochs), f"{middle['score']:.3f}"])
    metric = {"accuracy": "accuracy", "span_f1": "span F1"}[of["base"].metric]
    columns = ["contender", "seconds", "fastest", "epochs", f"dev {metric}"]
    return f"## Seconds to a dev {metric} of {arguments.target}\n\n{table(columns, rows)}{left_out(turns)}"


def tagging(of: dict[str, Prepared], arguments: argparse.Namespace) -> str:
    """Return the table for tagging the train split."""
    contenders = []
    for recipe, prepared in of.items():
        options, bundle = {"folder": prepared.folder}, str(prepared.run.output("train"))
        in_fresh_process(Contender("bundle", "engine", "bundle", {**options, "out": bundle}))
        contenders.append(Contender(f"seqtag {recipe}", "engine", "tagging", {**options, "bundle": bundle}))
    default = {"folder": of["default"].folder}
    contenders += [
        Contender(CRFSUITE, "crfsuite", "tagging", default),
        Contender(SPACY, "spacy_pipe", "tagging", default),
    ]
    for threads in THREADS:
        options = {"folder": of["base"].folder, "threads": threads}
        name = f"PyTorch, the model alone, threads: {threads}"
        contenders.append(Contender(name, "torch_lstm", "tagging", options))
    turns = in_turns(contenders, repeats=arguments.repeats)
    rows = []
    for name in (contender.name for contender in contenders if contender.name in turns):
        n_tokens = turns.values(name, "n_tokens")[0]
        load, first, again = (turns.median(name, key) for key in ("load", "first", "again"))
        speeds = [f"{n_tokens / seconds:,.0f}" for seconds in (again, first, first + load)]
        rows.append([name, *speeds, f"{turns.median(name, CPU):.2f}", f"{turns.median(name, PEAK):,.0f}"])
    columns = [
        "contender",
        "tokens/s",
        "the first time",
        "the first time, with load",
        "CPU seconds",
        "peak MB",
    ]
    heading = f"## Tagging {of['base'].n_tokens('train'):,} tokens, from Parquet to Parquet"
    return f"{heading}\n\n{table(columns, rows)}{left_out(turns)}"


def left_out(turns: Turns) -> str:
    return "".join(f"\n\nLeft out: {name}, {reason}." for name, reason in turns.skipped.items())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = CHECKOUT / "deployments" / "taggers" / "ud-english-ewt.toml"
    parser.add_argument("tagger", nargs="?", type=Path, default=default, metavar="TAGGER.toml")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--repeats", type=int, default=3, help="turns")
    parser.add_argument(
        "--batches", nargs="+", type=int, default=[64, 128, 256], help="batch sizes in addition to 32"
    )
    parser.add_argument("--plain-batches", type=int, default=40, help="timed batches of plain")
    parser.add_argument("--sequences", type=int, help="train on so many sequences only")
    parser.add_argument("--target", type=float, default=0.90, help="score on dev, in [0, 1]")
    parser.add_argument("--max-epochs", type=int, default=15, help="limit of epochs to reach the target")
    parser.add_argument(
        "--plain-to-target", action="store_true", help="also train plain to the target: minutes per epoch"
    )
    parser.add_argument(
        "--quick", action="store_true", help="smoke test: 640 sequences, one turn, batches of 32"
    )
    arguments = parser.parse_args()
    first = None if arguments.sequences is None else {"train": arguments.sequences}
    if arguments.quick:
        first = {"train": 640, "dev": 200, "test": 200}
        arguments.repeats, arguments.batches, arguments.plain_batches, arguments.max_epochs = 1, [], 2, 2
    arguments.batches = sorted({PLAIN_BATCH, *arguments.batches})
    measure = {"training": training, "time-to-score": time_to_score, "tagging": tagging}
    with tempfile.TemporaryDirectory() as folder:
        of = {
            recipe: prepare(arguments.tagger, Path(folder), recipe=recipe, first=first)
            for recipe in ("base", "default")
        }
        print(f"{of['base'].config.name}, {machine()}, {arguments.repeats} turns")
        for part in arguments.parts:
            print(f"\n{measure[part](of, arguments)}", flush=True)


if __name__ == "__main__":
    main()
