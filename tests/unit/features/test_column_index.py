"""Columns of tokens as numbers, checked against definitions in plain Python."""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.config import CategoryColumn, NumberColumn, SetColumn, TimeColumn
from seqtag.corpus.token_values import token_values
from seqtag.features import ColumnIndex, LearnedColumn, learn_columns
from seqtag.features.column_learning import EvenSample
from seqtag.features.time_zones import utc_offsets

STRINGS = pa.list_(pa.string())


def learned(tmp_path, column, lists):
    """Return what a train split with these values teaches, after it was saved and loaded."""
    tokens = [["t"] * (2 if values is None else len(values)) for values in lists]
    table = pa.table({"tokens": pa.array(tokens, STRINGS), column.name: pa.array(lists, STRINGS)})
    pq.write_table(table, tmp_path / "train.parquet")
    learn_columns(tmp_path / "train.parquet", [column], tmp_path)
    return ColumnIndex.load(tmp_path)


def encoded(index, lists):
    tokens = pa.array([["t"] * len(values) for values in lists], STRINGS)
    (name,) = index.names
    return index.encoded(tokens, {name: pa.array(lists, STRINGS)})


def test_frequent_categories_have_ids_from_2_and_others_1(tmp_path):
    index = learned(
        tmp_path, CategoryColumn(kind="category", name="c"), [["b", "a", "b"], ["a", "b", "rare"]]
    )
    assert index.columns[0].known == ("b", "a")
    assert index.columns[0].vectors == (4, 16)
    ids = encoded(index, [["a", None, "new"], ["b", "rare", ""]])["ids"]
    assert ids.tolist() == [[3], [1], [1], [2], [1], [1]]
    assert index.widths == {"ids": 1}


def test_numbers_are_scaled_by_median_and_quartiles_and_cut(tmp_path):
    index = learned(tmp_path, NumberColumn(kind="number", name="n"), [["1", "2", "3", "4", "5"]])
    scale = (4 - 2) / 1.349
    values = encoded(index, [["3", "5", None, "1e9", "-1e9"]])["values"]
    np.testing.assert_allclose(values, [[0, 0], [2 / scale, 0], [0, 1], [8, 0], [-8, 0]], rtol=1e-6)


def test_equal_numbers_do_not_divide_by_zero(tmp_path):
    index = learned(tmp_path, NumberColumn(kind="number", name="n"), [["7"] * 9])
    assert encoded(index, [["7", "8"]])["values"].tolist() == [[0, 0], [pytest.approx(1.349), 0]]


def test_buckets_are_quantiles_of_train(tmp_path):
    numbers = [[str(n) for n in range(1, 101)]]
    index = learned(tmp_path, NumberColumn(kind="number", name="n", buckets=4), numbers)
    ids = encoded(index, [["-5", "1", "30", "60", "99", "1000", None]])["ids"]
    assert ids[:, 0].tolist() == [2, 2, 3, 4, 5, 5, 1]
    assert index.widths == {"ids": 1, "values": 2}


def test_a_bucket_is_named_by_its_range():
    column = LearnedColumn(column=NumberColumn(kind="number", name="n", buckets=3), edges=(2.5, 1000.0))
    names = column.bucket_names(pa.array(["2.4", "2.5", "-7", "1000", None, "nan"]))
    assert names.to_pylist() == ["< 2.5", "2.5 to < 1,000", "< 2.5", ">= 1,000", None, None]


def test_times_are_gaps_and_the_clock_of_their_zone(tmp_path):
    column = TimeColumn(kind="time", name="t", zone="America/New_York")
    texts = ["2026-03-08T01:30:00-05:00", "2026-03-08T03:30:00-04:00", "2026-03-08T03:31:00-04:00"]
    index = learned(tmp_path, column, [texts, ["2026-01-01"]])
    logs = [math.log1p(gap) for gap in (3600, 60)]
    centre, scale = index.columns[0].centre, index.columns[0].scale
    assert centre == pytest.approx(np.median(logs))
    values = encoded(index, [texts, [None, texts[0]]])["values"]
    assert values.shape == (5, 7)
    np.testing.assert_allclose(values[:3, 0], [0, *((log - centre) / scale for log in logs)], atol=1e-5)
    np.testing.assert_allclose(values[:3, 1], [*((log - centre) / scale for log in logs), 0], atol=1e-5)
    for row, text in enumerate(texts):
        local = datetime.fromisoformat(text).astimezone(ZoneInfo("America/New_York"))
        day = 2 * math.pi * (local.hour * 3600 + local.minute * 60) / 86_400
        week = 2 * math.pi * (local.weekday() + day / (2 * math.pi)) / 7
        clock = [math.sin(day), math.cos(day), math.sin(week), math.cos(week)]
        np.testing.assert_allclose(values[row, 2:6], clock, atol=1e-5)
    assert values[:, 6].tolist() == [0, 0, 0, 1, 0]
    assert values[3].tolist() == [0, 0, 0, 0, 0, 0, 1]
    assert values[4, :2].tolist() == [0, 0]  # its neighbour's time is not known


def test_a_time_that_runs_backwards_has_the_least_gap(tmp_path):
    index = learned(tmp_path, TimeColumn(kind="time", name="t", format="epoch_s"), [["0", "9", "99"]])
    backwards, forwards = (encoded(index, [times])["values"] for times in (["9", "0"], ["9", "9"]))
    np.testing.assert_array_equal(backwards[1, 0], forwards[1, 0])


def test_sets_are_the_members_that_train_has_often(tmp_path):
    column = SetColumn(kind="set", name="s", max_members=2)
    index = learned(tmp_path, column, [["a|b", "b", "b|c|a"], ["c|a", "rare", None]])
    assert index.columns[0].known == ("a", "b")
    values = encoded(index, [["b|a", "new", None], ["c", "a|a"]])["values"]
    assert values.tolist() == [[1, 1], [0, 0], [0, 0], [0, 0], [1, 0]]


def test_members_of_sets_have_no_blanks_around_them(tmp_path):
    index = learned(tmp_path, SetColumn(kind="set", name="s"), [["b | a", " a|b "]])
    assert index.columns[0].known == ("a", "b")
    assert encoded(index, [["a |c", "| b"]])["values"].tolist() == [[1, 0], [0, 1]]


def test_nan_is_a_missing_number(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        index = learned(tmp_path, NumberColumn(kind="number", name="n"), [["1", "NaN", None, "3"]])
    assert "index: column n: median 2; 50.0% of tokens have no value" in caplog.text
    assert encoded(index, [["nan"]])["values"].tolist() == [[0, 1]]


def test_the_largest_numbers_can_be_saved(tmp_path):
    column = NumberColumn(kind="number", name="n", buckets=4)
    index = learned(tmp_path, column, [["1.7e308", "-1.7e308"] * 9])
    assert np.isfinite([index.columns[0].centre, index.columns[0].scale, *index.columns[0].edges]).all()
    values = encoded(index, [["1.7e308", "-1.7e308", "0"]])["values"]
    assert values.tolist() == [[8, 0], [-8, 0], [0, 0]]


def test_a_large_number_among_small_ones_is_cut(tmp_path):
    index = learned(tmp_path, NumberColumn(kind="number", name="n"), [["1e-300", "2e-300"] * 9])
    assert encoded(index, [["1e308"]])["values"].tolist() == [[8, 0]]


def test_a_sequence_without_a_list_has_no_values():
    lists = pa.array([["a"], None, ["b", None]], STRINGS)
    assert token_values(lists, np.array([0, 1, 3, 5])).to_pylist() == ["a", None, None, "b", None]
    assert token_values(None, np.array([0, 2])).to_pylist() == [None, None]


def test_columns_are_concatenated_in_their_order():
    columns = (
        LearnedColumn(column=CategoryColumn(kind="category", name="a"), known=("x",)),
        LearnedColumn(column=NumberColumn(kind="number", name="b")),
        LearnedColumn(column=CategoryColumn(kind="category", name="c"), known=("y", "z")),
        LearnedColumn(column=SetColumn(kind="set", name="d"), known=("p",)),
    )
    lists = {"a": ["x"], "b": ["1"], "c": ["z"], "d": ["p"]}
    arrays = {name: pa.array([values], STRINGS) for name, values in lists.items()}
    found = ColumnIndex(columns=columns).encoded(pa.array([["t"]], STRINGS), arrays)
    assert found["ids"].tolist() == [[2, 3]]
    assert found["values"].tolist() == [[1, 0, 1]]


def test_an_index_without_columns_writes_nothing(tmp_path):
    pq.write_table(pa.table({"tokens": pa.array([["a"]], STRINGS)}), tmp_path / "train.parquet")
    assert learn_columns(tmp_path / "train.parquet", [], tmp_path) == ColumnIndex()
    assert [path.name for path in tmp_path.iterdir()] == ["train.parquet"]


@pytest.mark.parametrize("parts", [1, 7])
def test_an_even_sample_does_not_depend_on_batches_and_has_the_quantiles(parts):
    numbers = np.random.default_rng(1).permutation(10_000).astype(float)
    sample = EvenSample(size=500)
    for part in np.array_split(numbers, parts):
        sample.add(part)
    whole = EvenSample(size=500)
    whole.add(numbers)
    np.testing.assert_array_equal(sample.quantiles([0.1, 0.5]), whole.quantiles([0.1, 0.5]))
    np.testing.assert_allclose(sample.quantiles([0.25, 0.5, 0.75]), [2500, 5000, 7500], rtol=0.1)


@pytest.mark.parametrize("zone", ["UTC", "Africa/Casablanca", "Australia/Lord_Howe", "America/Caracas"])
def test_offsets_of_a_zone_are_those_of_the_database(zone):
    starts, offsets = utc_offsets(zone)
    for year in range(1971, 2099):
        for month in (1, 3, 6, 10):
            moment = datetime(year, month, 29, 1, 17, tzinfo=UTC)
            found = offsets[np.searchsorted(starts, moment.timestamp(), side="right") - 1]
            assert found == moment.astimezone(ZoneInfo(zone)).utcoffset().total_seconds()
