"""Polls of a real registry with three versions; loading is replaced, for it is tested with the server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seqtag.errors import BundleError, RegistryError
from seqtag.registry import Registry
from seqtag.serving.follower import Follower
from seqtag.serving.metrics import ServingMetrics
from seqtag.serving.served_version import ServedVersion
from tests.registry_decisions import promote
from tests.unit.registry.conftest import (  # noqa: F401 - fixtures
    home,
    home_of_three,
    migrated_database,
    open_registry,
    three_versions,
)


def version(model: Any, number: str) -> ServedVersion:
    return ServedVersion("sample", number, ("tokens",), model)


@pytest.fixture
def registry(three_versions: Registry) -> Registry:  # noqa: F811 - the fixture
    promote(three_versions, "sample", "1", expected_champion=None)
    return three_versions


class Loading:
    """Returns the number of a version as its model; raises `errors` first."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.errors: dict[str, Exception] = {}

    def __call__(self, number: str) -> Any:
        self.asked.append(number)
        if number in self.errors:
            raise self.errors[number]
        return f"model {number}"


Follow = Callable[..., Follower]


@pytest.fixture
def loading() -> Loading:
    return Loading()


@pytest.fixture
def metrics() -> ServingMetrics:
    return ServingMetrics()


@pytest.fixture
def follow(registry: Registry, loading: Loading, metrics: ServingMetrics) -> Follow:
    """Return a function that returns a follower which serves version 1."""

    def followed(**further: Any) -> Follower:
        first = version("model 1", "1")
        return Follower(first, registry, load=loading, serve=version, metrics=metrics, **further)

    return followed


def said(caplog: Any) -> list[str]:
    return [record.message for record in caplog.records if record.name == "seqtag.serving.follower"]


def swaps(metrics: ServingMetrics, outcome: str) -> float:
    return metrics.registry.get_sample_value("seqtag_swaps_total", {"outcome": outcome}) or 0.0


def test_a_poll_that_finds_the_same_champion_loads_nothing(follow: Follow, loading: Loading) -> None:
    follower = follow()
    follower.poll()
    assert (follower.current.version, loading.asked) == ("1", [])


def test_the_next_poll_serves_a_new_champion_and_after_a_rollback_the_old_one(
    follow: Follow, registry: Registry, metrics: ServingMetrics
) -> None:
    follower = follow()
    promote(registry, "sample", "2", expected_champion="1")
    follower.poll()
    assert (follower.current.version, follower.current.app) == ("2", "model 2")
    assert metrics.registry.get_sample_value("seqtag_served_version", {"model_name": "sample"}) == 2.0
    promote(registry, "sample", "1", expected_champion="2")
    follower.poll()
    assert follower.current.version == "1"
    assert swaps(metrics, "swapped") == 2.0


def test_a_version_that_fails_its_smoke_test_is_refused_once(
    follow: Follow, registry: Registry, loading: Loading, metrics: ServingMetrics
) -> None:
    follower = follow()
    loading.errors["2"] = BundleError("version 2 of sample fails its smoke test here: tags emoji: failed")
    promote(registry, "sample", "2", expected_champion="1")
    follower.poll()
    follower.poll()
    assert (follower.current.version, loading.asked) == ("1", ["2"])
    assert swaps(metrics, "refused") == 1.0


def test_a_transient_fault_is_tried_again_and_logged_once(
    follow: Follow, registry: Registry, loading: Loading, metrics: ServingMetrics, caplog: Any
) -> None:
    follower = follow()
    loading.errors["2"] = RegistryError("registry: database is locked")
    promote(registry, "sample", "2", expected_champion="1")
    follower.poll()
    follower.poll()
    assert follower.current.version == "1"
    assert said(caplog) == ["still serving version 1: registry: database is locked"]
    assert follower.n_failures == 2
    loading.errors.clear()
    follower.poll()
    assert follower.current.version == "2"
    assert metrics.registry.get_sample_value("seqtag_poll_failures_total") == 2.0
    assert follower.n_failures == 0


def test_an_error_of_any_other_kind_is_tried_again(
    follow: Follow, registry: Registry, loading: Loading, caplog: Any
) -> None:
    shadow: Any = SimpleNamespace(challenger=None)
    follower = follow(shadow=shadow)
    loading.errors["3"] = FileNotFoundError(2, "No such file", "challenger.parquet")
    promote(registry, "sample", "2", expected_champion="1")
    follower.poll()
    follower.poll()
    assert (follower.current.version, follower.n_failures, shadow.challenger) == ("2", 2, None)
    (record,) = (
        record for record in caplog.records if record.name == "seqtag.serving.follower" and record.exc_info
    )
    assert "challenger.parquet" in record.message


def test_a_registry_that_is_gone_is_a_failed_poll_and_is_not_created(
    follow: Follow,
    home: Path,  # noqa: F811 - the fixture
    caplog: Any,
) -> None:
    follower = follow()
    follower.poll()
    (home / "registry.db").rename(home / "elsewhere.db")
    follower.poll()
    assert not (home / "registry.db").exists()
    assert (follower.current.version, follower.n_failures) == ("1", 1)
    assert "ledger has no champion of sample" in caplog.text


def test_the_shadow_follows_the_newest_challenger_and_has_none_if_it_is_the_champion(
    follow: Follow, registry: Registry
) -> None:
    shadow: Any = SimpleNamespace(challenger=None)
    follower = follow(shadow=shadow)
    follower.poll()
    assert (shadow.challenger.version, shadow.challenger.model) == ("3", "model 3")
    promote(registry, "sample", "3", expected_champion="1")
    follower.poll()
    assert (follower.current.version, shadow.challenger) == ("3", None)
