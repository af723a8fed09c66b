"""Rollbacks and holds on a real store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtag.errors import PromotionConflictError, RegistryError
from seqtag.registry import Entry, Registry
from tests.registry_decisions import ADA, apply_decision, promote, registry_decision

Results = Callable[..., dict[str, Any]]


def aliases(registry: Registry) -> dict[str, str]:
    return {alias: v.version for v in registry.versions("sample") for alias in v.aliases}


def roll_back(registry: Registry, to: str | None = None, *, everything: bool = False) -> Entry:
    champion, target = registry.rollback_target("sample", to, by=ADA)
    return registry.roll_back(
        "sample", champion, target.version, reason="O is wrong", everything=everything, by=ADA
    )


@pytest.fixture
def four_versions(registry: Registry, results: Results) -> Registry:
    """Versions 1 and 2, promoted in turn; 3 with the configuration and code of 2, 4 with other code."""
    codes = {"1": "old", "2": "new", "3": "new", "4": "newer"}
    for version, code in codes.items():
        tags = {"seqtag.config": "c0ffee", "seqtag.code": code}
        registry.register("sample", **{**results(f"2026-11-2{version}-a", weights=version), "tags": tags})
    promote(registry, "sample", "1", expected_champion=None)
    promote(registry, "sample", "2", expected_champion="1")
    return registry


def test_without_a_version_the_previous_champion_returns(four_versions: Registry) -> None:
    entry = roll_back(four_versions)
    assert (entry.event, entry.from_version, entry.to_version) == ("ROLLBACK", "2", "1")
    assert (entry.who, entry.sentence) == ("ada@host", "O is wrong")
    assert aliases(four_versions) == {"champion": "1", "challenger": "4"}  # the first has no predecessor


def test_verdict_and_description_in_mlflow_follow_the_ledger(four_versions: Registry) -> None:
    def shown() -> list[tuple[str, str]]:
        return [(v.verdict, v.sentence) for v in four_versions.versions("sample")[:3]]

    waiting = "Not promoted yet. Decision of the gate: 0.750 reaches the floor of 0.500."
    replaced = ("REPLACED", "Replaced by version 2 on 2026-11-22 03:30 UTC.")
    assert shown() == [replaced, ("PROMOTE", "PROMOTE: 0.750."), ("PENDING", waiting)]
    roll_back(four_versions)
    held = apply_decision(
        four_versions, "sample", "3", registry_decision("HOLD", against="1", sentence="HOLD: a tie."), by=ADA
    )
    assert held.event == "HOLD"
    back = "2026-11-22 03:30 UTC: ada@host rolled version 2 back to it (O is wrong)."
    assert shown() == [
        ("PROMOTE", f"Promoted again on {back}"),
        ("ROLLBACK", "Rolled back to version 1 on 2026-11-22 03:30 UTC by ada@host (O is wrong)."),
        ("HOLD", "HOLD: a tie."),
    ]


def test_any_version_can_be_the_target(four_versions: Registry) -> None:
    roll_back(four_versions, "3")
    assert aliases(four_versions)["champion"] == "3"


def test_after_a_rollback_previous_is_never_the_version_rolled_back(
    four_versions: Registry,
) -> None:
    promote(four_versions, "sample", "4", expected_champion="2")
    roll_back(four_versions)
    assert aliases(four_versions) == {"previous": "1", "champion": "2", "challenger": "4"}
    roll_back(four_versions)
    assert aliases(four_versions)["champion"] == "1"


def test_a_model_of_the_same_configuration_and_code_is_held_with_author_and_unblock_command_in_the_sentence(
    four_versions: Registry,
) -> None:
    roll_back(four_versions)
    held = apply_decision(four_versions, "sample", "3", registry_decision("PROMOTE", against="1"), by=ADA)
    assert held.event == "HOLD"
    assert held.sentence == (
        "HOLD: ada@host rolled version 2 back on 2026-11-22 (O is wrong), which blocks models like it; "
        "to unblock: seqtag unblock sample --reason TEXT."
    )
    assert (
        apply_decision(four_versions, "sample", "3", registry_decision("PROMOTE", against="1"), by=ADA)
        == held
    )
    assert aliases(four_versions)["champion"] == "1"


def test_the_version_rolled_back_is_blocked_too(four_versions: Registry) -> None:
    roll_back(four_versions)
    assert promote(four_versions, "sample", "2", expected_champion="1").event == "HOLD"


def test_other_code_is_another_lineage_unless_everything_is_blocked(four_versions: Registry) -> None:
    roll_back(four_versions, everything=True)
    held = promote(four_versions, "sample", "4", expected_champion="1")
    assert (held.event, "which blocks every model;" in held.sentence) == ("HOLD", True)
    four_versions.unblock("sample", reason="fixed", by=ADA)
    promote(four_versions, "sample", "4", expected_champion="1")
    roll_back(four_versions)
    assert promote(four_versions, "sample", "3", expected_champion="1").event == "PROMOTE"


def test_once_unblocked_the_same_decision_promotes(four_versions: Registry) -> None:
    roll_back(four_versions)
    promote(four_versions, "sample", "2", expected_champion="1")
    unblocked = four_versions.unblock("sample", reason="it was the data", by=ADA)
    assert (unblocked.event, unblocked.from_version, unblocked.to_version) == ("UNBLOCK", "1", "1")
    promote(four_versions, "sample", "2", expected_champion="1")
    assert [entry.event for entry in four_versions.history("sample")] == [
        "PROMOTE", "PROMOTE", "ROLLBACK", "HOLD", "UNBLOCK", "PROMOTE"
    ]  # fmt: skip
    assert aliases(four_versions) == {"previous": "1", "champion": "2", "challenger": "4"}


def test_without_a_rollback_there_is_nothing_to_unblock(four_versions: Registry) -> None:
    with pytest.raises(RegistryError, match="sample: no model is blocked, so there is nothing to unblock"):
        four_versions.unblock("sample", reason="x", by=ADA)
    assert len(four_versions.history("sample")) == 2


def test_without_a_champion_there_is_nothing_to_roll_back(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="there is no champion to roll back"):
        registry.rollback_target("sample", None, by=ADA)


def test_before_the_first_champion_there_is_nothing_to_roll_back_to(three_versions: Registry) -> None:
    promote(three_versions, "sample", "1", expected_champion=None)
    with pytest.raises(
        RegistryError, match="no version to roll back to: the ledger has no champion before version 1"
    ):
        three_versions.rollback_target("sample", None, by=ADA)


@pytest.mark.parametrize(
    ("to", "said"), [("9", "version=9.* not found"), ("2", "version 2 is already the champion")]
)
def test_a_target_that_does_not_exist_or_is_already_champion_is_refused(
    four_versions: Registry, to: str, said: str
) -> None:
    with pytest.raises(RegistryError, match=said):
        four_versions.rollback_target("sample", to, by=ADA)
    assert aliases(four_versions)["champion"] == "2"


def test_a_damaged_target_is_refused_and_the_champion_stays(four_versions: Registry) -> None:
    (four_versions.checked_version("sample", "1").bundle / "weights.npz").write_text("other")
    with pytest.raises(RegistryError, match="version 1 of sample: bundle was changed: expected sha256"):
        four_versions.rollback_target("sample", None, by=ADA)
    assert aliases(four_versions)["champion"] == "2"


def test_a_damaged_champion_can_be_rolled_back(four_versions: Registry) -> None:
    (four_versions.checked_version("sample", "2").bundle / "weights.npz").unlink()
    roll_back(four_versions)
    champion = four_versions.champion("sample")
    assert champion is not None
    assert champion.version == "1"


def test_a_rollback_of_a_champion_that_was_replaced_meanwhile_is_a_conflict(four_versions: Registry) -> None:
    champion, target = four_versions.rollback_target("sample", None, by=ADA)
    promote(four_versions, "sample", "4", expected_champion="2")
    with pytest.raises(PromotionConflictError, match="expected version 2, got version 4"):
        four_versions.roll_back("sample", champion, target.version, reason="x", everything=False, by=ADA)


def test_a_password_in_a_reason_is_hidden(four_versions: Registry) -> None:
    champion, target = four_versions.rollback_target("sample", None, by=ADA)
    reason = "postgresql://me:hunter2@host/db lied"
    entry = four_versions.roll_back(
        "sample", champion, target.version, reason=reason, everything=False, by=ADA
    )
    assert entry.sentence == "postgresql://me:***@host/db lied"


def test_a_registry_out_of_reach_is_an_error(tmp_path: Path) -> None:
    registry = Registry("postgresql+psycopg://me:hunter2@127.0.0.1:1/models", tmp_path)
    with pytest.raises(RegistryError, match="opening it") as caught:
        registry.rollback_target("sample", None, by=ADA)
    assert "hunter2" not in str(caught.value)
