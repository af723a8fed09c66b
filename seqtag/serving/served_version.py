"""A version of a tagger that answers requests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import pandas as pd
import pyarrow as pa

from seqtag.artifacts import readable_manifest
from seqtag.config import SchemeName
from seqtag.errors import BundleError
from seqtag.neural import predicted_spans
from seqtag.registry import Registry, ScoringModel, failures
from seqtag.run_dir import RunDir
from seqtag.serving.micro_batches import MicroBatches
from seqtag.steps import Workspace
from seqtag.steps.context import train_scheme

if TYPE_CHECKING:
    from starlette.types import ASGIApp

logger = logging.getLogger(__name__)

# Is called with each request and its answers, in the thread that answers it.
Observer: TypeAlias = "Callable[[pd.DataFrame, pd.DataFrame], None]"


@dataclass(frozen=True)
class ServedVersion:
    """MLflow's scoring app of a version."""

    tagger: str
    version: str
    columns: tuple[str, ...]  # that it reads
    app: ASGIApp


def served_version(
    model: ScoringModel,
    tagger: str,
    version: str,
    *,
    output_scheme: SchemeName,
    observers: Sequence[Observer],
    observe_batch: Callable[[int], None],
) -> ServedVersion:
    """Return the scoring app of a loaded version, whose requests are answered in micro-batches.

    The answers have `predicted_spans` if the tags have a scheme.
    """
    batches = MicroBatches(model.predict, observe=observe_batch)

    def answer(frame: pd.DataFrame) -> pd.DataFrame:
        answers = _with_spans(batches.predict(frame), output_scheme)
        for observer in observers:
            try:
                observer(frame, answers)
            except Exception:  # a log or a metric must not cost an answer
                logger.exception("an answer could not be observed")
        return answers

    return ServedVersion(tagger, version, model.columns, model.app(answer))


def _with_spans(answers: pd.DataFrame, scheme: SchemeName) -> pd.DataFrame:
    """Replace `span_confidence`, which older models lack, with `predicted_spans`."""
    if "span_confidence" not in answers:
        return answers
    confidence = pa.array(answers["span_confidence"].tolist(), pa.list_(pa.float32()))
    answers = answers.drop(columns="span_confidence")
    if scheme == "none":
        return answers
    tags = pa.array(answers["tags"].tolist(), pa.list_(pa.string()))
    spans = predicted_spans(tags, confidence, scheme).to_pylist()
    return answers.assign(predicted_spans=pd.Series(spans, index=answers.index, dtype=object))


def load_tested(tagger: str, version: str, workspace: Workspace, registry: Registry) -> ScoringModel:
    """Load a version after a smoke test on this host, in a fresh process.

    Its predictions from its evaluation are compared if its run is in this home folder.

    Raises:
        BundleError: the smoke test failed; it would fail again.
        RegistryError: the registry could not be read, or the version's files changed.
        MemoryExhaustedError: memory ran out.
        OSError: a file could not be read.
        SubprocessFailedError: the process was killed, or failed by an error that may not be the model's.
    """
    run = RunDir(workspace.home.runs(tagger) / registry.checked_version(tagger, version).seqtag_run_id)
    is_here = readable_manifest(run.output("evaluate")) is not None
    found = registry.smoke_test(
        tagger,
        version,
        golden=run.predictions("challenger") if is_here else None,
        scheme=train_scheme(run) if is_here else "none",
    )
    if not found.passed:
        raise BundleError(f"version {version} of {tagger} fails its smoke test here: {failures(found)}")
    model = registry.load(tagger, version)
    model.predict(pd.DataFrame({"tokens": [["a"]]}))  # the first prediction of a process takes longer
    return model
