"""Promotions, rollbacks and their blocks, each written to the ledger before it takes effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from seqtag.config.secrets import hide_passwords
from seqtag.errors import PromotionConflictError, RegistryError
from seqtag.registry import types
from seqtag.registry.aliases import Aliases, version_text
from seqtag.registry.column_limits import storable
from seqtag.registry.ledger import Ledger
from seqtag.registry.types import AuditContext, Entry, Event, RegistryDecision, lineage


@dataclass(frozen=True)
class PromotionService:
    """Promotion and rollback of the champions of one tagger."""

    aliases: Aliases

    @property
    def ledger(self) -> Ledger:
        return self.aliases.ledger

    @property
    def tagger(self) -> str:
        return self.aliases.tagger

    def entry_for(self, version: str, decision: RegistryDecision, *, by: AuditContext) -> tuple[Entry, bool]:
        """Return the entry of a decision, and whether the ledger has it already; write only what is behind.

        A promotion that is blocked is a HOLD. A version may also replace a champion that is the same model
        with other serving code.

        Raises:
            PromotionConflictError: the champion is no longer the one that the version was judged against.
        """
        self.aliases.client.get_model_version(self.tagger, version)  # raises if there is none
        self.aliases.reconcile(by=by)
        length, latest = self.ledger.length(self.tagger), self.ledger.latest_move(self.tagger)
        recorded = self.find_entry(version, decision)
        if recorded is not None:
            return recorded, True
        champion = latest.to_version if latest is not None else None
        may_replace = champion == decision.against or self._is_same_model(champion, version)
        if decision.verdict == Event.PROMOTE and not may_replace:
            raise PromotionConflictError(
                f"{self.tagger}: champion has changed since version {version} was judged: expected "
                f"{version_text(decision.against)}, got {version_text(champion)}"
            )
        entry = self.aliases.entry(
            length + 1,
            self._event(version, decision),
            champion,
            version,
            by,
            dataset=decision.dataset,
        )
        entry = replace(
            entry,
            decision=decision.digest,
            report=decision.report,
            evidence=decision.evidence,
            spent=decision.spent,
        )
        return entry, False

    def find_entry(self, version: str, decision: RegistryDecision) -> Entry | None:
        """Return the entry that already records a decision, or None; write nothing."""
        event, sentence = self._event(version, decision)
        if decision.verdict == Event.PROMOTE:
            latest = self.ledger.latest_move(self.tagger)
            if latest is not None and latest.to_version == version:
                return latest
        found = self.ledger.latest_decision(self.tagger, version)
        same = found is not None and (found.event, found.decision, found.sentence) == (
            event,
            decision.digest,
            sentence,
        )
        return found if same and event != Event.PROMOTE else None

    def rollback_target(self, target: str | None, *, by: AuditContext) -> tuple[str, str]:
        """Return the champion and the version to roll back to: the target, else the previous champion.

        Raises:
            RegistryError: there is no champion, no such version, or the target is already champion.
        """
        self.aliases.reconcile(by=by)
        champion = self.aliases.champion()
        if champion is None:
            raise RegistryError(f"{self.tagger}: there is no champion to roll back")
        target = target or self.ledger.predecessor(self.tagger, champion)
        if target is None:
            raise RegistryError(
                f"{self.tagger}: there is no version to roll back to: the ledger has no champion before "
                f"version {champion}; name one with --to"
            )
        if target == champion:
            raise RegistryError(
                f"{self.tagger}: version {target} is already the champion; name another one with --to"
            )
        self.aliases.client.get_model_version(self.tagger, target)  # raises if there is none
        return champion, target

    def roll_back(
        self, champion: str, target: str, *, reason: str, everything: bool, by: AuditContext
    ) -> Entry:
        """Make an earlier version the champion again, and block the lineage of the one it replaces.

        Raises:
            PromotionConflictError: `champion` is no longer the champion.
        """
        while True:
            self.aliases.reconcile(by=by)
            length, now = self.ledger.length(self.tagger), self.aliases.champion()
            if now != champion:
                raise PromotionConflictError(
                    f"{self.tagger}: champion has changed since the rollback began: expected version "
                    f"{champion}, got {version_text(now)}"
                )
            blocks = types.EVERYTHING if everything else lineage(self.aliases.tags(champion))
            entry = self.aliases.entry(length + 1, (Event.ROLLBACK, reason), champion, target, by)
            if self.ledger.append(replace(entry, blocks=blocks)):
                self.aliases.reconcile(by=by)
                return entry

    def unblock(self, *, reason: str, by: AuditContext) -> Entry:
        """Lift all blocks.

        Raises:
            RegistryError: no block is in force.
        """
        while True:
            self.aliases.reconcile(by=by)
            length, champion = self.ledger.length(self.tagger), self.aliases.champion()
            if not self.ledger.blocks(self.tagger):
                raise RegistryError(f"{self.tagger}: no model is blocked, so there is nothing to unblock")
            entry = self.aliases.entry(length + 1, (Event.UNBLOCK, reason), champion, champion, by)
            if self.ledger.append(entry):
                self.aliases.reconcile(by=by)
                return entry

    def _event(self, version: str, decision: RegistryDecision) -> tuple[Event, str]:
        """Return the event and sentence of a decision: a HOLD if a rollback blocks its promotion."""
        if decision.verdict == Event.PROMOTE:
            block = self.ledger.block(self.tagger, lineage(self.aliases.tags(version)))
            if block is not None:
                command = f"seqtag unblock {self.tagger} --reason TEXT"
                return Event.HOLD, f"HOLD: {block_text(block)}; to unblock: {command}."
        return Event(decision.verdict), storable(hide_passwords(decision.sentence))

    def _is_same_model(self, one: str | None, other: str) -> bool:
        """Tell whether two versions hold the same bundle of the same run, so only serving code may differ."""
        if one is None:
            return False
        tags = [self.aliases.tags(version) for version in (one, other)]
        keys = (types.RUN_ID_TAG, types.BUNDLE_TAG)
        return all(key in tags[0] and tags[0][key] == tags[1].get(key) for key in keys)


def apply_decisions(
    services: Sequence[PromotionService],
    decisions: Sequence[tuple[str, RegistryDecision]],
    *,
    by: AuditContext,
) -> list[Entry]:
    """Record decisions on taggers that are trained together, and return the entries in force.

    All entries are written in one transaction, so that all are promoted or none. If one that was to be
    promoted is blocked, all are held. Repeating decisions adds no entries.

    Args:
        decisions: a version of each tagger, and the decision on it.

    Raises:
        PromotionConflictError: a champion is no longer the one that the version was judged against.
    """

    def entries(of: Sequence[tuple[str, RegistryDecision]]) -> list[tuple[Entry, bool]]:
        return [
            service.entry_for(version, decision, by=by)
            for service, (version, decision) in zip(services, of, strict=True)
        ]

    while True:
        found = entries(decisions)
        held = next((entry for entry, _ in found if entry.event == Event.HOLD), None)
        if held is not None and any(
            entry.event == Event.PROMOTE and not is_recorded for entry, is_recorded in found
        ):
            decisions = [
                (version, decision if service.tagger == held.tagger else _held_with(decision, held))
                for service, (version, decision) in zip(services, decisions, strict=True)
            ]
            found = entries(decisions)
        new = [entry for entry, is_recorded in found if not is_recorded]
        if new and not services[0].ledger.append(*new):
            continue
        for service, (version, _) in zip(services, decisions, strict=True):
            service.aliases.reconcile(by=by)
            service.aliases.describe(version)
        return [entry for entry, _ in found]


def _held_with(decision: RegistryDecision, held: Entry) -> RegistryDecision:
    sentence = f"HOLD: {held.tagger}, which is trained with it, is held: {held.sentence}"
    return replace(decision, verdict="HOLD", sentence=sentence)


def block_text(block: Entry) -> str:
    """Return who blocked which models, when and why."""
    blocked = "every model" if block.blocks == types.EVERYTHING else "models like it"
    return (
        f"{block.who} rolled version {block.from_version} back on {block.at[:10]} ({block.sentence}), "
        f"which blocks {blocked}"
    )
