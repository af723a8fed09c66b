"""Report: one self-contained HTML page, with identical bytes for identical runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from seqtag.corpus import assumptions, changes, warning_sentences
from seqtag.reporting import formatting, score_tables
from seqtag.reporting.confidence import confidences
from seqtag.reporting.formatting import METRIC_NAMES
from seqtag.reporting.plots import FEWEST_IN_BIN, Picture, confusion_plot, learning_curve
from seqtag.reporting.sample_size_text import gauge_sentence
from seqtag.reporting.svg_axes import difference_axis, share_axis
from seqtag.reporting.toml import toml_text

REPORT = "report.html"
_TEMPLATES = Path(__file__).parent / "templates"
_MOST_TAGS_IN_PLOT = 20
_MOST_CONFUSIONS = 12
_EXAMPLES_PER_REASON = 3
_EXAMPLES_FROM = 2000  # number of quarantined sequences that are searched for examples
_MOST_TOKENS = 30  # per example


class ReportContext(TypedDict):
    """Facts about a run that its other files do not contain; optional keys are shown if present."""

    tagger: str
    run_id: str
    snapshot_id: str
    seqtag_version: str
    code: NotRequired[str]  # digest of seqtag's sources
    model: NotRequired[str]  # digest of the model's files
    registration: NotRequired[Mapping[str, Any]]  # registration.json
    versions: NotRequired[Mapping[str, str]]  # library -> version
    vectors: NotRequired[Mapping[str, float]]  # shares of train's `types` and `tokens` with a static vector
    batch_cells: NotRequired[int]  # tokens and padding of the largest batch, if halved for lack of memory
    links: NotRequired[Mapping[str, str]]  # label -> address, relative to the report or absolute


def write_report(
    *,
    profile: Mapping[str, Any],
    quarantine: Path,
    metrics: Mapping[str, Any],
    decision: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    config: Mapping[str, Any],
    optimum: Mapping[str, Any] | None,
    context: ReportContext,
    folder: Path,
) -> None:
    """Write `report.html` into `folder`.

    Args:
        profile: `profile.json`.
        quarantine: `quarantine.parquet`, the source of examples.
        metrics: `metrics.json`.
        decision: `decision.json`.
        history: `history.json`.
        config: the tagger's configuration with every default.
        optimum: result of `seqtag.corpus.best_possible`, or None for a corpus of unknown origin.
        context: identity and provenance of the run.
        folder: an existing folder.
    """
    metric = metrics["metric"]
    challenger, champion = metrics["challenger"], metrics["champion"]
    by_name = ("spans", "conlleval", "types") if challenger["spans"] else ("tags",)
    square = _square(challenger["confusion"])
    page = _template().render(
        profile=profile,
        metrics=metrics,
        decision=decision,
        sentence=formatting.without_verdict(decision),
        gauge=gauge_sentence(decision),
        history=history,
        config=config,
        context=context,
        metric=METRIC_NAMES[metric],
        measures=score_tables.metric_rows(metrics),
        optimum=optimum if metric == "accuracy" else None,
        best_epoch=_best_epoch(history),
        curves=learning_curves(history, metric),
        by_name=score_tables.named_scores(challenger, champion, by_name),
        averages=_averages(metrics),
        by_tag=score_tables.named_scores(challenger, champion, ("tags",)) if challenger["spans"] else [],
        square=square,
        confusion=confusion_plot(square),
        confusions=score_tables.confusions(challenger["confusion"], most=_MOST_CONFUSIONS),
        confidences=confidences(metrics),
        slices=score_tables.slices(challenger, metric),
        examples=_examples(quarantine),
        toml=toml_text(config),
    )
    (folder / REPORT).write_text(page, "utf-8")


def confusion_picture(confusion: Mapping[str, Any]) -> Picture:
    """Draw the confusion matrix of `metrics.json`, grouping all but the most confused of many tags."""
    square = _square(confusion)
    n_tokens = sum(map(sum, square.counts))
    title = f"Confusion on test, {formatting.plural(n_tokens, 'token')}"
    return confusion_plot(square, title=title)


def _square(confusion: Mapping[str, Any]) -> score_tables.ConfusionSquare:
    return score_tables.square(confusion, most=_MOST_TAGS_IN_PLOT)


def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": formatting.percent,
        "percent_range": formatting.percent_range,
        "points": formatting.points,
        "points_range": formatting.points_range,
        "level": formatting.level,
        "count": formatting.count,
        "distance": formatting.distance,
        "distance_range": formatting.distance_range,
        "sentence": formatting.sentence,
        "assumptions": assumptions,
        "changes": changes,
        "warning_sentences": warning_sentences,
    }
    environment.globals |= {
        "plural": formatting.plural,
        "left_out": formatting.left_out,
        "share_axis": share_axis,
        "difference_axis": difference_axis,
        "leaves": score_tables.leaves,
        "baseline_label": formatting.baseline_label,
        "baseline_sentence": formatting.baseline_sentence,
        "fewest_in_bin": FEWEST_IN_BIN,
    }
    return environment.get_template("report.html")


def _best_epoch(history: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the epoch whose weights were kept: the first with the best dev score."""
    best = max(history, key=lambda row: (row["dev_score"], row["dev_accuracy"], -row["epoch"]), default=None)
    return None if best is None else best["epoch"]


def learning_curves(history: Sequence[Mapping[str, Any]], metric: str) -> list[Picture]:
    """Draw the deciding score on dev and the loss on train per epoch; empty without epochs.

    Args:
        history: `history.json`.
        metric: accuracy or span_f1.
    """
    if not history:
        return []
    metric = METRIC_NAMES[metric]
    title = f"{metric[0].upper()}{metric[1:]} on dev"
    return [
        learning_curve(history, "dev_score", title=title, unit=f"{metric}, %", best=_best_epoch(history)),
        learning_curve(
            history, "loss", title="Loss on train", unit="cross-entropy per token, nats", best=None
        ),
    ]


def _averages(metrics: Mapping[str, Any]) -> list[score_tables.NamedScores]:
    """Return micro and macro averages over span types; empty without spans."""
    if not metrics["challenger"]["spans"]:
        return []
    averages = []
    for mode in ("conlleval", "strict"):
        for average in ("micro", "macro"):
            before = metrics["champion"] and metrics["champion"]["spans"][mode][average]["f1"]
            scores = metrics["challenger"]["spans"][mode][average]
            averages.append(score_tables.NamedScores(f"{average}, {mode}", scores, before))
    return averages


def _examples(quarantine: Path) -> list[dict[str, Any]]:
    """Return a few of the first quarantined sequences for each reason."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(quarantine) as file:
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
