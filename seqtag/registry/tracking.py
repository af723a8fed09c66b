"""Tracked runs: log parameters, scores and the data set, idempotently."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from seqtag.errors import RunDirError
from seqtag.registry import column_limits
from seqtag.registry.artifact_files import ArtifactFiles
from seqtag.registry.column_limits import fitted, fitted_key
from seqtag.registry.types import Event
from seqtag.registry.version_status import PENDING

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, LoggedModel, Metric, Run
    from mlflow.entities.model_registry import ModelVersion

    from seqtag.evaluation import Interval, Metrics, TrainingHistory
    from seqtag.gate import Decision
    from seqtag.registry.mlflow_tables import Reader, StoredVersion

_INTERVALS = ("score", "accuracy", "span_f1")
_METRICS_PER_CALL = 500  # MLflow accepts 1000
_PARAMS_PER_CALL = 100


class Score(NamedTuple):
    """One point of one of MLflow's curves."""

    key: str
    value: float
    step: int


@dataclass(frozen=True)
class RetrainingRecord:
    """Contents of a run directory other than its bundle; see `Registry.register`."""

    tagger: str
    run_id: str
    config: Mapping[str, Any]
    history: TrainingHistory
    metrics: Metrics
    decision: Decision
    dataset: Mapping[str, Any]
    tags: Mapping[str, str]

    @property
    def verdict(self) -> str:
        return self.decision.verdict

    @property
    def pending_verdict(self) -> str:
        """The verdict of a version that the ledger does not know yet."""
        return PENDING if self.verdict == Event.PROMOTE else self.verdict

    @property
    def note(self) -> str:
        """The decision's sentence as the description of a tracked run."""
        return fitted(self.decision.sentence, column_limits.TAG, whole="decision.json of this run")

    @property
    def description(self) -> str:
        """The decision's sentence as the description of a version that the ledger does not know yet."""
        pending = self.pending_verdict == PENDING
        return fitted(
            f"Not promoted yet. Decision of the gate: {self.decision.sentence}"
            if pending
            else self.decision.sentence,
            column_limits.DESCRIPTION,
            whole="decision.json of its run, and in the ledger",
        )


@dataclass(frozen=True)
class LoggedResults:
    """Files of a tracked run; None for one that it lacks, or that another version wrote."""

    config: Mapping[str, Any] | None
    metrics: Metrics | None


def log_training(client: MlflowClient, run: Run, retraining: RetrainingRecord, files: ArtifactFiles) -> None:
    """Log parameters, data set and learning curves.

    The time of all metrics is the tracked run's start, so that a second call logs equal rows, which MLflow
    drops.
    """
    from mlflow.entities import Metric, Param

    run_id = run.info.run_id
    params = [Param(key, value) for key, value in flat_params(retraining.config).items()]
    for start in range(0, len(params), _PARAMS_PER_CALL):
        client.log_batch(run_id, params=params[start : start + _PARAMS_PER_CALL])
    client.log_inputs(run_id, [_dataset_input(retraining.dataset)])
    curves = epoch_scores(retraining.history)
    _log_metrics(client, run_id, [Metric(s.key, s.value, run.info.start_time, s.step) for s in curves])
    contents = {"config": retraining.config, "history": retraining.history.content()}
    files.log_json(run.info.artifact_uri, contents)


def log_evaluation(
    client: MlflowClient, run: Run, model: LoggedModel, retraining: RetrainingRecord, files: ArtifactFiles
) -> None:
    """Log test scores, to the tracked run and to its model, and the decision.

    When the same model is judged again, against another champion, the time of the metrics is the tracked
    run's end, so that MLflow shows the later ones.
    """
    from mlflow.entities import Metric

    run_id = run.info.run_id
    data = _dataset_input(retraining.dataset).dataset
    finals = [
        Metric(
            s.key,
            s.value,
            run.info.end_time or run.info.start_time,
            s.step,
            model_id=model.model_id,
            dataset_name=data.name,
            dataset_digest=data.digest,
        )
        for s in (*final_scores(retraining.metrics), *decision_scores(retraining.decision))
    ]
    _log_metrics(client, run_id, finals)
    contents = {"metrics": retraining.metrics.content(), "decision": retraining.decision.content()}
    files.log_json(run.info.artifact_uri, contents)


def logged_results(
    client: Reader, version: ModelVersion | StoredVersion, files: ArtifactFiles
) -> LoggedResults:
    """Return the configuration and the metrics of a version's tracked run."""
    if version.run_id is None:
        return LoggedResults(None, None)
    location = client.get_run(version.run_id).info.artifact_uri
    with files.downloaded(location, "config.json", "metrics.json") as found:
        config, metrics = found.get("config.json"), found.get("metrics.json")
        return LoggedResults(
            None if config is None else json.loads(config.read_text("utf-8")),
            None if metrics is None else _readable(metrics),
        )


def _readable(metrics: Path) -> Metrics | None:
    from seqtag.evaluation import Metrics

    try:
        return Metrics.load(metrics)
    except RunDirError as error:
        if error.is_unreadable:
            raise
        return None  # of another version, or damaged


def flat_params(config: Mapping[str, Any]) -> dict[str, str]:
    """Return nested tables as dotted names; lists of tables are numbered, other lists become JSON.

    >>> flat_params({"seed": 1, "corpus": {"sources": [{"path": "a.conll"}], "columns": ["genre"]}})
    {'seed': '1', 'corpus.sources.0.path': 'a.conll', 'corpus.columns': '["genre"]'}
    """
    return {
        fitted_key(_allowed(key)): fitted(text, column_limits.PARAM, whole="config.json of this run")
        for key, text in _leaves(config, prefix="")
    }


def epoch_scores(history: TrainingHistory) -> list[Score]:
    """Return one score per value and epoch, with the epoch as its step."""
    return [
        Score(f"epoch/{name}", float(value), record.epoch)
        for record in history.epochs
        for name, value in asdict(record).items()
        if name != "epoch"
    ]


def final_scores(metrics: Metrics) -> list[Score]:
    """Return the scores on test with their bounds; `test/` has the challenger's."""
    found: list[Score] = []
    for prefix, scores in (("test", metrics.challenger), ("champion", metrics.champion)):
        if scores is None:
            continue
        for name in _INTERVALS:
            found += _interval(f"{prefix}/{name}", getattr(scores, name))
        for mode, spans in (scores.spans or {}).items():
            for average, prf in (("micro", spans.micro), ("macro", spans.macro)):
                for measure in ("precision", "recall", "f1"):
                    found += _interval(f"{prefix}/{mode}_{average}_{measure}", getattr(prf, measure))
    return found


def decision_scores(decision: Decision) -> list[Score]:
    """Return the difference between challenger and champion, and the probability that it is positive."""
    scores = _interval("decision/difference", decision.difference)
    if decision.p_better is not None:
        scores.append(Score("decision/p_better", decision.p_better, 0))
    return scores


def _log_metrics(client: MlflowClient, run_id: str, metrics: Sequence[Metric]) -> None:
    for start in range(0, len(metrics), _METRICS_PER_CALL):
        client.log_batch(run_id, metrics=metrics[start : start + _METRICS_PER_CALL])


def _interval(key: str, interval: Interval | None) -> list[Score]:
    if interval is None:
        return []
    found = (("", interval.value), ("_low", interval.low), ("_high", interval.high))
    return [Score(key + suffix, value, 0) for suffix, value in found if value is not None]


def _leaves(value: Any, *, prefix: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _leaves(part, prefix=f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list | tuple) and any(isinstance(part, Mapping) for part in value):
        for number, part in enumerate(value):
            yield from _leaves(part, prefix=f"{prefix}.{number}")
    elif isinstance(value, str):
        yield prefix, value
    else:
        yield prefix, json.dumps(value, ensure_ascii=False)


def _allowed(key: str) -> str:
    """Return the key with `_` for characters that MLflow rejects."""
    return re.sub(r"[^\w./ :-]", "_", key)


def _dataset_input(dataset: Mapping[str, Any]) -> DatasetInput:
    """Return the snapshot as an input of the tracked run, with seqtag's digest.

    MLflow's digest of a data frame samples rows and can miss a change (3.17).
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    identity = {"snapshot_id": dataset["snapshot_id"], "digest": dataset["digest"]}
    described = Dataset(
        name=fitted(str(dataset["snapshot_id"]), column_limits.DATASET_NAME, whole="its source"),
        digest=str(dataset["digest"])[: column_limits.DATASET_DIGEST],  # its source has the whole
        source_type="seqtag",
        source=json.dumps(identity),
        profile=json.dumps(dataset["counts"], sort_keys=True),
    )
    return DatasetInput(described, [InputTag("mlflow.data.context", "retraining")])
