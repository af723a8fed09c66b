"""Decisions as the ledger records them, and MLflow's aliases that follow it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seqtag.errors import PromotionConflictError, RegistryError
from seqtag.registry import Entry, Registry, sqlite_url
from tests.registry_decisions import ADA, apply_decision, promote, registry_decision

Results = Callable[..., dict[str, Any]]


def moves(registry: Registry) -> list[tuple[str, str | None, str | None]]:
    return [(entry.event, entry.from_version, entry.to_version) for entry in registry.history("sample")]


def aliases(registry: Registry) -> dict[str, str]:
    return {alias: v.version for v in registry.versions("sample") for alias in v.aliases}


def client(home: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=sqlite_url(home / "registry.db"))


def test_a_promotion_is_recorded_with_author_time_and_all_digests(
    registry: Registry, results: Results
) -> None:
    first = registry.register("sample", **results("2026-11-21-a"))
    second = registry.register("sample", **results("2026-11-22-a", weights="w2"))
    promote(registry, "sample", "1", expected_champion=None)
    written = apply_decision(
        registry, "sample", "2", registry_decision("PROMOTE", against="1", report="/runs/r.html"), by=ADA
    )
    assert registry.history("sample")[1:] == [written]
    assert written == Entry(
        tagger="sample", entry=2, at="2026-11-22T03:30:00+00:00", who="ada@host", through="a test",
        event="PROMOTE", from_version="1", to_version="2", from_bundle=first.bundle_digest,
        to_bundle=second.bundle_digest, config="c0ffee", dataset="5d", decision="PROMOTE over 1",
        sentence="PROMOTE: 0.750.", report="/runs/r.html",
    )  # fmt: skip


def test_a_repeated_decision_is_recorded_once_and_a_different_one_separately(
    three_versions: Registry,
) -> None:
    promote(three_versions, "sample", "1", expected_champion=None)
    hold = registry_decision("HOLD", against="1")
    first = apply_decision(three_versions, "sample", "2", hold, by=ADA)
    assert apply_decision(three_versions, "sample", "2", hold, by=replace(ADA, who="bob@host")) == first
    apply_decision(three_versions, "sample", "2", replace(hold, digest="another"), by=ADA)
    apply_decision(three_versions, "sample", "2", registry_decision("REJECT", against="1"), by=ADA)
    promote(three_versions, "sample", "1", expected_champion=None)
    assert [(e.event, e.decision) for e in three_versions.history("sample")] == [
        ("PROMOTE", "PROMOTE over None"),
        ("HOLD", "HOLD over 1"),
        ("HOLD", "another"),
        ("REJECT", "REJECT over 1"),
    ]
    assert aliases(three_versions) == {"champion": "1", "challenger": "3"}


def test_a_conflict_writes_nothing(three_versions: Registry) -> None:
    promote(three_versions, "sample", "1", expected_champion=None)
    with pytest.raises(PromotionConflictError):
        promote(three_versions, "sample", "2", expected_champion="3")
    assert moves(three_versions) == [("PROMOTE", None, "1")]


def test_the_champion_of_a_registry_without_a_ledger_is_adopted_once(
    three_versions: Registry, home: Path
) -> None:
    client(home).set_registered_model_alias("sample", "previous", "1")
    client(home).set_registered_model_alias("sample", "champion", "2")
    champion = three_versions.champion("sample")
    assert champion is not None
    assert (champion.version, moves(three_versions)) == ("2", [])  # reading writes nothing
    apply_decision(three_versions, "sample", "3", registry_decision("HOLD", against="2"), by=ADA)
    apply_decision(three_versions, "sample", "3", registry_decision("REJECT", against="2"), by=ADA)
    assert moves(three_versions) == [("ADOPT", "1", "2"), ("HOLD", "2", "3"), ("REJECT", "2", "3")]
    assert aliases(three_versions) == {"previous": "1", "champion": "2", "challenger": "3"}


def test_an_alias_moved_by_hand_counts_and_is_recorded(three_versions: Registry, home: Path) -> None:
    promote(three_versions, "sample", "1", expected_champion=None)
    client(home).set_registered_model_alias("sample", "champion", "3")
    champion = three_versions.champion("sample")
    assert champion is not None
    assert champion.version == "3"
    with pytest.raises(PromotionConflictError, match="expected version 1, got version 3"):
        promote(three_versions, "sample", "2", expected_champion="1")
    promote(three_versions, "sample", "2", expected_champion="3")
    assert moves(three_versions) == [("PROMOTE", None, "1"), ("MOVE", "1", "3"), ("PROMOTE", "3", "2")]
    assert aliases(three_versions) == {"previous": "3", "champion": "2", "challenger": "3"}


def test_an_alias_removed_by_hand_leaves_no_champion(three_versions: Registry, home: Path) -> None:
    promote(three_versions, "sample", "1", expected_champion=None)
    client(home).delete_registered_model_alias("sample", "champion")
    assert three_versions.champion("sample") is None
    promote(three_versions, "sample", "1", expected_champion=None)
    assert moves(three_versions) == [("PROMOTE", None, "1"), ("MOVE", "1", None), ("PROMOTE", None, "1")]
    assert aliases(three_versions) == {"champion": "1", "challenger": "3"}


def test_a_new_version_with_the_number_of_a_deleted_one_is_not_mistaken_for_it(
    three_versions: Registry, home: Path, results: Results
) -> None:
    promote(three_versions, "sample", "1", expected_champion=None)
    client(home).delete_registered_model("sample")
    assert three_versions.champion("sample") is None
    three_versions.register("sample", **results("2026-11-23-a", weights="w9"))
    assert three_versions.champion("sample") is None
    promote(three_versions, "sample", "1", expected_champion=None)
    assert moves(three_versions) == [("PROMOTE", None, "1"), ("MOVE", "1", None), ("PROMOTE", None, "1")]


def test_aliases_behind_the_ledger_are_completed_by_the_next_writer(
    three_versions: Registry, home: Path
) -> None:
    promote(three_versions, "sample", "1", expected_champion=None)
    promote(three_versions, "sample", "2", expected_champion="1")
    before = client(home)  # the aliases as left by a process killed right after writing its entry
    before.set_registered_model_tag("sample", "seqtag.entry", "1")
    before.set_registered_model_alias("sample", "champion", "1")
    before.delete_registered_model_alias("sample", "previous")
    champion = three_versions.champion("sample")
    assert champion is not None
    assert (champion.version, aliases(three_versions)["champion"]) == ("2", "1")
    promote(three_versions, "sample", "2", expected_champion="1")
    assert moves(three_versions) == [("PROMOTE", None, "1"), ("PROMOTE", "1", "2")]
    assert aliases(three_versions) == {"previous": "1", "champion": "2", "challenger": "3"}


def test_a_version_whose_files_changed_is_not_promoted(registry: Registry, results: Results) -> None:
    registry.register("sample", **results())
    (registry.checked_version("sample", "1").bundle / "weights.npz").write_text("other")
    with pytest.raises(RegistryError, match="version 1 of sample: bundle was changed: expected sha256"):
        promote(registry, "sample", "1", expected_champion=None)
    assert (registry.champion("sample"), moves(registry)) == (None, [])


def test_passwords_do_not_reach_the_ledger(three_versions: Registry, home: Path) -> None:
    leak = registry_decision("HOLD", against=None, sentence="HOLD: postgresql://me:hunter2@host/db was down.")
    first = apply_decision(three_versions, "sample", "1", leak, by=ADA)
    assert first.sentence == "HOLD: postgresql://me:***@host/db was down."
    assert apply_decision(three_versions, "sample", "1", leak, by=ADA) == first
    with sqlite3.connect(home / "registry.db") as connection:
        assert "hunter2" not in "".join(connection.iterdump())
    connection.close()


def test_a_ledger_that_cannot_be_read_is_an_error(three_versions: Registry, home: Path) -> None:
    promote(three_versions, "sample", "1", expected_champion=None)
    with sqlite3.connect(home / "registry.db") as connection:
        connection.execute("DROP TABLE seqtag_ledger")
    connection.close()
    with pytest.raises(RegistryError, match=r"reading the ledger of sample: .*no such table"):
        three_versions.history("sample")
