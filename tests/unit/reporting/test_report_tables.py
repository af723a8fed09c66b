"""Tables, axes and configuration of the report."""

from __future__ import annotations

import doctest
import tomllib

import pytest

from seqtag.reporting import formatting, score_tables, svg_axes, toml
from seqtag.reporting.svg_axes import difference_axis, share_axis


@pytest.mark.parametrize("module", [formatting, svg_axes, toml])
def test_the_docstring_examples_are_correct(module):
    tested = doctest.testmod(module)

    assert tested.attempted > 0
    assert tested.failed == 0


def test_confusions_are_sorted_by_frequency_with_their_share_of_the_gold_tag():
    found = score_tables.confusions(
        {"tags": ["A", "B", "C"], "counts": [[5, 1, 4], [0, 3, 0], [2, 0, 0]]}, most=2
    )

    assert found == [score_tables.ConfusedPair("A", "C", 4, 0.4), score_tables.ConfusedPair("C", "A", 2, 1.0)]


def test_a_small_confusion_matrix_is_kept_whole():
    square = score_tables.square({"tags": ["A", "B"], "counts": [[5, 1], [0, 3]]}, most=2)

    assert square == score_tables.ConfusionSquare(("A", "B"), ((5, 1), (0, 3)), 0)


def test_tags_with_few_errors_are_grouped():
    counts = [[9, 0, 1, 5], [0, 8, 1, 0], [0, 1, 7, 0], [6, 0, 0, 4]]

    square = score_tables.square({"tags": ["A", "B", "C", "D"], "counts": counts}, most=3)

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

    assert [m["value"] for m in (accuracy.challenger, accuracy.champion, accuracy.baseline)] == [
        0.93,
        0.91,
        0.9,
    ]


def test_a_tag_unknown_to_the_champion_has_no_champion_score(metrics):
    del metrics["champion"]["tags"]["browsing"]

    rows = score_tables.named_scores(metrics["challenger"], metrics["champion"], ("tags",))

    assert rows[0].name == "browsing"
    assert rows[0].champion is None


def test_an_axis_contains_every_interval_and_stays_within_0_and_1():
    axis = share_axis(
        [{"value": 0.72, "low": 0.64, "high": 0.81}, {"value": None, "low": None, "high": None}], 0.97
    )

    assert axis.ticks == (0.6, 0.7, 0.8, 0.9, 1.0)


def test_an_axis_is_never_so_narrow_that_noise_looks_large():
    axis = share_axis([{"value": 0.95, "low": 0.949, "high": 0.951}])

    assert (axis.low, axis.high) == (0.9, 1.0)


def test_an_axis_without_numbers_goes_from_0_to_1():
    assert share_axis([{"value": None, "low": None, "high": None}]).ticks[::5] == (0.0, 1.0)


def test_an_axis_of_differences_contains_zero_and_the_margin():
    axis = difference_axis([{"value": 0.008, "low": 0.002, "high": 0.014}], 0.0, 0.005)

    assert axis.ticks == (0.0, 0.005, 0.01, 0.015)


def test_toml_keeps_every_value():
    config = {
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
