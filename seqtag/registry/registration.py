"""Registration of a run directory as a version. Every step is idempotent, so it can be interrupted."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqtag.registry import column_limits, types
from seqtag.registry.artifact_files import ArtifactFiles
from seqtag.registry.column_limits import fitted
from seqtag.registry.mlflow_tables import MLflowTables, StoredModel, StoredVersion, is_missing
from seqtag.registry.model_artifact import bundle_digest, serving_digest, write_served_model
from seqtag.registry.tracking import RetrainingRecord, log_evaluation, log_training
from seqtag.registry.types import Registration

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

    from seqtag.registry.mlflow_tables import Reader

_IDENTITY = (types.RUN_ID_TAG, types.BUNDLE_TAG, types.SERVING_TAG)
_VERSIONS_PER_CALL = 200
_PACKING = ".packing-"  # prefix of the temporary folder in which a model is packed
_NOTE = "mlflow.note.content"  # tag that MLflow shows as the tracked run's description


def register_bundle(
    client: MlflowClient, bundle: Path, retraining: RetrainingRecord, *, files: ArtifactFiles
) -> Registration:
    """Create or complete the tracked run, its model, the version and the challenger's alias.

    In a finished tracked run only the decision is rewritten, if it changed. The caller must hold the store's
    lock.
    """
    _remove_leftovers(files.folder)
    run_tags = {
        **{key: fitted(tag, column_limits.TAG, whole="its run") for key, tag in retraining.tags.items()},
        **identity(retraining.run_id, bundle),
        types.VERDICT_TAG: retraining.verdict,
    }
    run = _tracked_run(client, retraining, run_tags, files=files)
    model = _logged_model(client, run, name=retraining.tagger)
    unfinished = run.info.status != "FINISHED"
    if unfinished:
        log_training(client, run, retraining, files)
        _log_files(client, run, model, bundle, files=files)
    decided = unfinished or run.data.tags.get(_NOTE) != retraining.note
    if decided:
        log_evaluation(client, run, model, retraining, files)
    version = _version(client, retraining, model, run_tags, decided=decided)
    if unfinished:
        files.note_version(model.artifact_location, retraining.tagger, version)
    if decided:  # last, so that an interrupted call is repeated
        client.set_tag(run.info.run_id, types.VERDICT_TAG, retraining.verdict)
        client.set_tag(run.info.run_id, _NOTE, retraining.note)
    if unfinished:
        client.set_terminated(run.info.run_id)
    _set_challenger(client, retraining.tagger, version)
    return Registration(
        version=version,
        tracked_run_id=run.info.run_id,
        model_id=model.model_id,
        experiment_id=run.info.experiment_id,
        bundle_digest=run_tags[types.BUNDLE_TAG],
        serving=run_tags[types.SERVING_TAG],
    )


def identity(run_id: str, bundle: Path) -> dict[str, str]:
    """Return the tags that identify a registered model: run directory, bundle and serving code."""
    return {
        types.RUN_ID_TAG: run_id,
        types.BUNDLE_TAG: bundle_digest(bundle),
        types.SERVING_TAG: serving_digest(),
    }


def find_registration(client: Reader, tagger: str, tags: Mapping[str, str]) -> Registration | None:
    """Return the registration of a model, None if it is not registered.

    Args:
        tags: its `identity`.
    """
    for version in find_versions(client, tagger):
        if version.run_id is None or any(version.tags.get(key) != tags[key] for key in _IDENTITY):
            continue
        run = client.get_run(version.run_id).info
        if (run.status, run.lifecycle_stage) == ("FINISHED", "active"):
            return Registration(
                version=str(version.version),
                tracked_run_id=run.run_id,
                model_id=str(version.model_id),
                experiment_id=run.experiment_id,
                bundle_digest=tags[types.BUNDLE_TAG],
                serving=tags[types.SERVING_TAG],
            )
    return None


def registered_model(client: Reader, tagger: str) -> RegisteredModel | StoredModel | None:
    """Return MLflow's registered model of a tagger; None only if the store says that it does not exist."""
    try:
        return client.get_registered_model(tagger)
    except Exception as error:
        if is_missing(error):
            return None
        raise


def registered_aliases(client: Reader, tagger: str) -> dict[str, str]:
    """Return alias -> version; empty only if the store says that the model does not exist."""
    found = registered_model(client, tagger)
    return {} if found is None else {alias: str(version) for alias, version in found.aliases.items()}


def find_versions(client: Reader, tagger: str) -> Sequence[ModelVersion | StoredVersion]:
    """Return every version, oldest first."""
    if isinstance(client, MLflowTables):
        return client.versions(tagger)
    found: list[ModelVersion] = []
    token = None
    while token != "":
        page = client.search_model_versions(
            f"name = '{tagger}'",
            max_results=_VERSIONS_PER_CALL,
            order_by=["version_number ASC"],
            page_token=token,
        )
        found += page
        token = page.token or ""
    return found


def _remove_leftovers(artifacts: Path) -> None:
    """Remove the packing folders of killed registrations; safe because the caller holds the lock."""
    for folder in artifacts.glob(f"{_PACKING}*"):
        shutil.rmtree(folder)


def _tracked_run(
    client: MlflowClient, retraining: RetrainingRecord, tags: Mapping[str, str], *, files: ArtifactFiles
) -> Run:
    """Return the bundle's tracked run, creating it if there is none."""
    experiment_id = _experiment(client, retraining.tagger, files)
    found = _find_tracked_run(client, experiment_id, tags)
    if found is not None:
        return found
    return client.create_run(
        experiment_id,
        run_name=fitted(retraining.run_id, column_limits.RUN_NAME, whole="its tags"),
        tags={
            **tags,
            _NOTE: retraining.note,
            "mlflow.source.name": "seqtag",
        },
    )


def _find_tracked_run(client: MlflowClient, experiment_id: str, tags: Mapping[str, str]) -> Run | None:
    wanted = " and ".join(f"tags.`{key}` = '{tags[key]}'" for key in _IDENTITY)
    found = client.search_runs([experiment_id], wanted, order_by=["attributes.start_time ASC"])
    return found[0] if found else None


def _experiment(client: MlflowClient, tagger: str, files: ArtifactFiles) -> str:
    found = client.get_experiment_by_name(tagger)
    if found is not None:
        return found.experiment_id
    return client.create_experiment(tagger, artifact_location=files.location(tagger))


def _logged_model(client: MlflowClient, run: Run, *, name: str) -> LoggedModel:
    """Return the tracked run's only model, which is pending until all its files are logged."""
    experiment_id, run_id = run.info.experiment_id, run.info.run_id
    found = client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'")
    return found[0] if found else client.create_logged_model(experiment_id, name=name, source_run_id=run_id)


def _log_files(
    client: MlflowClient, run: Run, model: LoggedModel, bundle: Path, *, files: ArtifactFiles
) -> None:
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    if model.status != LoggedModelStatus.READY:
        with tempfile.TemporaryDirectory(dir=files.folder, prefix=_PACKING) as folder:
            packed = Path(folder) / "model"
            write_served_model(bundle, model=model, folder=packed)
            files.log_model(model.artifact_location, packed)
        client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    outputs = run.outputs.model_outputs if run.outputs else []
    if model.model_id not in {output.model_id for output in outputs}:
        client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, step=0)])


def _version(
    client: MlflowClient,
    retraining: RetrainingRecord,
    model: LoggedModel,
    tags: Mapping[str, str],
    *,
    decided: bool,
) -> str:
    """Return the version of a model, creating it if there is none.

    Args:
        decided: whether the gate's decision is new; otherwise the version keeps the verdict of the ledger.
    """
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(retraining.tagger)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    for found in find_versions(client, retraining.tagger):
        if found.run_id == model.source_run_id:
            if decided:
                _update_verdict(client, found, retraining)
            return str(found.version)
    created = client.create_model_version(
        retraining.tagger,
        # Not models:/<model_id>, which the store would resolve at MLflow's global URI (3.17).
        source=model.artifact_location,
        run_id=model.source_run_id,
        tags={**tags, types.VERDICT_TAG: retraining.pending_verdict},
        description=retraining.description,
        model_id=model.model_id,
    )
    return str(created.version)


def _update_verdict(
    client: MlflowClient, version: ModelVersion | StoredVersion, retraining: RetrainingRecord
) -> None:
    name, number = version.name, version.version
    client.set_model_version_tag(name, number, types.VERDICT_TAG, retraining.pending_verdict)
    client.update_model_version(name, number, retraining.description)


def _set_challenger(client: MlflowClient, tagger: str, version: str) -> None:
    """Point the alias at the newest version; repeating an older registration does not move it back."""
    current = registered_aliases(client, tagger).get(types.CHALLENGER)
    if current is None or int(current) < int(version):
        client.set_registered_model_alias(tagger, types.CHALLENGER, version)
