"""Registry: one champion per tagger, one version per run directory, idempotent operations."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtag.registry.registration import register_bundle
from seqtag.registry.registry_reader import RegistryReader
from seqtag.registry.tracking import RetrainingRecord
from seqtag.registry.types import AuditContext, Champion, Entry, Event, Registration, RegistryDecision

if TYPE_CHECKING:
    from seqtag.evaluation import Metrics, TrainingHistory
    from seqtag.gate import Decision
    from seqtag.registry.promotion import PromotionService

logger = logging.getLogger(__name__)


class Registry(RegistryReader):
    """Taggers in MLflow's tracking store and model registry; the arguments are those of `RegistryReader`.

    Only `create` and `register` create the store.
    """

    def create(self) -> None:
        """Create the store if it does not exist.

        Raises:
            RegistryError: the database or the artifact folder could not be read or written.
        """
        self._store.create()

    def register(
        self,
        tagger: str,
        *,
        run_id: str,
        bundle: Path,
        config: Mapping[str, Any],
        history: TrainingHistory,
        metrics: Metrics,
        decision: Decision,
        dataset: Mapping[str, Any],
        tags: Mapping[str, str],
    ) -> Registration:
        """Log a tracked run and its model, register the model as a version and make it the challenger.

        Repeating a registration of the same bundle completes whatever is missing. With other serving code,
        the same bundle becomes another version.

        Args:
            config: the resolved configuration.
            dataset: `snapshot_id`, `digest` and `counts`, which maps splits to their counts.
            tags: further tags of the tracked run and of the version, such as digests.

        Raises:
            RegistryError: the store could not be read or written, or the bundle is empty.
        """
        retraining = RetrainingRecord(tagger, run_id, config, history, metrics, decision, dataset, tags)
        client = self._store.create()
        with self._store.reaching(f"registering {run_id} of {tagger}"), self._store.exclusive():
            registration = register_bundle(client, bundle, retraining, files=self._store.files)
        logger.info("%s: registered %s as version %s", tagger, run_id, registration.version)
        return registration

    def apply_decisions(
        self, decisions: Mapping[str, tuple[str, RegistryDecision]], *, by: AuditContext
    ) -> dict[str, Entry]:
        """Record the decision on a version in the ledger, and promote the version if it says so.

        Repeating a decision adds no second entry. A promotion that is blocked becomes a HOLD. Of taggers that
        are trained together, all are promoted or none.

        Args:
            decisions: version and decision by tagger.

        Raises:
            PromotionConflictError: a champion is no longer the one that the version was judged against.
            RegistryError: the store could not be read or written, has no such version, or its files changed.
        """
        from seqtag.registry.promotion import apply_decisions

        for tagger, (version, decision) in decisions.items():
            if decision.verdict == Event.PROMOTE:
                self.checked_version(tagger, version)
        judged = ", ".join(f"version {version} of {tagger}" for tagger, (version, _) in decisions.items())
        with self._locked_services(decisions, f"judging {judged}") as services:
            entries = apply_decisions(services, list(decisions.values()), by=by)
        return dict(zip(decisions, entries, strict=True))

    def rollback_target(self, tagger: str, target: str | None, *, by: AuditContext) -> tuple[str, Champion]:
        """Return the champion's version and the version to roll back to.

        Args:
            target: the version to roll back to; None for the previous champion.

        Raises:
            RegistryError: there is no champion or no such version, the target is already champion, or its
                files changed.
        """
        with self._locked_services([tagger], f"rolling {tagger} back") as (service,):
            champion, version = service.rollback_target(target, by=by)
        return champion, self.checked_version(tagger, version)

    def roll_back(
        self, tagger: str, champion: str, target: str, *, reason: str, everything: bool, by: AuditContext
    ) -> Entry:
        """Make an earlier version the champion again, and block the lineage of the one it replaces.

        Args:
            everything: block every other lineage as well.

        Raises:
            PromotionConflictError: `champion` is no longer the champion.
            RegistryError: the store could not be read or written.
        """
        with self._locked_services([tagger], f"rolling {tagger} back") as (service,):
            return service.roll_back(champion, target, reason=reason, everything=everything, by=by)

    def unblock(self, tagger: str, *, reason: str, by: AuditContext) -> Entry:
        """Lift all blocks.

        Raises:
            RegistryError: no block is in force, or the store could not be read or written.
        """
        with self._locked_services([tagger], f"unblocking {tagger}") as (service,):
            return service.unblock(reason=reason, by=by)

    @contextmanager
    def _locked_services(self, taggers: Iterable[str], purpose: str) -> Iterator[list[PromotionService]]:
        from seqtag.registry.aliases import Aliases
        from seqtag.registry.promotion import PromotionService

        # The lock spares processes of one machine a retry; between machines only the ledger decides.
        with self._store.reaching(purpose):
            client, ledger = self._store.client(), self._store.ledger()  # opening them takes the same lock
            services = [PromotionService(Aliases(client, ledger, tagger)) for tagger in taggers]
            with self._store.exclusive():
                yield services
