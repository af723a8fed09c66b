"""Who serves a tagger: promotions, rollbacks, holds; each is in the ledger before it takes effect."""

from __future__ import annotations

from dataclasses import dataclass, replace

from seqtag.config.secrets import hide_passwords
from seqtag.errors import PromotionConflictError, RegistryError
from seqtag.registry import types
from seqtag.registry.aliases import Aliases, named
from seqtag.registry.column_limits import storable
from seqtag.registry.ledger import Ledger
from seqtag.registry.types import AuditContext, Entry, Event, RegistryDecision, lineage


@dataclass(frozen=True)
class PromotionService:
    """The champions of one tagger, one after the other."""

    aliases: Aliases

    @property
    def ledger(self) -> Ledger:
        return self.aliases.ledger

    @property
    def tagger(self) -> str:
        return self.aliases.tagger

    def judge(self, version: str, judgement: RegistryDecision, *, by: AuditContext) -> Entry:
        """Write a judgement down, and let the version serve if it says so; return the entry that holds.

        The same judgement of the same version makes no second entry. A promotion that a hold forbids becomes
        a HOLD. A version also replaces the champion that holds the same model with other serving code.

        Raises:
            PromotionConflictError: another version than it was judged against is champion by now.
        """
        self.aliases.client.get_model_version(self.tagger, version)  # raises if there is none
        while True:
            self.aliases.reconcile(by=by)
            length, standing = self.ledger.length(self.tagger), self.ledger.standing(self.tagger)
            judged = self.judged(version, judgement)
            if judged is not None:
                return judged
            champion = standing.to_version if standing is not None else None
            is_due = champion == judgement.against or self._is_same_model(champion, version)
            if judgement.verdict == Event.PROMOTE and not is_due:
                raise PromotionConflictError(
                    f"{self.tagger}: version {version} was to replace {named(judgement.against)}, which it "
                    f"was judged against. Received: {named(champion)} is champion by now"
                )
            to_come = self.aliases.entry(
                length + 1,
                self._held_or(version, judgement),
                champion,
                version,
                by,
                dataset=judgement.dataset,
            )
            entry = replace(
                to_come,
                decision=judgement.decision,
                report=judgement.report,
                evidence=judgement.evidence,
                spent=judgement.spent,
            )
            if self.ledger.append(entry):
                self.aliases.reconcile(by=by)
                return entry

    def judged(self, version: str, judgement: RegistryDecision) -> Entry | None:
        """Return the entry that says already what a judgement would, or None; nothing is written."""
        event, sentence = self._held_or(version, judgement)
        if judgement.verdict == Event.PROMOTE:
            standing = self.ledger.standing(self.tagger)
            if standing is not None and standing.to_version == version:
                return standing
        found = self.ledger.judged(self.tagger, version)
        same = found is not None and (found.event, found.decision, found.sentence) == (
            event,
            judgement.decision,
            sentence,
        )
        return found if same and event != Event.PROMOTE else None

    def earlier(self, target: str | None, *, by: AuditContext) -> tuple[str, str]:
        """Return the champion, and who could serve instead: the version asked for, else the one before.

        Raises:
            RegistryError: nobody serves, there is no such version, or it serves already.
        """
        self.aliases.reconcile(by=by)
        champion = self.aliases.champion()
        if champion is None:
            raise RegistryError(f"{self.tagger}: a champion to roll back was required. Received: none")
        target = target or self.ledger.predecessor(self.tagger, champion)
        if target is None:
            raise RegistryError(
                f"{self.tagger}: a version to roll back to was required. Received: version {champion} is "
                "champion, and none served before it"
            )
        if target == champion:
            raise RegistryError(
                f"{self.tagger}: another version than the champion was required. Received: {target}"
            )
        self.aliases.client.get_model_version(self.tagger, target)  # raises if there is none
        return champion, target

    def roll_back(
        self, champion: str, target: str, *, reason: str, everything: bool, by: AuditContext
    ) -> Entry:
        """Let an earlier version serve in place of the champion, and hold the champion's lineage.

        Raises:
            PromotionConflictError: another version is champion by now.
        """
        while True:
            self.aliases.reconcile(by=by)
            length, now = self.ledger.length(self.tagger), self.aliases.champion()
            if now != champion:
                raise PromotionConflictError(
                    f"{self.tagger}: version {champion} was to be rolled back. Received: {named(now)} is "
                    "champion by now"
                )
            holds = types.EVERYTHING if everything else lineage(self.aliases.tags(champion))
            entry = self.aliases.entry(length + 1, (Event.ROLLBACK, reason), champion, target, by)
            if self.ledger.append(replace(entry, holds=holds)):
                self.aliases.reconcile(by=by)
                return entry

    def release(self, *, reason: str, by: AuditContext) -> Entry:
        """Lift all holds.

        Raises:
            RegistryError: none is in force.
        """
        while True:
            self.aliases.reconcile(by=by)
            length, champion = self.ledger.length(self.tagger), self.aliases.champion()
            if not self.ledger.holds(self.tagger):
                raise RegistryError(f"{self.tagger}: a hold to release was required. Received: none in force")
            entry = self.aliases.entry(length + 1, (Event.RELEASE, reason), champion, champion, by)
            if self.ledger.append(entry):
                self.aliases.reconcile(by=by)
                return entry

    def _held_or(self, version: str, judgement: RegistryDecision) -> tuple[Event, str]:
        """Return what a judgement comes to: itself, or a HOLD where its promotion is forbidden."""
        if judgement.verdict == Event.PROMOTE:
            hold = self.ledger.hold(self.tagger, lineage(self.aliases.tags(version)))
            if hold is not None:
                return Event.HOLD, _sentence(hold)
        return Event(judgement.verdict), storable(hide_passwords(judgement.sentence))

    def _is_same_model(self, one: str | None, other: str) -> bool:
        """Tell whether two versions hold the same bundle of the same run: only their serving code differs."""
        if one is None:
            return False
        tags = [self.aliases.tags(version) for version in (one, other)]
        keys = (types.RUN_ID_TAG, types.BUNDLE_TAG)
        return all(key in tags[0] and tags[0][key] == tags[1].get(key) for key in keys)


def _sentence(hold: Entry) -> str:
    what = "every model" if hold.holds == types.EVERYTHING else "models of its configuration and code"
    return (
        f"HOLD: the decision was to promote, but {hold.who} rolled version {hold.from_version} back to "
        f"version {hold.to_version} at {hold.at} ({hold.sentence}), and {what} may not serve until that "
        f"is lifted: seqtag release-hold {hold.tagger} --reason TEXT."
    )
