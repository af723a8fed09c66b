"""Decisions on taggers that are trained together: all are promoted, or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from seqtag.errors import PromotionConflictError
from seqtag.registry import Entry, Registry
from seqtag.registry.ledger import Ledger
from tests.registry_decisions import ADA, promote, registry_decision

Results = Callable[..., dict[str, Any]]
FIRST = registry_decision("PROMOTE", against=None)


@pytest.fixture
def both(registry: Registry, results: Results) -> Registry:
    """Return a registry with a version of each of two taggers."""
    for tagger in ("pos", "fine"):
        registry.register(tagger, **{**results("2026-11-21-a"), "tags": {"seqtag.code": "old"}})
    return registry


def apply(registry: Registry, **versions: str) -> dict[str, Entry]:
    return registry.apply_decisions({tagger: (v, FIRST) for tagger, v in versions.items()}, by=ADA)


def champions(registry: Registry) -> list[str | None]:
    found = [registry.champion(tagger) for tagger in ("pos", "fine")]
    return [None if champion is None else champion.version for champion in found]


def test_all_are_promoted_and_repeating_it_adds_no_entry(both: Registry) -> None:
    entries = apply(both, pos="1", fine="1")
    assert [entry.event for entry in entries.values()] == ["PROMOTE", "PROMOTE"]
    assert champions(both) == ["1", "1"]
    assert apply(both, pos="1", fine="1") == entries
    assert [len(both.history(tagger)) for tagger in entries] == [1, 1]


def test_if_the_champion_of_one_has_changed_no_entry_is_written(both: Registry, results: Results) -> None:
    both.register("fine", **results("2026-11-22-a", weights="w2"))
    promote(both, "fine", "2", expected_champion=None)
    with pytest.raises(PromotionConflictError, match="fine: champion has changed"):
        apply(both, pos="1", fine="1")
    assert champions(both) == [None, "2"]
    assert both.history("pos") == []


def test_if_one_is_blocked_all_are_held(both: Registry, results: Results) -> None:
    both.register("fine", **{**results("2026-11-22-a", weights="w2"), "tags": {"seqtag.code": "new"}})
    promote(both, "fine", "2", expected_champion=None)
    both.register("fine", **{**results("2026-11-23-a", weights="w3"), "tags": {"seqtag.code": "old"}})
    promote(both, "fine", "3", expected_champion="2")
    both.roll_back("fine", "3", "2", reason="O is wrong", everything=False, by=ADA)
    decisions = {"pos": ("1", FIRST), "fine": ("1", registry_decision("PROMOTE", against="2"))}
    entries = both.apply_decisions(decisions, by=ADA)
    assert [entry.event for entry in entries.values()] == ["HOLD", "HOLD"]
    assert entries["pos"].sentence.startswith("HOLD: fine, which is trained with it, is held: ")
    assert champions(both) == [None, "2"]
    assert both.apply_decisions(decisions, by=ADA) == entries


def test_a_lost_race_of_one_writes_none_and_is_tried_again(
    both: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, calls = Ledger.append, []

    def taken_once(self: Ledger, *entries: Entry) -> bool:
        calls.append(entries)
        if len(calls) == 1:  # another machine takes the number of the second tagger's entry
            append(self, replace(entries[1], event="HOLD", sentence="HOLD: a tie."))
        return append(self, *entries)

    monkeypatch.setattr(Ledger, "append", taken_once)
    apply(both, pos="1", fine="1")
    assert champions(both) == ["1", "1"]
    assert [entry.event for entry in both.history("fine")] == ["HOLD", "PROMOTE"]
    assert [entry.event for entry in both.history("pos")] == ["PROMOTE"]
