"""The registry: one champion per tagger, one version per run directory, moves that can be repeated."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtag.errors import RegistryError
from seqtag.registry import types
from seqtag.registry.mlflow_store import MLflowStore
from seqtag.registry.model_versions import checked, described
from seqtag.registry.registration import (
    find_registration,
    find_versions,
    identity,
    register_bundle,
    registered_aliases,
)
from seqtag.registry.tracking import RetrainingRecord, logged_files
from seqtag.registry.types import (
    AuditContext,
    Champion,
    Entry,
    Event,
    RecordedComparison,
    Registration,
    RegistryDecision,
    Version,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from seqtag.config import SchemeName
    from seqtag.registry.infra_validation import InfraFindings
    from seqtag.registry.promotion import PromotionService

_log = logging.getLogger(__name__)


class Registry:
    """MLflow's tracking store and model registry, for taggers.

    Args:
        url: SQLAlchemy URL of the database; SQLite files are absolute (see `sqlite_url`).
        artifacts: absolute folder of the files; one folder below it per tagger.

    Raises:
        ConfigError: one of them is not absolute, or the URL is none.
    """

    def __init__(self, url: str, artifacts: Path) -> None:
        self._store = MLflowStore(url, artifacts)

    def check(self) -> None:
        """Open the store and write and remove a file among the artifacts.

        Raises:
            RegistryError: says what is wrong.
        """
        client = self._store.client()
        with self._store.reaching("reading its models"):
            client.search_registered_models(max_results=1)
        with self._store.reaching("writing its artifacts"), tempfile.TemporaryFile(dir=self._store.artifacts):
            pass

    def champion(self, tagger: str) -> Champion | None:
        """Return the version that serves, or None if nobody was ever promoted.

        Raises:
            RegistryError: that could not be found out, or the champion's bundle is missing or damaged; it
                never means that there is no champion.
        """
        return self.at_alias(tagger, types.CHAMPION)

    def at_alias(self, tagger: str, alias: str) -> Champion | None:
        """Return the version that `champion`, `challenger` or `previous` points at, or None if none does.

        Raises:
            RegistryError: as in `champion`.
        """
        client = self._store.client()
        with self._store.reaching(f"looking for the {alias} of {tagger}"):
            if alias == types.CHAMPION:
                number = self._succession(tagger).aliases.champion()
            else:
                number = registered_aliases(client, tagger).get(alias)
            if number is None:
                self._refuse_lost_database(client, tagger)
                return None
        return self.at_version(tagger, number, role=alias)

    def at_version(self, tagger: str, number: str, *, role: str = "version") -> Champion:
        """Return a version, its bundle checked.

        Raises:
            RegistryError: there is none, the store could not be read, or the files are missing or changed.
        """
        client = self._store.client()
        with self._store.reaching(f"looking for version {number} of {tagger}"):
            version = client.get_model_version(tagger, number)
            location = client.get_model_version_download_uri(tagger, number)
        return checked(version, location, role=role, store=str(self._store))

    def versions(self, tagger: str) -> list[Version]:
        """Return every registered version, oldest first.

        Raises:
            RegistryError: the store could not be read.
        """
        client = self._store.client()
        with self._store.reaching(f"listing the versions of {tagger}"):
            aliases = registered_aliases(client, tagger)
            found = find_versions(client, tagger)
        return [described(v, aliases) for v in sorted(found, key=lambda v: int(v.version))]

    def register(
        self,
        tagger: str,
        *,
        run_id: str,
        bundle: Path,
        config: Mapping[str, Any],
        history: Sequence[Mapping[str, Any]],
        metrics: Mapping[str, Any],
        decision: Mapping[str, Any],
        dataset: Mapping[str, Any],
        tags: Mapping[str, str],
    ) -> Registration:
        """Log the tracked run, log the model, register it as a version and call it the challenger.

        Registering the same bundle of the same run directory again finds what is there and completes what
        is missing. With other serving code it becomes another version.

        Args:
            config: the resolved configuration.
            history, metrics, decision: the run directory's JSON files of these names.
            dataset: `snapshot_id`, `digest` and `counts`, a mapping of splits to their numbers.
            tags: further tags of the tracked run and of the version, such as digests.

        Raises:
            RegistryError: the store could not be read or written, or the bundle is empty.
        """
        retraining = RetrainingRecord(tagger, run_id, config, history, metrics, decision, dataset, tags)
        client = self._store.client()
        with self._store.reaching(f"registering {run_id} of {tagger}"), self._store.exclusive():
            registration = register_bundle(client, bundle, retraining, artifacts=self._store.artifacts)
        _log.info("%s: registered %s as version %s", tagger, run_id, registration.version)
        return registration

    def registration(self, tagger: str, *, run_id: str, bundle: Path) -> Registration | None:
        """Return where a run directory's bundle is registered, None if it is not; nothing is written.

        A registration with other serving code than today's does not count.

        Raises:
            RegistryError: the store could not be read, or the bundle is empty.
        """
        client = self._store.client()
        with self._store.reaching(f"looking for {run_id} of {tagger}"):
            return find_registration(client, tagger, identity(run_id, bundle))

    def judge(self, tagger: str, version: str, judgement: RegistryDecision, *, by: AuditContext) -> Entry:
        """Enter in the ledger what is to become of a version, and let it serve if it is promoted.

        The same judgement makes no second entry, and a promotion that a hold forbids becomes a HOLD.

        Raises:
            PromotionConflictError: another version than it was judged against is champion by now.
            RegistryError: the store could not be read or written, has no such version, or its files changed.
        """
        if judgement.verdict == Event.PROMOTE:
            self.at_version(tagger, version)
        with self._succeeding(tagger, f"judging version {version} of {tagger}") as succession:
            return succession.judge(version, judgement, by=by)

    def judged(self, tagger: str, version: str, judgement: RegistryDecision) -> Entry | None:
        """Return the entry that says already what a judgement would, or None; nothing is written.

        Raises:
            RegistryError: the store could not be read.
        """
        with self._store.reaching(f"looking for a judgement of {tagger}"):
            return self._succession(tagger).judged(version, judgement)

    def earlier(self, tagger: str, target: str | None, *, by: AuditContext) -> tuple[str, Champion]:
        """Return the champion's version, and what could serve instead: that asked for, else the one before.

        Raises:
            RegistryError: nobody serves, there is no such version, it serves already, or its files changed.
        """
        with self._succeeding(tagger, f"rolling {tagger} back") as succession:
            champion, version = succession.earlier(target, by=by)
        return champion, self.at_version(tagger, version)

    def roll_back(
        self, tagger: str, champion: str, target: str, *, reason: str, everything: bool, by: AuditContext
    ) -> Entry:
        """Let an earlier version serve in place of the champion, whose lineage is then held.

        Args:
            everything: every other lineage is held, too.

        Raises:
            PromotionConflictError: another version is champion by now.
            RegistryError: the store could not be read or written.
        """
        with self._succeeding(tagger, f"rolling {tagger} back") as succession:
            return succession.roll_back(champion, target, reason=reason, everything=everything, by=by)

    def release(self, tagger: str, *, reason: str, by: AuditContext) -> Entry:
        """Lift all holds.

        Raises:
            RegistryError: none is in force, or the store could not be read or written.
        """
        with self._succeeding(tagger, f"releasing {tagger}") as succession:
            return succession.release(reason=reason, by=by)

    def validate_infra(
        self, tagger: str, version: str, *, golden: Path | None, scheme: SchemeName
    ) -> InfraFindings:
        """Try a version out, loaded as those do whom it serves; see `seqtag.registry.infra_validation`.

        Raises:
            RegistryError: the store could not be read, has no such version, or its files changed.
            MemoryExhaustedError: there was not memory enough.
        """
        from seqtag.registry.infra_validation import validate_infra

        found = self.at_version(tagger, version)
        return validate_infra(self._store.url, tagger, found, golden=golden, scheme=scheme)

    def history(self, tagger: str) -> list[Entry]:
        """Return the entries of the ledger, oldest first.

        Raises:
            RegistryError: the store could not be read.
        """
        with self._store.reaching(f"reading the ledger of {tagger}"):
            return self._store.ledger().entries(tagger)

    def logged(self, tagger: str, version: str) -> dict[str, Any]:
        """Return `config` and `metrics` of a version's tracked run, each None if it was not logged.

        Raises:
            RegistryError: the store could not be read.
        """
        client = self._store.client()
        with self._store.reaching(f"reading what was logged of version {version} of {tagger}"):
            return logged_files(client, client.get_model_version(tagger, version), ("config", "metrics"))

    def comparisons(self, tagger: str) -> list[RecordedComparison]:
        """Return the comparisons with new evidence that the ledger holds, oldest first.

        Raises:
            RegistryError: the store could not be read.
        """
        with self._store.reaching(f"reading the ledger of {tagger}"):
            return self._store.ledger().comparisons(tagger)

    @contextmanager
    def _succeeding(self, tagger: str, purpose: str) -> Iterator[PromotionService]:
        # The lock spares the processes of one machine a second try; between machines it is the ledger alone.
        with self._store.reaching(purpose):
            succession = self._succession(tagger)  # opens the store, which takes the same lock
            with self._store.exclusive():
                yield succession

    def _succession(self, tagger: str) -> PromotionService:
        from seqtag.registry.aliases import Aliases
        from seqtag.registry.promotion import PromotionService

        return PromotionService(Aliases(self._store.client(), self._store.ledger(), tagger))

    def _refuse_lost_database(self, client: MlflowClient, tagger: str) -> None:
        folder = self._store.artifacts / tagger
        if client.get_experiment_by_name(tagger) is None and folder.exists() and any(folder.iterdir()):
            raise RegistryError(
                f"registry {self._store}: it knows nothing of {tagger}, but {folder} holds its models. "
                "Restore the database, or move the folder away to begin anew without a champion"
            )
