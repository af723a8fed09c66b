"""Drift of the columns of tokens: bins learned from train, and alarms where values change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.config import CategoryColumn, MonitorConfig, NumberColumn, SetColumn, TimeColumn
from seqtag.features.column_learning import learn_columns
from seqtag.monitoring import (
    ColumnBins,
    CountColumns,
    ProfilePair,
    Statistic,
    compare,
    extent,
    learn_bins,
    plan_blocks,
    profile_period,
)
from tests.unit.monitoring.simulation import TAGS, known, period

HOST = CategoryColumn(name="host", kind="category")
FLAGS = SetColumn(name="flags", kind="set")
AMOUNT = NumberColumn(name="amount", kind="number")
TIME = TimeColumn(name="time", kind="time", zone="Europe/Berlin")
ONE = np.array([0, 4])  # one sequence of four tokens
KNOWN = known()


def test_names_have_a_bin_each_and_one_for_all_others() -> None:
    bins = ColumnBins(HOST, names=("web", "api"))
    token, place = bins.bins(pa.array(["api", None, "db", "web"]), ONE)
    assert (token.tolist(), place.tolist()) == ([0, 2, 3], [1, 2, 0])
    assert (bins.name, bins.unit, bins.labels) == ("values of host", "tokens", ("web", "api", "(other)"))


def test_members_of_sets_count_one_by_one() -> None:
    bins = ColumnBins(FLAGS, names=("a", "b"))
    token, place = bins.bins(pa.array(["a | b", None, "c|a", "b"]), ONE)
    assert (token.tolist(), place.tolist()) == ([0, 0, 2, 2, 3], [0, 1, 2, 0, 1])
    assert bins.unit == "members"


def test_numbers_are_in_buckets() -> None:
    bins = ColumnBins(AMOUNT, edges=(5.0, 12.5))
    token, place = bins.bins(pa.array(["5", None, "12.4", "-1"]), ONE)
    assert (token.tolist(), place.tolist()) == ([0, 2, 3], [1, 1, 0])
    assert bins.labels == ("below 5", "5 to 12.5", "above 12.5")
    assert ColumnBins(AMOUNT, edges=(5.0, 5.0000001)).labels == ("below 5", "5", "above 5")


def test_times_have_gaps_in_seconds_and_hours_of_their_zone() -> None:
    times = pa.array(["2026-01-01T10:00:00Z", "2026-01-01T10:00:07Z", None, "2026-07-01T22:30:00Z"])
    gaps, hours = ColumnBins(TIME, "gaps", edges=(5.0, 60.0)), ColumnBins(TIME, "hours")
    assert [part.tolist() for part in gaps.bins(times, ONE)] == [[1], [1]]
    assert gaps.labels == ("below 5 s", "5 to 60 s", "above 60 s")
    assert [part.tolist() for part in hours.bins(times, ONE)] == [[0, 1, 3], [11, 11, 0]]
    assert hours.labels[11] == "11:00 to 11:59"


@dataclass(frozen=True)
class Events:
    """The distribution of columns of tokens."""

    hosts: tuple[str, ...] = ("web", "api")
    amount: float = 100.0  # mean
    gap: float = 60.0  # mean, seconds
    missing: float = 0.1  # share of the hosts

    def add_to(self, batch: pa.RecordBatch, *, seed: int) -> pa.RecordBatch:
        draw = np.random.default_rng(seed)
        offsets = batch.column("tokens").offsets
        n = offsets[-1].as_py()
        start = datetime(2026, 3, 1, tzinfo=UTC)
        passed = np.cumsum(draw.exponential(self.gap, n))
        columns = {
            "host": pa.array(draw.choice(self.hosts, n), mask=draw.random(n) < self.missing),
            "amount": pa.array(draw.exponential(self.amount, n).astype(str)),
            "time": pa.array([(start + timedelta(seconds=s)).isoformat() for s in passed.tolist()]),
        }
        for name, values in columns.items():
            batch = batch.append_column(name, pa.ListArray.from_arrays(offsets, values.cast(pa.string())))
        return batch


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> CountColumns:
    """The layout for what a train split teaches."""
    folder = tmp_path_factory.mktemp("train")
    train = Events().add_to(period(200, seed=1), seed=1)
    pq.write_table(pa.Table.from_batches([train]), folder / "train.parquet")
    index = learn_columns(folder / "train.parquet", [HOST, AMOUNT, TIME], folder)
    return CountColumns.of(TAGS, "IOB2", bins=learn_bins(folder / "train.parquet", index))


def alarms(layout: CountColumns, events: Events, *, without: str | None = None) -> dict[str, Statistic]:
    """Return the alarms on new events, by name."""
    config = MonitorConfig(quantile=0.95, resamples=200)
    reference = Events().add_to(period(120, seed=2), seed=2)
    current = events.add_to(period(60, seed=3), seed=3)
    if without is not None:
        current = current.drop_columns([without])
    now = profile_period([current], layout=layout, known=KNOWN)
    blocks = plan_blocks(extent([reference]), n_tokens=now.n_tokens, config=config)
    before = profile_period([reference], layout=layout, known=KNOWN, blocks=blocks)
    found = compare([ProfilePair("snapshot", before, now)], config=config, seed=5)
    compared = {statistic.name for statistic in found}
    assert {"values of host", "missing host"} & compared == (
        set() if without == "host" else {"values of host", "missing host"}
    )
    return {statistic.name: statistic for statistic in found if statistic.alarms}


def test_buckets_are_deciles_of_train(layout: CountColumns) -> None:
    host, amount, gaps, _ = layout.bins
    assert sorted(host.names) == ["api", "web"]
    expected = [-100 * np.log(1 - share / 10) for share in range(1, 10)]  # of an exponential distribution
    assert amount.edges[1:-1] == pytest.approx(expected, rel=0.1)
    assert gaps.edges[1:-1] == pytest.approx([0.6 * edge for edge in expected], rel=0.1)
    assert amount.edges[0] < 1  # minimum and maximum
    assert amount.edges[-1] > 500


def test_columns_without_drift_raise_no_alarm(layout: CountColumns) -> None:
    assert alarms(layout, Events()) == {}


def test_a_column_that_new_data_lacks_is_not_compared(layout: CountColumns) -> None:
    assert alarms(layout, Events(), without="host") == {}


def test_changed_columns_are_named(layout: CountColumns) -> None:
    found = alarms(layout, Events(hosts=("web", "api", "db"), amount=200.0, gap=20.0, missing=0.3))
    assert {name: (each.unit, each.fixable) for name, each in found.items()} == {
        "values of host": ("tokens", True),
        "values of amount": ("tokens", True),
        "gaps of time": ("tokens", True),
        "hours of time": ("tokens", True),  # shorter gaps end earlier in the day
        "missing host": ("tokens", False),
    }
    assert found["values of host"].where == "(other)"
    assert found["gaps of time"].where.endswith(" s")
    assert (found["missing host"].reference, found["missing host"].current) == pytest.approx(
        (0.1, 0.3), abs=0.03
    )
