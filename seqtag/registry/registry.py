"""The registry: one champion per tagger, one version per run directory, moves that can be repeated."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtag.errors import PromotionConflictError, RegistryError
from seqtag.registry import records
from seqtag.registry.artifact import bundle_digest, bundle_tags, find_bundle
from seqtag.registry.records import Champion, Registration, Version
from seqtag.registry.registration import find_versions, register_bundle, registered_aliases
from seqtag.registry.store import Store
from seqtag.registry.tracking import Retraining

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

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
        self._store = Store(url, artifacts)

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
        return self.at_alias(tagger, records.CHAMPION)

    def at_alias(self, tagger: str, alias: str) -> Champion | None:
        """Return the version that `champion`, `challenger` or `previous` points at, or None if none does.

        Raises:
            RegistryError: as in `champion`.
        """
        client = self._store.client()
        with self._store.reaching(f"looking for the {alias} of {tagger}"):
            number = registered_aliases(client, tagger).get(alias)
            if number is None:
                self._refuse_lost_database(client, tagger)
                return None
            version = client.get_model_version(tagger, number)
            location = client.get_model_version_download_uri(tagger, number)
        return self._checked(tagger, alias, version, location)

    def versions(self, tagger: str) -> list[Version]:
        """Return every registered version, oldest first.

        Raises:
            RegistryError: the store could not be read.
        """
        client = self._store.client()
        with self._store.reaching(f"listing the versions of {tagger}"):
            aliases = registered_aliases(client, tagger)
            found = find_versions(client, tagger)
        return [_version(v, aliases) for v in sorted(found, key=lambda v: int(v.version))]

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
        is missing.

        Args:
            config: the resolved configuration.
            history, metrics, decision: the run directory's JSON files of these names.
            dataset: `snapshot_id`, `digest` and `counts`, a mapping of splits to their numbers.
            tags: further tags of the tracked run and of the version, such as digests.

        Raises:
            RegistryError: the store could not be read or written, or the bundle is empty.
        """
        retraining = Retraining(tagger, run_id, config, history, metrics, decision, dataset, tags)
        client = self._store.client()
        with self._store.reaching(f"registering {run_id} of {tagger}"), self._store.exclusive():
            registration = register_bundle(client, bundle, retraining, artifacts=self._store.artifacts)
        _log.info("%s: registered %s as version %s", tagger, run_id, registration.version)
        return registration

    def promote(self, tagger: str, version: str, *, expected_champion: str | None) -> None:
        """Make `version` the champion in place of `expected_champion`, which becomes the previous one.

        Doing it again changes nothing.

        Raises:
            PromotionConflictError: another version is champion by now.
            RegistryError: the store could not be read or written, or has no such version.
        """
        client = self._store.client()
        with self._store.reaching(f"promoting version {version} of {tagger}"), self._store.exclusive():
            client.get_model_version(tagger, version)  # raises if there is none
            current = registered_aliases(client, tagger).get(records.CHAMPION)
            if current == version:
                return
            if current != expected_champion:
                raise PromotionConflictError(
                    f"{tagger}: version {version} was to replace {_named(expected_champion)}, which it was "
                    f"judged against. Received: {_named(current)} is champion by now"
                )
            client.set_model_version_tag(tagger, version, records.PROMOTED_OVER_TAG, current or "")
            if current is not None:
                client.set_registered_model_alias(tagger, records.PREVIOUS, current)
            client.set_registered_model_alias(tagger, records.CHAMPION, version)
        _log.info("%s: version %s is champion in place of %s", tagger, version, _named(current))

    def _checked(self, tagger: str, alias: str, version: ModelVersion, location: str) -> Champion:
        what = f"registry {self._store}: {alias} {version.version} of {tagger}"
        way_out = (
            "Restore its folder, or point the alias at another version: "
            f"MlflowClient().set_registered_model_alias({tagger!r}, {alias!r}, VERSION)"
        )
        # Without a cause, unlike what the database or the network does: trying again mends no file.
        try:
            bundle = find_bundle(location)
            digest = bundle_digest(bundle)
            expected = version.tags[records.BUNDLE_TAG]
            run_id = version.tags[records.RUN_ID_TAG]
            tag_set = bundle_tags(bundle)
        except Exception as error:  # whatever a damaged file makes a parser raise, the answer is never None
            raise RegistryError(
                f"{what}: its bundle at {location} cannot be read: {error!r}. {way_out}"
            ) from None
        if digest != expected:
            raise RegistryError(
                f"{what}: sha256 {expected} was registered. Received: {digest} in {bundle}. {way_out}"
            )
        return Champion(str(version.version), run_id, bundle, digest, tag_set)

    def _refuse_lost_database(self, client: MlflowClient, tagger: str) -> None:
        folder = self._store.artifacts / tagger
        if client.get_experiment_by_name(tagger) is None and folder.exists() and any(folder.iterdir()):
            raise RegistryError(
                f"registry {self._store}: it knows nothing of {tagger}, but {folder} holds its models. "
                "Restore the database, or move the folder away to begin anew without a champion"
            )


def _version(version: ModelVersion, aliases: Mapping[str, str]) -> Version:
    number = str(version.version)
    return Version(
        version=number,
        seqtag_run_id=version.tags.get(records.RUN_ID_TAG, ""),
        tracked_run_id=version.run_id or "",
        bundle_digest=version.tags.get(records.BUNDLE_TAG, ""),
        verdict=version.tags.get(records.VERDICT_TAG, ""),
        sentence=version.description or "",
        aliases=tuple(sorted(alias for alias, target in aliases.items() if target == number)),
        promoted_over=version.tags.get(records.PROMOTED_OVER_TAG),
    )


def _named(version: str | None) -> str:
    return "no champion" if version is None else f"version {version}"
