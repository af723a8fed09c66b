"""Registry as it is read: versions, their files, and the ledger."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from seqtag.errors import RegistryError
from seqtag.registry import types
from seqtag.registry.mlflow_store import MLflowStore
from seqtag.registry.model_versions import checked, described
from seqtag.registry.registration import find_registration, find_versions, identity, registered_aliases
from seqtag.registry.smoke_findings import SmokeFindings, smoke_test
from seqtag.registry.tracking import LoggedResults, logged_results
from seqtag.registry.types import (
    Champion,
    Entry,
    RecordedComparison,
    Registration,
    RegistryDecision,
    Standing,
    Version,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from seqtag.config import SchemeName
    from seqtag.registry.promotion import PromotionService
    from seqtag.registry.scoring import ScoringModel


class RegistryReader:
    """Taggers in MLflow's tracking store and model registry, to be read.

    Nothing is created. In a store that does not exist, lookups find nothing; everything else is a
    RegistryError.

    Args:
        url: SQLAlchemy URL of the database, or URL of an MLflow server; the path of an SQLite file must be
            absolute (see `sqlite_url`).
        artifacts: absolute path of the artifact folder, which has one subfolder per tagger; for a server, of
            the copies of its models.
        ledger_url: SQLAlchemy URL of the ledger's database, which a server needs; None for the registry's.

    Raises:
        ConfigError: a path is relative, or a URL is invalid.
    """

    def __init__(self, url: str, artifacts: Path, *, ledger_url: str | None = None) -> None:
        self._store = MLflowStore(url, artifacts, ledger_url=ledger_url)

    def exists(self) -> bool:
        """Return whether the store exists; create nothing.

        Raises:
            RegistryError: the database could not be read.
        """
        return self._store.exists()

    def check(self) -> None:
        """Check that the store exists and can be opened, and that its artifact folder can be written.

        Raises:
            RegistryError: the database or the artifact folder could not be read or written.
        """
        client = self._store.client()
        with self._store.reaching("reading its models"):
            client.search_registered_models(max_results=1)
        if self._store.files.is_remote:  # nothing can be written there without a tracked run
            return
        with self._store.reaching("writing its artifacts"), tempfile.TemporaryFile(dir=self._store.artifacts):
            pass

    def champion(self, tagger: str) -> Champion | None:
        """Return the champion, or None if no version was ever promoted.

        Raises:
            RegistryError: the store could not be read, or the champion's bundle is missing or damaged; the
                error never means that there is no champion.
        """
        return self.version_at_alias(tagger, types.CHAMPION)

    def version_at_alias(self, tagger: str, alias: str) -> Champion | None:
        """Return the version that the alias `champion`, `challenger` or `previous` points at, or None.

        Raises:
            RegistryError: as in `champion`.
        """
        if not self._store.exists():
            self._check_for_lost_database(tagger)
            return None
        with self._store.reaching(f"looking for the {alias} of {tagger}"):
            if alias == types.CHAMPION:
                number = self._reading_service(tagger).aliases.champion()
            else:
                number = registered_aliases(self._store.reader(), tagger).get(alias)
            if number is None:
                if self._store.client().get_experiment_by_name(tagger) is None:
                    self._check_for_lost_database(tagger)
                return None
        return self.checked_version(tagger, number, role=alias)

    def checked_version(self, tagger: str, number: str, *, role: str = "version") -> Champion:
        """Return a version after checking its bundle.

        Raises:
            RegistryError: the version does not exist, the store could not be read, or the files are missing
                or changed.
        """
        client = self._store.reader()
        with self._store.reaching(f"looking for version {number} of {tagger}"):
            version = client.get_model_version(tagger, number)
            location = client.get_model_version_download_uri(tagger, number)
        return checked(version, location, self._store.files, role=role, store=str(self._store))

    def versions(self, tagger: str) -> list[Version]:
        """Return every registered version, oldest first.

        Raises:
            RegistryError: the store could not be read.
        """
        if not self._store.exists():
            return []
        client = self._store.reader()
        with self._store.reaching(f"listing the versions of {tagger}"):
            aliases = registered_aliases(client, tagger)
            found = find_versions(client, tagger)
        return [described(v, aliases) for v in sorted(found, key=lambda v: int(v.version))]

    def registration(self, tagger: str, *, run_id: str, bundle: Path) -> Registration | None:
        """Return the registration of a run directory's bundle, or None; write nothing.

        A registration with other serving code than the current one does not count.

        Raises:
            RegistryError: the store could not be read, or the bundle is empty.
        """
        if not self._store.exists():
            return None
        client = self._store.reader()
        with self._store.reaching(f"looking for {run_id} of {tagger}"):
            return find_registration(client, tagger, identity(run_id, bundle))

    def find_entry(self, tagger: str, version: str, decision: RegistryDecision) -> Entry | None:
        """Return the entry that already records a decision, or None; write nothing.

        Raises:
            RegistryError: the store could not be read.
        """
        with self._store.reaching(f"looking for a decision on {tagger}"):
            return self._reading_service(tagger).find_entry(version, decision)

    def smoke_test(
        self, tagger: str, version: str, *, golden: Path | None, scheme: SchemeName
    ) -> SmokeFindings:
        """Smoke-test a version in a fresh process; see `seqtag.registry.smoke_findings`.

        Raises:
            RegistryError: the store could not be read, has no such version, or its files changed.
            MemoryExhaustedError: the process ran out of memory.
        """
        found, model = self.checked_version(tagger, version), self._consumers_uri(tagger, version)
        return smoke_test(self._store.url, model, found, golden=golden, scheme=scheme)

    def load(self, tagger: str, version: str) -> ScoringModel:
        """Load a version into this process, as its consumers load it.

        Raises:
            RegistryError: the store could not be read, has no such version, or its files changed.
        """
        from seqtag.registry.scoring import ScoringModel

        self.checked_version(tagger, version)
        model = self._consumers_uri(tagger, version)
        with self._store.reaching(f"loading version {version} of {tagger}"):
            return ScoringModel(self._store.url, model)

    def history(self, tagger: str) -> list[Entry]:
        """Return the entries of the ledger, oldest first.

        Raises:
            RegistryError: the store could not be read.
        """
        with self._store.reaching(f"reading the ledger of {tagger}"):
            ledger = self._store.find_ledger()
            return [] if ledger is None else ledger.entries(tagger)

    def logged_results(self, tagger: str, version: str) -> LoggedResults:
        """Return the configuration and metrics of a version's tracked run.

        Raises:
            RegistryError: the store could not be read.
        """
        client = self._store.reader()
        with self._store.reaching(f"reading the tracked run of version {version} of {tagger}"):
            return logged_results(client, client.get_model_version(tagger, version), self._store.files)

    def standings(self) -> dict[str, Standing]:
        """Return the champion and the blocks in force of every tagger in the ledger, without opening MLflow.

        Raises:
            RegistryError: the ledger could not be read.
        """
        with self._store.reaching("reading its ledger"):
            ledger = self._store.find_ledger()
            return {} if ledger is None else ledger.standings()

    def has_ledger(self) -> bool:
        """Return whether the ledger exists; create nothing.

        Raises:
            RegistryError: its database could not be read.
        """
        with self._store.reaching("opening its ledger"):
            return self._store.find_ledger() is not None

    def block(self, tagger: str, tags: Mapping[str, str]) -> Entry | None:
        """Return the newest entry that blocks the lineage of a version, None if it may be promoted.

        Args:
            tags: those of `register`, of the version or of one that is not registered yet.

        Raises:
            RegistryError: the store could not be read.
        """
        with self._store.reaching(f"reading the ledger of {tagger}"):
            ledger = self._store.find_ledger()
            return None if ledger is None else ledger.block(tagger, types.lineage(tags))

    def comparisons(self, tagger: str) -> list[RecordedComparison]:
        """Return the ledger's distinct comparisons of challengers with champions, oldest first.

        Raises:
            RegistryError: the store could not be read.
        """
        with self._store.reaching(f"reading the ledger of {tagger}"):
            ledger = self._store.find_ledger()
            return [] if ledger is None else ledger.comparisons(tagger)

    def _consumers_uri(self, tagger: str, version: str) -> str:
        """Return the URI from which MLflow loads a version."""
        with self._store.reaching(f"looking for version {version} of {tagger}"):
            location = self._store.client().get_model_version_download_uri(tagger, version)
        return self._store.files.consumers_uri(location, tagger, version)

    def _reading_service(self, tagger: str) -> PromotionService:
        """Return a service whose methods that only read can be used; it needs no client of MLflow."""
        from seqtag.registry.aliases import Aliases
        from seqtag.registry.promotion import PromotionService

        client = cast("MlflowClient", self._store.reader())
        return PromotionService(Aliases(client, self._store.find_ledger() or self._store.ledger(), tagger))

    def _check_for_lost_database(self, tagger: str) -> None:
        if self._store.files.is_remote:
            return
        folder = self._store.artifacts / tagger
        if folder.exists() and any(folder.iterdir()):
            raise RegistryError(
                f"registry {self._store}: no record of {tagger}, but {folder} holds its models; restore the "
                "database, or move the folder away to start over without a champion"
            )
