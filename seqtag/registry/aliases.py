"""MLflow's aliases, which follow the ledger.

The ledger is written first and says who serves. Whoever is killed between the two leaves aliases that are
behind: the tag `seqtag.entry` tells so, and the next one to write sets them first. Where they are not behind
and still differ, somebody moved the champion's alias by hand: that serves, and becomes an entry of its own.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqtag.config.secrets import hide_passwords
from seqtag.registry import types
from seqtag.registry.column_limits import storable
from seqtag.registry.ledger import Ledger
from seqtag.registry.registration import registered_model
from seqtag.registry.types import AuditContext, Entry, Event

if TYPE_CHECKING:
    from mlflow import MlflowClient

_COLLISIONS = 5  # after so many it is something else
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Aliases:
    """The aliases of one tagger, beside its entries in the ledger."""

    client: MlflowClient
    ledger: Ledger
    tagger: str

    def champion(self) -> str | None:
        """Return the version that serves; nothing is written."""
        champion, standing, behind = self._state()
        return standing.to_version if standing is not None and behind else champion

    def reconcile(self, *, by: AuditContext) -> None:
        """Have ledger and aliases say the same, whatever was cut off or done by hand before."""
        from mlflow.exceptions import MlflowException

        collisions = 0
        while True:
            champion, standing, behind = self._state()
            if standing is not None and behind:
                try:
                    self._point(standing)
                except MlflowException:  # such as another machine's setting the same alias at this moment
                    collisions += 1
                    if collisions == _COLLISIONS:
                        raise
                continue  # somebody may have written in the meantime: whoever sets aliases last looks last
            length = self.ledger.length(self.tagger)
            if champion == (standing.to_version if standing is not None else None):
                return
            if self.ledger.append(self._noticed(length, standing, champion, by)):
                _log.warning(
                    "%s: %s serves, not by us: it is in the ledger now", self.tagger, named(champion)
                )

    def _state(self) -> tuple[str | None, Entry | None, bool]:
        """Return where the champion's alias points, which entry it is to follow, and whether it is behind."""
        model = registered_model(self.client, self.tagger)  # before the ledger, so that it is never ahead
        aliases = {} if model is None else model.aliases
        champion = aliases.get(types.CHAMPION)
        standing = self.ledger.standing(self.tagger)
        settled = 0 if model is None else int(model.tags.get(types.ENTRY_TAG, 0))
        behind = standing is not None and settled < standing.entry and self._is_there(standing)
        return None if champion is None else str(champion), standing, behind

    def _is_there(self, standing: Entry) -> bool:
        """Tell whether the version that serves by the ledger exists, and is not another one of its number."""
        serves = standing.to_version
        if serves is None:
            return registered_model(self.client, self.tagger) is not None
        return standing.to_bundle == self.tags(serves).get(types.BUNDLE_TAG)

    def _point(self, standing: Entry) -> None:
        """Set the aliases as an entry says, the champion's after the other, and last the tag that says so."""
        client, tagger, serves = self.client, self.tagger, standing.to_version
        if standing.event == Event.PROMOTE:
            before = standing.from_version
            client.set_model_version_tag(tagger, serves, types.PROMOTED_OVER_TAG, before or "")
            if before is not None:
                client.set_registered_model_alias(tagger, types.PREVIOUS, before)
        elif standing.event == Event.ROLLBACK:
            before = self.ledger.predecessor(tagger, str(serves))
            if before is not None:
                client.set_registered_model_alias(tagger, types.PREVIOUS, before)
            else:
                client.delete_registered_model_alias(tagger, types.PREVIOUS)
        if serves is not None:
            client.set_registered_model_alias(tagger, types.CHAMPION, serves)
        client.set_registered_model_tag(tagger, types.ENTRY_TAG, str(standing.entry))
        _log.info("%s: %s is champion by entry %d of the ledger", tagger, named(serves), standing.entry)

    def _noticed(self, length: int, standing: Entry | None, champion: str | None, by: AuditContext) -> Entry:
        if length == 0:
            model = registered_model(self.client, self.tagger)
            before = None if model is None else model.aliases.get(types.PREVIOUS)
            told = (Event.ADOPT, "It served before there was a ledger.")
            return self.entry(1, told, None if before is None else str(before), champion, by)
        told = (Event.MOVE, "The alias was moved in MLflow, by whom is not known.")
        return self.entry(length + 1, told, standing.to_version if standing else None, champion, by)

    def entry(
        self,
        number: int,
        told: tuple[Event, str],
        from_version: str | None,
        to_version: str | None,
        by: AuditContext,
        *,
        dataset: str = "",
    ) -> Entry:
        """Return an entry as it would be written: what was told, of which version, before and after."""
        event, sentence = told
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
        """Return what a version was registered with; nothing if it was deleted in the meantime."""
        from mlflow.exceptions import MlflowException

        try:
            return {} if version is None else dict(self.client.get_model_version(self.tagger, version).tags)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return {}
            raise


def named(version: str | None) -> str:
    """Return a version in words."""
    return "no champion" if version is None else f"version {version}"
