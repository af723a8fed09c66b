"""Promotions as a retraining makes them, by somebody at some time."""

from datetime import UTC, datetime
from typing import Any

from seqtag.registry import AuditContext, Entry, Registry, RegistryDecision

ADA = AuditContext("ada@host", "a test", datetime(2026, 11, 22, 3, 30, tzinfo=UTC))


def judgement(verdict: str, *, against: str | None, **other: Any) -> RegistryDecision:
    """Return a judgement whose decision has another digest for another champion."""
    decision = f"{verdict} over {against}"
    told = {"sentence": f"{verdict}: 0.750.", "decision": decision, "dataset": "5d", "report": "r"}
    return RegistryDecision(verdict=verdict, against=against, **{**told, **other})


def promote(registry: Registry, tagger: str, version: str, *, expected_champion: str | None) -> Entry:
    """Let a version serve in place of the champion that it was judged against."""
    return registry.judge(tagger, version, judgement("PROMOTE", against=expected_champion), by=ADA)
