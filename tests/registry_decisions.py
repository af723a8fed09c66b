"""Registry decisions and promotions like those of a retraining, with a fixed audit context."""

from datetime import UTC, datetime
from typing import Any

from seqtag.registry import AuditContext, Entry, Registry, RegistryDecision

ADA = AuditContext("ada@host", "a test", datetime(2026, 11, 22, 3, 30, tzinfo=UTC))


def registry_decision(verdict: str, *, against: str | None, **other: Any) -> RegistryDecision:
    """Return a decision whose digest depends on the champion that it was made against."""
    digest = f"{verdict} over {against}"
    fields = {"sentence": f"{verdict}: 0.750.", "digest": digest, "dataset": "5d", "report": "r"}
    return RegistryDecision(verdict=verdict, against=against, **{**fields, **other})


def apply_decision(
    registry: Registry, tagger: str, version: str, decision: RegistryDecision, *, by: AuditContext
) -> Entry:
    """Record a decision on a tagger that is trained alone."""
    return registry.apply_decisions({tagger: (version, decision)}, by=by)[tagger]


def promote(registry: Registry, tagger: str, version: str, *, expected_champion: str | None) -> Entry:
    """Promote a version in place of the champion that it was compared with."""
    return apply_decision(
        registry, tagger, version, registry_decision("PROMOTE", against=expected_champion), by=ADA
    )
