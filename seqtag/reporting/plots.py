"""Plots as SVG images; the only module that imports matplotlib.

Browsers show an SVG image without running scripts or loading resources.
"""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seqtag.evaluation.calibration import Bin
from seqtag.formatting import count, percent, printable, shortened
from seqtag.reporting.confusion_tables import ConfusionSquare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito (2008): distinguishable with any kind of colour vision
BLUE, ORANGE, VERMILLION, GREY, INK = "#0072B2", "#E69F00", "#D55E00", "#8a8f98", "#1d2129"
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_LONGEST_NAME = 22  # characters of a tag on an axis
_CELLS = ("cells: % of the gold tag", "cells: % of the gold tag, and tokens")
FEWEST_IN_BIN = 10  # tokens or spans; with fewer, bootstrap intervals of their accuracy are unreliable


@dataclass(frozen=True)
class Picture:
    """An SVG image as a data URI, with its alternative text and its width in pixels."""

    uri: str
    words: str
    width: int


def learning_curve(
    by_epoch: Mapping[int, float], *, title: str, unit: str, best: int | None = None
) -> Picture:
    """Draw one number per epoch, with the best epoch marked.

    Args:
        by_epoch: the numbers to draw, in order.
        unit: label of the vertical axis; fractions are drawn in percent if it ends with "%".
        best: the epoch to mark; None: no epoch.
    """
    from matplotlib.ticker import MaxNLocator

    scale = 100 if unit.endswith("%") else 1
    epochs = list(by_epoch)
    values = [scale * number for number in by_epoch.values()]
    with _figure(4.6, 2.9) as figure:
        axes = figure.add_subplot()
        axes.plot(epochs, values, color=BLUE, linewidth=1.8, marker="o", markersize=4)
        if best is not None:
            value = values[epochs.index(best)]
            axes.plot(
                [best], [value], marker="o", markersize=9, color=VERMILLION, markerfacecolor="none", lw=0
            )
            best_words = (
                f"best: {value:.1f}% at epoch {best}"
                if scale == 100
                else f"best: {value:.3g} at epoch {best}"
            )
            axes.set_title(best_words, loc="right", fontsize=9, color=VERMILLION)
        axes.set(xlabel="epoch", ylabel=unit)
        axes.margins(y=0.18)
        axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
        axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
        words = (
            f"{title}: {values[0]:.3g} at epoch {epochs[0]}, {values[-1]:.3g} at epoch {epochs[-1]} ({unit})."
        )
        return _picture(figure, words)


def reliability_diagram(bins: Sequence[Bin], *, noun: str) -> Picture:
    """Draw the accuracy of each bin against its mean confidence, with the bin counts below.

    Args:
        bins: bins of equal width.
        noun: the counted unit, such as "token".
    """
    title = f"{noun[0].upper()}{noun[1:]}s"
    with _figure(4.6, 4.9) as figure:
        axes, below = figure.subplots(2, sharex=True, height_ratios=(4, 1))
        axes.plot([0, 100], [0, 100], color=GREY, linewidth=1.2, linestyle=(0, (4, 3)))
        for bin_ in bins:
            _mark_bin(axes, bin_)
        axes.set(xlim=(-2, 102), ylim=(-3, 103), ylabel=f"correct, % of {noun}s")
        axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
        axes.text(
            3,
            5,
            "perfectly calibrated",
            color=GREY,
            fontsize=8,
            rotation=45,
            rotation_mode="anchor",
            transform_rotates_text=True,
        )
        axes.grid(color="#e4e7eb", linewidth=0.8)
        _draw_supports(below, bins)
        below.set(xlabel="mean confidence, %", ylabel="count")
        return _picture(
            figure, f"{title}: accuracy against confidence in {len(bins)} bins; see the table below."
        )


def confusion_plot(square: ConfusionSquare) -> Picture:
    """Draw the confusion matrix: gold rows, predicted columns, with the share of the row and the count.

    Correct cells are blue, wrong ones orange. The depth of the colour grows with the square root of the
    share, so that a confusion of 2% is visible. The corner of grouped tags is grey.
    """
    tags, n = square.tags, len(square.tags)
    table = np.asarray(square.counts, np.float64).reshape(n, n)
    shares = np.divide(table, table.sum(axis=1, keepdims=True), out=np.zeros_like(table), where=table > 0)
    cell = max(0.36, min(0.74, 7.6 / n))  # inches
    roomy = cell > 0.55
    with _figure(max(5.0, cell * n + 2.1), cell * n + 2.1) as figure:
        axes = figure.add_subplot()
        colours = _coloured(shares)
        if square.n_left_out:
            colours[-1, -1] = _rgb("#c9ced6")
        axes.imshow(colours, aspect="equal", interpolation="nearest")
        axes.set_xticks(
            range(n), [_short(tag) for tag in tags], rotation=45, ha="right", rotation_mode="anchor"
        )
        axes.set_yticks(range(n), [_short(tag) for tag in tags])
        axes.set_xticks(np.arange(n + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(n + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.2)
        axes.tick_params(which="both", length=0)
        axes.set(xlabel=f"predicted tag\n{_CELLS[roomy]}", ylabel="gold tag")
        axes.spines[:].set_visible(False)
        for row, column in zip(*np.nonzero(table), strict=True):
            right = row == column and not (square.n_left_out and row == n - 1)
            ink = "white" if right and shares[row, column] > 0.45 else INK
            _write_cell(
                axes, (int(column), int(row)), shares[row, column], int(table[row, column]), ink, roomy
            )
        words = f"Confusion of {n} tags; see the table of the most frequent confusions."
        return _picture(figure, words)


def _mark_bin(axes: Axes, bin_: Bin) -> None:
    accuracy = bin_.accuracy
    if bin_.mean_confidence is None or accuracy.value is None:
        return  # an empty bin
    enough = accuracy.support >= FEWEST_IN_BIN
    at = 100 * bin_.mean_confidence
    if enough and accuracy.low is not None and accuracy.high is not None:
        axes.plot(
            [at, at], [100 * accuracy.low, 100 * accuracy.high], color=BLUE, lw=2, solid_capstyle="butt"
        )
    face = BLUE if enough else "white"
    axes.plot([at], [100 * accuracy.value], marker="o", markersize=6, color=BLUE, markerfacecolor=face, lw=0)


def _draw_supports(axes: Axes, bins: Sequence[Bin]) -> None:
    """Draw bars on a logarithmic scale, so that small counts stay visible next to large ones."""
    from matplotlib.ticker import NullLocator

    supports = [bin_.accuracy.support for bin_ in bins]
    left, widths = [100 * bin_.low for bin_ in bins], [100 * (bin_.high - bin_.low) for bin_ in bins]
    axes.bar(left, supports, widths, align="edge", color=BLUE, alpha=0.35, edgecolor="white", linewidth=1)
    powers = [10**n for n in range(len(str(max(supports))))]
    ticks = powers[:: 1 + len(powers) // 5]
    axes.set_yscale("log")
    axes.set_ylim(0.5, 2 * max(supports))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_yticks(ticks, [count(tick) for tick in ticks])


def _write_cell(axes: Axes, at: tuple[int, int], share: float, n: int, ink: str, roomy: bool) -> None:
    column, row = at
    lines: list[tuple[float, str, str, float]] = []  # offset, text, colour, points
    if roomy and share >= 0.005:
        lines = [(-0.13, percent(share), ink, 9), (0.22, count(n), ink, 7)]
    elif roomy:
        lines = [(0, count(n), GREY, 7)]
    elif round(100 * share) > 0:
        lines = [(0, f"{100 * share:.0f}", ink, 7.5)]
    for offset, text, colour, size in lines:
        axes.text(column, row + offset, text, ha="center", va="center", color=colour, fontsize=size)


def _coloured(shares: np.ndarray) -> np.ndarray:
    """Return `<float64>[row, column, 3]`: white blended with blue on the diagonal and orange off it."""
    hue = np.where(np.eye(len(shares), dtype=bool)[:, :, None], _rgb(BLUE), _rgb(ORANGE))
    depth = np.sqrt(shares)[:, :, None]
    coloured: np.ndarray = 1 - depth * (1 - hue)
    return np.where(shares[:, :, None] > 0, coloured, _rgb("#f6f7f9"))


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])


def _short(tag: str) -> str:
    """Return a tag cut to fit an axis, with control characters, which XML forbids, replaced."""
    return shortened(printable(tag, "\N{REPLACEMENT CHARACTER}"), _LONGEST_NAME)


@contextmanager
def _figure(width: float, height: float) -> Iterator[Figure]:
    """Yield a figure (size in inches) with matplotlib's defaults, ignoring the user's settings."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the browser has its own fonts
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "svg.fonttype": "none",  # text stays text, in any script
                "svg.hashsalt": "seqtag",
                "text.parse_math": False,  # the tag PRP$ is not a formula
                "font.size": 9,
                "text.color": INK,
                "axes.labelcolor": INK,
                "axes.edgecolor": GREY,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "xtick.color": INK,
                "ytick.color": INK,
            }
        )
        yield Figure(figsize=(width, height), layout="constrained")


def _picture(figure: Figure, words: str) -> Picture:
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", _FONTS.replace('"', "'"), file.getvalue().decode())
    uri = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    return Picture(uri, words, round(96 * figure.get_figwidth()))
