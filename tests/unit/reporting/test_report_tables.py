"""Tables, axes and configuration of the report."""

from __future__ import annotations

import doctest
import tomllib
from dataclasses import replace
from typing import Any

import pytest

from seqtag import formatting
from seqtag.evaluation import Interval
from seqtag.evaluation.scores import ConfusionMatrix
from seqtag.reporting import confusion_tables, score_tables, sentences, svg_axes, toml
from seqtag.reporting.svg_axes import difference_axis, share_axis


def interval(value: float | None, low: float | None, high: float | None) -> Interval:
    return Interval(value=value, low=low, high=high, support=100, documents=8)


@pytest.mark.parametrize("module", [formatting, sentences, svg_axes, toml])
def test_the_docstring_examples_are_correct(module):
    tested = doctest.testmod(module)

    assert tested.attempted > 0
    assert tested.failed == 0


def test_confusions_are_sorted_by_frequency_with_their_share_of_the_gold_tag():
    found = confusion_tables.confusions(
        ConfusionMatrix(["A", "B", "C"], [[5, 1, 4], [0, 3, 0], [2, 0, 0]]), most=2
    )

    assert found == [
        confusion_tables.ConfusedPair("A", "C", 4, 0.4),
        confusion_tables.ConfusedPair("C", "A", 2, 1.0),
    ]


def test_a_small_confusion_matrix_is_kept_whole():
    square = confusion_tables.square(ConfusionMatrix(["A", "B"], [[5, 1], [0, 3]]), most=2)

    assert square == confusion_tables.ConfusionSquare(("A", "B"), ((5, 1), (0, 3)), 0)


def test_tags_with_few_errors_are_grouped():
    counts = [[9, 0, 1, 5], [0, 8, 1, 0], [0, 1, 7, 0], [6, 0, 0, 4]]

    square = confusion_tables.square(ConfusionMatrix(["A", "B", "C", "D"], counts), most=3)

    assert square.tags == ("A", "D", "all others")
    assert square.counts == ((9, 5, 1), (6, 4, 0), (0, 0, 17))  # 8 + 1 + 1 + 7 in the corner
    assert square.n_left_out == 2


def test_the_deciding_measure_comes_first(metrics, span_metrics):
    assert [measure.name for measure in score_tables.metric_rows(metrics)] == ["token accuracy"]
    assert [measure.name for measure in score_tables.metric_rows(span_metrics)] == [
        "span F1",
        "token accuracy",
        "span F1, strict, micro",
        "span F1, strict, macro",
        "span F1, conlleval, macro",
    ]


def test_a_baseline_is_measured_like_the_other_models(baseline_metrics):
    (accuracy,) = score_tables.metric_rows(baseline_metrics)

    assert [m.value for m in (accuracy.challenger, accuracy.champion, accuracy.baseline)] == [
        0.93,
        0.91,
        0.9,
    ]


def test_a_tag_unknown_to_the_champion_has_no_champion_score(metrics):
    known = {name: prf for name, prf in metrics.champion.tags.items() if name != "browsing"}

    rows = score_tables.scores_by_tag(metrics.challenger, replace(metrics.champion, tags=known))

    assert rows[0].name == "browsing"
    assert rows[0].champion is None


def test_an_axis_contains_every_interval_and_stays_within_0_and_1():
    axis = share_axis([interval(0.72, 0.64, 0.81), interval(None, None, None)], 0.97)

    assert axis.ticks == (0.6, 0.7, 0.8, 0.9, 1.0)


def test_an_axis_is_never_so_narrow_that_noise_looks_large():
    axis = share_axis([interval(0.95, 0.949, 0.951)])

    assert (axis.low, axis.high) == (0.9, 1.0)


def test_an_axis_without_numbers_goes_from_0_to_1():
    assert share_axis([interval(None, None, None)]).ticks[::5] == (0.0, 1.0)


def test_an_axis_of_differences_contains_zero_and_the_margin():
    axis = difference_axis([interval(0.008, 0.002, 0.014)], 0.0, 0.005)

    assert axis.ticks == (0.0, 0.005, 0.01, 0.015)


def test_toml_keeps_every_value():
    config: dict[str, Any] = {
        "name": 'a"b\\c\n',
        "seed": 3,
        "quality": {"budget": 1e-05, "rules": {"over_long": "off"}, "none": None},
        "corpus": {
            "columns": ["x", "ü"],
            "sources": [{"format": "a", "on": True}, {"format": "b", "path": []}],
        },
    }

    read = tomllib.loads(toml.toml_text(config))

    del config["quality"]["none"]
    assert read == config
