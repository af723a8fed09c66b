"""Learning curves of seqtag's engine and of plain Keras: dev after each epoch, as a plot and a table.

    SEQTAG_DATA=/path/to/corpora python benchmarks/learning_curves.py

Both train the recipe `base` on the beginning of a corpus, with the same word ids and the same scoring code:

plain Keras    as in a tutorial, padded to the longest sequence
base in seqtag seqtag's engine: equal except for random masks and the order of batches
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from peers.corpus import prepare
from peers.measuring import SECONDS, Contender, in_fresh_process, machine, spread, table

CHECKOUT = Path(__file__).resolve().parents[1]
PLAIN, BASE = "plain Keras", "base in seqtag"
CONTENDERS = {PLAIN: "plain", BASE: "engine"}
# Okabe and Ito (2008): distinct for all kinds of colour vision; dashes distinguish them without colour
LOOKS = {
    PLAIN: {"color": "#D55E00", "linestyle": "--", "marker": "s"},
    BASE: {"color": "#0072B2", "linestyle": "-", "marker": "o"},
}

Curves = Mapping[str, Sequence[Sequence[float]]]  # by contender, seed and epoch: accuracy on dev in percent


def measured(folder: str, *, seeds: Sequence[int], n_epochs: int) -> tuple[Curves, dict[str, list[float]]]:
    """Return the curves and the seconds that each took."""
    curves: dict[str, list[list[float]]] = {name: [] for name in CONTENDERS}
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for seed in seeds:
        for name, module in CONTENDERS.items():
            options = {"folder": folder, "seed": seed, "n_epochs": n_epochs}
            history = in_fresh_process(Contender(name, module, "epochs", options))["history"]
            curves[name].append([100 * epoch["accuracy"] for epoch in history])
            seconds[name].append(history[-1][SECONDS])
            print(f"{name}, seed {seed}: {curves[name][-1]}, {seconds[name][-1]:.0f} s", file=sys.stderr)
    return curves, seconds


def curve_rows(curves: Curves) -> list[list[str]]:
    """Return mean and standard deviation over the seeds by epoch, and the difference of the means."""
    rows = []
    for epoch in range(len(curves[BASE][0])):
        here = {name: [curve[epoch] for curve in of] for name, of in curves.items()}
        difference = statistics.mean(here[BASE]) - statistics.mean(here[PLAIN])
        rows.append([str(epoch + 1), *(spread(here[name]) for name in CONTENDERS), f"{difference:+.2f}"])
    return rows


def draw(curves: Curves, path: Path, *, title: str) -> None:
    """Write the plot: a thin line for each seed, a thick one for their mean."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import MaxNLocator

    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for name, of in curves.items():
        look, numbers = LOOKS[name], range(1, len(of[0]) + 1)
        for curve in of:
            axes.plot(
                numbers, curve, color=look["color"], linestyle=look["linestyle"], linewidth=0.8, alpha=0.6
            )
        mean = [statistics.mean(values) for values in zip(*of, strict=True)]
        axes.plot(numbers, mean, **look, linewidth=2.2, markersize=5, label=name)
    axes.set(title=title, xlabel="epoch", ylabel="dev accuracy (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=len(curves), frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = CHECKOUT / "deployments" / "taggers" / "ud-english-ewt.toml"
    parser.add_argument("tagger", nargs="?", type=Path, default=default, metavar="TAGGER.toml")
    parser.add_argument(
        "--sequences", type=int, default=2000, help="sequences of train; dev and test get a quarter as many"
    )
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--plot", type=Path, default=CHECKOUT / "docs" / "learning-curves.png")
    arguments = parser.parse_args()
    n_train, n_held_out = arguments.sequences, arguments.sequences // 4
    first = {"train": n_train, "dev": n_held_out, "test": n_held_out}
    with tempfile.TemporaryDirectory() as home:
        prepared = prepare(arguments.tagger, Path(home), recipe="base", first=first)
        corpus = f"{prepared.config.name}, the first {n_train:,} sequences of train"
        curves, seconds = measured(prepared.folder, seeds=arguments.seeds, n_epochs=arguments.epochs)
    print(f"{corpus}; {machine()}\n")
    columns = ["epoch", *(f"{name} (%)" for name in CONTENDERS), "seqtag minus Keras"]
    print(table(columns, curve_rows(curves)))
    medians = "; ".join(f"{name} {statistics.median(taken):.0f}" for name, taken in seconds.items())
    print(f"\nMean ± standard deviation over {len(arguments.seeds)} seeds. Seconds for each: {medians}.")
    draw(curves, arguments.plot, title=f"{corpus}\nthin lines: single seeds; thick lines: their mean")


if __name__ == "__main__":
    main()
