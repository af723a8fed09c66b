"""MLflow's aliases, kept in step with the ledger.

The ledger is written first and is the authority on the champion. A process killed between the two writes
leaves the aliases behind the ledger: the tag `seqtag.entry` shows it, and the next writer sets them first. If
they are not behind and still differ, somebody moved the champion's alias by hand: that version is the
champion, and the move gets its own entry.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqtag.config.secrets import hide_passwords
from seqtag.errors import RegistryError
from seqtag.registry import column_limits, types
from seqtag.registry.column_limits import fitted, storable
from seqtag.registry.ledger import Ledger
from seqtag.registry.mlflow_tables import is_missing
from seqtag.registry.registration import registered_model
from seqtag.registry.types import AuditContext, Entry, Event
from seqtag.registry.version_status import version_status

if TYPE_CHECKING:
    from mlflow import MlflowClient

_MAX_COLLISIONS = 5  # after that many, the cause is something else
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Aliases:
    """The aliases of one tagger and its entries in the ledger.

    client: MLflow's; `MLflowTables` is enough for methods that only read
    """

    client: MlflowClient
    ledger: Ledger
    tagger: str

    def champion(self) -> str | None:
        """Return the champion's version without writing anything."""
        champion, latest, behind = self._state()
        return latest.to_version if latest is not None and behind else champion

    def reconcile(self, *, by: AuditContext) -> None:
        """Bring ledger and aliases into agreement after an interruption or a change by hand."""
        from mlflow.exceptions import MlflowException

        collisions = 0
        while True:
            champion, latest, behind = self._state()
            if latest is not None and behind:
                try:
                    self._set_aliases(latest)
                except MlflowException:  # for example, another machine is setting the same alias
                    collisions += 1
                    if collisions == _MAX_COLLISIONS:
                        raise
                continue  # somebody may have written meanwhile: the last to set aliases must check last
            length = self.ledger.length(self.tagger)
            if champion == (latest.to_version if latest is not None else None):
                return
            if self.ledger.append(self._outside_change(length, latest, champion, by)):
                logger.warning(
                    "%s: champion's alias was changed outside seqtag (now %s); recorded in the ledger",
                    self.tagger,
                    version_text(champion),
                )

    def _state(self) -> tuple[str | None, Entry | None, bool]:
        """Return the target of the champion's alias, the entry it should follow, and whether it is behind."""
        model = registered_model(self.client, self.tagger)  # read before the ledger, so it is never ahead
        aliases = {} if model is None else model.aliases
        champion = aliases.get(types.CHAMPION)
        latest = self.ledger.latest_move(self.tagger)
        applied = 0 if model is None else int(model.tags.get(types.ENTRY_TAG, 0))
        newest = 0 if latest is None else latest.entry
        if applied > newest:
            raise RegistryError(
                f"{self.tagger}: ledger lacks entries: expected entry {applied}, which MLflow's aliases "
                f"follow, got {newest} as the newest; restore the ledger, or correct SEQTAG_LEDGER_URL"
            )
        behind = latest is not None and applied < latest.entry and self._exists(latest)
        return None if champion is None else str(champion), latest, behind

    def _exists(self, latest: Entry) -> bool:
        """Tell whether the ledger's champion exists, and its number was not given to another model."""
        champion = latest.to_version
        if champion is None:
            return registered_model(self.client, self.tagger) is not None
        return latest.to_bundle == self.tags(champion).get(types.BUNDLE_TAG)

    def _set_aliases(self, latest: Entry) -> None:
        """Set the aliases to match an entry: `previous`, then `champion`, then the tag with its number."""
        client, tagger, champion = self.client, self.tagger, latest.to_version
        if latest.event == Event.PROMOTE:
            before = latest.from_version
            client.set_model_version_tag(tagger, champion, types.PROMOTED_OVER_TAG, before or "")
            if before is not None:
                client.set_registered_model_alias(tagger, types.PREVIOUS, before)
        elif latest.event == Event.ROLLBACK:
            before = self.ledger.predecessor(tagger, str(champion))
            if before is not None:
                client.set_registered_model_alias(tagger, types.PREVIOUS, before)
            else:
                client.delete_registered_model_alias(tagger, types.PREVIOUS)
        if champion is not None:
            client.set_registered_model_alias(tagger, types.CHAMPION, champion)
        self.describe(latest.from_version, champion)
        client.set_registered_model_tag(tagger, types.ENTRY_TAG, str(latest.entry))
        logger.info("%s: champion is now %s (ledger entry %d)", tagger, version_text(champion), latest.entry)

    def describe(self, *versions: str | None) -> None:
        """Set the verdict and the description of versions in MLflow to their status in the ledger."""
        entries = self.ledger.entries(self.tagger)
        for version in filter(None, versions):
            status = version_status(entries, version)
            if status is None or not (tags := self.tags(version)):  # deleted meanwhile
                continue
            if tags.get(types.VERDICT_TAG) != status.verdict:
                self.client.set_model_version_tag(self.tagger, version, types.VERDICT_TAG, status.verdict)
            text = fitted(status.description, column_limits.DESCRIPTION, whole="the ledger")
            if self.client.get_model_version(self.tagger, version).description != text:
                self.client.update_model_version(self.tagger, version, text)

    def _outside_change(
        self, length: int, latest: Entry | None, champion: str | None, by: AuditContext
    ) -> Entry:
        if length == 0:
            model = registered_model(self.client, self.tagger)
            before = None if model is None else model.aliases.get(types.PREVIOUS)
            change = (Event.ADOPT, "It was the champion before the ledger existed.")
            return self.entry(1, change, None if before is None else str(before), champion, by)
        change = (Event.MOVE, "The alias was moved in MLflow by an unknown user.")
        return self.entry(length + 1, change, latest.to_version if latest else None, champion, by)

    def entry(
        self,
        number: int,
        change: tuple[Event, str],
        from_version: str | None,
        to_version: str | None,
        by: AuditContext,
        *,
        dataset: str = "",
    ) -> Entry:
        """Return the entry for a change (event and sentence) from one version to another; write nothing."""
        event, sentence = change
        before, after = self.tags(from_version), self.tags(to_version)
        return Entry(
            tagger=self.tagger,
            entry=number,
            at=by.at.isoformat(timespec="seconds"),
            who=storable(by.who),
            through=by.through,
            event=event.value,
            from_version=from_version,
            to_version=to_version,
            from_bundle=before.get(types.BUNDLE_TAG, ""),
            to_bundle=after.get(types.BUNDLE_TAG, ""),
            config=after.get(types.CONFIG_TAG, ""),
            code=after.get(types.CODE_TAG, ""),
            dataset=dataset,
            sentence=storable(hide_passwords(sentence)),
        )

    def tags(self, version: str | None) -> dict[str, Any]:
        """Return the tags of a version, empty if it was deleted meanwhile."""
        try:
            return {} if version is None else dict(self.client.get_model_version(self.tagger, version).tags)
        except Exception as error:
            if is_missing(error):
                return {}
            raise


def version_text(version: str | None) -> str:
    """Return a version in words, for messages."""
    return "no champion" if version is None else f"version {version}"
