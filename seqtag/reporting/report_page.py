"""Report: one self-contained HTML page, with identical bytes for identical runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow.parquet as pq

from seqtag import formatting
from seqtag.config import Metric
from seqtag.corpus import BestPossible, CorpusChanges, Profile
from seqtag.evaluation import Metrics, TrainingHistory
from seqtag.formatting import METRIC_NAMES
from seqtag.gate import Decision
from seqtag.reporting import confusion_tables, score_tables
from seqtag.reporting.changed_sequences import ChangesView
from seqtag.reporting.confidence import confidences
from seqtag.reporting.plots import Picture, confusion_plot, learning_curve
from seqtag.reporting.sample_size_text import gauge_sentence
from seqtag.reporting.sentences import compared_sequences
from seqtag.reporting.templating import environment
from seqtag.reporting.toml import toml_text

if TYPE_CHECKING:
    from seqtag.features import Coverage

REPORT = "report.html"
_MOST_TAGS_IN_PLOT = 20
_MOST_CONFUSIONS = 12
_EXAMPLES_PER_REASON = 3
_EXAMPLES_FROM = 2000  # number of quarantined sequences that are searched for examples
_MOST_TOKENS = 30  # per example


class RegistryEntry(Protocol):
    """The version of a run's model in the registry, and its tracked run in MLflow."""

    @property
    def version(self) -> str: ...

    @property
    def tracked_run_id(self) -> str: ...

    @property
    def experiment_id(self) -> str: ...

    @property
    def serving(self) -> str:
        """Digest of the serving code."""

    @property
    def verdict(self) -> str: ...


@dataclass(frozen=True)
class ReportContext:
    """Facts about a run that its other records do not contain; None and empty mappings are not shown."""

    tagger: str
    run_id: str
    snapshot_id: str
    seqtag_version: str
    code: str | None = None  # digest of seqtag's sources
    model: str | None = None  # digest of the model's files
    registration: RegistryEntry | None = None
    versions: Mapping[str, str] = field(default_factory=dict)  # library -> version
    vectors: Coverage | None = None  # of train by static vectors
    max_batch_tokens: int | None = None  # with padding; None unless halved for lack of memory
    links: Mapping[str, str] = field(default_factory=dict)  # label -> address, absolute or from the report


def write_report(
    *,
    profile: Profile,
    quarantine: Path,
    metrics: Metrics,
    decision: Decision,
    history: TrainingHistory,
    config: Mapping[str, Any],
    optimum: BestPossible | None,
    changes: ChangesView | None,
    corpus: CorpusChanges | None,
    context: ReportContext,
    folder: Path,
    warnings: Sequence[str] = (),
) -> None:
    """Write `report.html` into `folder`.

    Args:
        quarantine: `quarantine.parquet`, the source of examples.
        decision: the decision with the outcome.
        config: the tagger's configuration with every default.
        optimum: None for a corpus of unknown origin.
        corpus: what changed in the corpus since the champion's run; None without one.
        changes: the sequences that the opponent tags differently; None without an opponent.
        context: identity and provenance of the run.
        folder: an existing folder.
        warnings: sentences that a reader needs to judge the verdict.
    """
    metric, challenger, champion = metrics.metric, metrics.challenger, metrics.champion
    square = confusion_tables.square(challenger.confusion, most=_MOST_TAGS_IN_PLOT)
    page = (
        environment()
        .get_template("report.html")
        .render(
            profile=profile,
            metrics=metrics,
            decision=decision,
            sentence=formatting.without_verdict(decision.sentence, decision.verdict),
            warnings=warnings,
            compared=compared_sequences(metrics, decision),
            gauge=gauge_sentence(decision.gauge),
            history=history,
            config=config,
            context=context,
            metric=METRIC_NAMES[metric],
            measures=score_tables.metric_rows(metrics),
            view=changes,
            since=corpus,
            optimum=optimum if metric == "accuracy" else None,
            bounds=score_tables.bounds(optimum, challenger.score) if optimum and metric == "accuracy" else [],
            curves=_learning_curves(history, metric),
            by_name=score_tables.scores_by_name(challenger, champion),
            averages=score_tables.average_scores(challenger, champion),
            by_tag=score_tables.scores_by_tag(challenger, champion) if challenger.spans else [],
            square=square,
            confusion=confusion_plot(square),
            confusions=confusion_tables.confusions(challenger.confusion, most=_MOST_CONFUSIONS),
            confidences=confidences(metrics),
            slices=score_tables.slices(challenger, metric),
            examples=_examples(quarantine),
            toml=toml_text(config),
        )
    )
    (folder / REPORT).write_text(page, "utf-8")


def _learning_curves(history: TrainingHistory, metric: Metric) -> list[Picture]:
    """Draw the deciding score on dev and the loss on train per epoch; empty without epochs."""
    if history.best is None:
        return []
    name = METRIC_NAMES[metric]
    return [
        learning_curve(
            {epoch.epoch: epoch.dev_score for epoch in history.epochs},
            title=f"{name[0].upper()}{name[1:]} on dev",
            unit=f"{name}, %",
            best=history.best.epoch,
        ),
        learning_curve(
            {epoch.epoch: epoch.loss for epoch in history.epochs},
            title="Loss on train",
            unit="cross-entropy per token, nats",
        ),
    ]


def _examples(quarantine: Path) -> list[dict[str, Any]]:
    """Return a few of the first quarantined sequences for each reason."""
    with pq.ParquetFile(quarantine, pre_buffer=False) as file:
        rows = next(file.iter_batches(_EXAMPLES_FROM), None)
    if rows is None:
        return []
    shown: dict[str, int] = {}
    examples = []
    for number, reasons in enumerate(rows["reasons"].to_pylist()):
        if any(shown.get(rule, 0) < _EXAMPLES_PER_REASON for rule in reasons):
            examples.append(_example(rows.slice(number, 1).to_pylist()[0]))
            for rule in reasons:
                shown[rule] = shown.get(rule, 0) + 1
    return examples


def _example(row: Mapping[str, Any]) -> dict[str, Any]:
    tokens, tags = row["tokens"] or [], row["tags"] or []
    pairs = [
        (tokens[i] if i < len(tokens) else None, tags[i] if i < len(tags) else None)
        for i in range(max(len(tokens), len(tags)))
    ]
    return {
        "row": row["row"],
        "sequence_id": row["sequence_id"],
        "reasons": row["reasons"],
        "defect": row["defect"],
        "pairs": pairs[:_MOST_TOKENS],
        "n_more": max(0, len(pairs) - _MOST_TOKENS),
    }
