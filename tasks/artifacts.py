"""Dashboard artifacts, under constant keys so that the dashboard keeps their history.

Tables are Markdown, which both dashboards of Prefect 3.8 render; cells of a table artifact are plain text in
its newer one. Pictures are in the report: both dashboards print the address of an image artifact below it,
which for an embedded picture fills pages.

If an artifact cannot be published, a warning is logged and the task continues.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar, cast
from uuid import UUID

import httpx
from prefect import get_client
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.exceptions import PrefectException

from seqtag import steps
from seqtag.run_dir import MonitorReport, RunDir, TaggedSnapshot

P = ParamSpec("P")
T = TypeVar("T")

FLEET: Final = "fleet"  # key of the artifact of all taggers

_log: Final = logging.getLogger("prefect.task_runs")  # shown with the run on the dashboard


def log_errors(function: Callable[P, T]) -> Callable[P, T | None]:
    """Make a function log errors of Prefect's API as warnings instead of raising them."""

    @functools.wraps(function)
    def publishing(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return function(*args, **kwargs)
        except (httpx.HTTPError, PrefectException) as error:
            _log.warning("%s: artifact could not be published: %s", function.__name__, error)
            return None

    return publishing


@log_errors
def show_corpus(run: RunDir) -> None:
    """Publish the splits and tags of the corpus, the quarantine, and a link to the data docs."""
    create_markdown_artifact(
        key=f"data-{run.tagger}",
        markdown=steps.corpus_card(run, pages=report_server_url()),
        description=f"Corpus of {run.tagger} and its validation",
    )
    create_markdown_artifact(
        key=f"quarantine-{run.tagger}",
        markdown=steps.quarantine_card(run),
        description="The first 100 quarantined sequences, each with its reasons",
    )
    _link("data-docs", run, run.data_docs, "All expectations and their results")


@log_errors
def show_scores(run: RunDir) -> None:
    """Publish the scores on test and the most frequent confusions."""
    create_markdown_artifact(
        key=f"scores-{run.tagger}",
        markdown=steps.score_card(run),
        description="Scores on test, each with its interval and support, and confusions",
    )


@log_errors
def show_outcome(run: RunDir, tagger: str, outcome: steps.RunOutcome) -> None:
    """Publish the retrain card and a link to the report."""
    create_markdown_artifact(
        key=f"retrain-{run.tagger}",
        markdown=steps.retrain_card(run, outcome, tagger=tagger, pages=report_server_url()),
        description=f"Outcome of the latest retraining of {run.tagger}",
    )
    _link("report", run, run.report, "Scores, curves and examples on one page")


@log_errors
def show_drift(report: MonitorReport) -> None:
    """Publish every drift statistic with its threshold."""
    create_markdown_artifact(
        key=f"drift-{report.tagger}",
        markdown=steps.drift_card(report),
        description=f"Drift of new data from the data of {report.tagger}'s champion",
    )


@log_errors
def show_tagging(tagged: TaggedSnapshot) -> None:
    """Publish the summary of a bulk tagging, and its drift."""
    create_markdown_artifact(
        key=f"tagging-{tagged.tagger}",
        markdown=steps.tagging_card(tagged),
        description=f"Latest bulk tagging by {tagged.tagger}",
    )


@log_errors
def show_fleet(workspace: steps.Workspace) -> None:
    """Publish the status of all taggers in place of the one before, so that the server keeps one."""
    created = create_markdown_artifact(
        key=FLEET,
        markdown=steps.fleet_card(workspace, pages=report_server_url(), now=datetime.now(UTC)),
        description="All taggers, those that need attention first",
    )
    with get_client(sync_client=True) as client:
        for artifact in client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[FLEET]))
        ):
            if artifact.id != created:
                client.delete_artifact(artifact.id)


class TrainingProgress:
    """Live progress of a training: a bar, and the latest and best epoch as text."""

    def __init__(self, tagger: str, *, max_epochs: int) -> None:
        self._tagger = tagger
        self._max_epochs = max_epochs
        self._artifact: UUID | None = None
        self._best = -1.0

    @log_errors
    def advance(self, epoch: Mapping[str, Any]) -> None:
        """Publish one more epoch, given as the fields of a `seqtag.evaluation.EpochRecord`."""
        self._best = max(self._best, epoch["dev_score"])
        percent_done = 100 * epoch["epoch"] / self._max_epochs
        description = (
            f"{self._tagger}: epoch {epoch['epoch']} of at most {self._max_epochs}, "
            f"dev score {epoch['dev_score']:.2%} (best {self._best:.2%}), "
            f"loss {epoch['loss']:.4f} nats a token"
        )
        if self._artifact is None:
            key = f"training-{self._tagger}"
            self._artifact = cast(
                UUID, create_progress_artifact(percent_done, key=key, description=description)
            )
        else:
            update_progress_artifact(self._artifact, progress=percent_done, description=description)

    @log_errors
    def finish(self) -> None:
        """Fill the bar, since training may stop early; before the first epoch there is no bar."""
        if self._artifact is not None:
            update_progress_artifact(self._artifact, progress=100.0)


def _link(name: str, run: RunDir, path: Path, description: str) -> None:
    """Publish a link to a page of a run if the report server is running."""
    if (address := report_server_url()) is not None:
        create_link_artifact(
            key=f"{name}-{run.tagger}",
            link=steps.report_url(run, path, address),
            link_text=f"{name.replace('-', ' ').capitalize()} of this run",
            description=description,
        )


def report_server_url() -> str | None:
    """Return the address of `flows.services.report_server`, None if it is not running."""
    return os.environ.get("SEQTAG_PAGES_URL")
