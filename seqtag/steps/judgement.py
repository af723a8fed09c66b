"""From a model to a decision that people can read: evaluate, decide, report."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from seqtag import __version__
from seqtag.artifacts import (
    MANIFEST,
    Manifest,
    file_digest,
    read_json,
    require_manifest,
    write_json,
)
from seqtag.config import SchemeName, config_digest
from seqtag.errors import BundleError, RunDirError
from seqtag.run_dir import RunDir
from seqtag.steps.context import (
    digest,
    metric,
    read_config,
    read_snapshot,
    step,
    steps_code_version,
    train_scheme,
)
from seqtag.steps.outcome import final_decision
from seqtag.subprocess_runner import run_in_subprocess

if TYPE_CHECKING:
    from seqtag.gate import AnchorKind, Cost
    from seqtag.reporting import ReportContext

logger = logging.getLogger(__name__)


def evaluate(run: RunDir) -> Manifest:
    """Tag the test split with challenger and champion and score both, the baseline too if one was asked for.

    Writes `evaluation/`. It notes why a champion's bundle cannot be used; such a champion is never replaced.

    Raises:
        BundleError: the challenger's bundle cannot be used.
        MemoryExhaustedError: there was not memory enough to tag with either of them.
        SubprocessKilledError: a process that tags died.
        OSError, RunDirError: a file could not be read or written.
    """
    config = read_config(run)
    asked = config.evaluate.baseline != "none"
    return step(
        run.evaluation,
        "evaluate",
        {
            "test": require_manifest(run.splits).digest,
            "model": require_manifest(run.model).digest,
            "opponent": file_digest(run.opponent),
            "anchor": require_manifest(run.anchor_dir).digest,
            "baseline": require_manifest(run.baseline_dir).digest if asked else "",
            "config": config_digest(config.evaluate),
            "metric": metric(run),
        },
        lambda folder: _score_both(run, folder),
    )


def decide(run: RunDir) -> Manifest:
    """Compare both on the same test sequences: PROMOTE, HOLD or REJECT. Writes `decision/`."""
    from seqtag.gate import Anchor, Budget, Opponent, clear_losses, decide_promotion, score_parts

    config, pinned = read_config(run), read_json(run.opponent)
    before, earlier = read_json(run.earlier), earlier_scores(run)
    evaluated, metrics = require_manifest(run.evaluation), read_json(run.metrics)
    predictions, anchor = run.predictions("champion"), read_json(run.anchor)
    tags, opponent = read_json(run.tags), None
    if pinned["version"] is not None:
        opponent = Opponent(
            version=pinned["version"],
            predictions=predictions if predictions.exists() else None,
            tags=tuple(pinned["tags"]),
            tag_counts=pinned["tag_counts"],
            error=metrics["champion_error"],
            is_same_model=_only_serving_differs(run, pinned),
        )
    if opponent is not None and anchor["barred"] is not None:
        kind: AnchorKind = "challenger" if anchor["same_configuration"] else "none"
        losses = clear_losses(pinned["scores"], score_parts(metrics["challenger"]), config.gate)
        opponent = replace(
            opponent, anchor=Anchor(anchor["barred"], "trained" if anchor["trained"] else kind, losses)
        )

    def judge(folder: Path) -> None:
        decision = decide_promotion(
            run.predictions("challenger"),
            opponent,
            tags=tags["tags"],
            tag_counts=tags["counts"],
            scheme=train_scheme(run),
            gate=config.gate,
            evaluate=config.evaluate,
            metric=metric(run),
            seed=config.seed,
            costs=metrics["costs"],
            budget=Budget(before["comparisons"], before["spent"]),
            earlier_scores=earlier,
        )
        files = (run.predictions(who).name for who in ("challenger", "champion"))
        said = [evaluated.outputs.get(name, "") for name in files]
        is_new = decision["difference"] is not None and said[0] != said[1]  # else it is the champion itself
        evidence = digest(*said) if is_new else ""
        write_json(folder / run.decision.name, {**decision, "evidence": evidence})

    inputs = {
        "evaluation": evaluated.digest,
        "tags": require_manifest(run.vocabulary).digest,
        "config": config_digest(config.gate, config.evaluate),
        "seed": str(config.seed),
        "anchor": require_manifest(run.anchor_dir).digest,
        "error budget": digest(str(before["comparisons"]), str(before["spent"])),
        "earlier scores": digest(*map(str, earlier)),
        "same model": str(opponent is not None and opponent.is_same_model),
    }
    return step(run.decision_dir, "decide", inputs, judge)


def _only_serving_differs(run: RunDir, pinned: Mapping[str, Any]) -> bool:
    """Tell whether the run's model is the champion's own, which other code served when it was registered."""
    from seqtag.registry import bundle_digest, serving_digest

    return bundle_digest(run.model) == pinned["digest"] and serving_digest() != pinned["serving"]


def earlier_scores(run: RunDir) -> list[float]:
    """Return the scores of earlier models of the same recipe and metric on the same test split, oldest first.

    Their spread is the retraining noise. Seeds may differ, and so may data of train. A model that several
    runs share counts once.
    """
    own, models = _comparable_by(run), {_model_digest(run)}
    scores = []
    for name in read_json(run.earlier)["runs"]:
        other = RunDir(run.path.with_name(name))
        if _comparable_by(other) != own or not other.metrics.exists():
            continue
        model, score = _model_digest(other), read_json(other.metrics)["challenger"]["score"]["value"]
        if model not in models and score is not None:
            models.add(model)
            scores.append(score)
    return scores


def _model_digest(run: RunDir) -> str:
    """Return the digest of a run's model as its manifest says, without reading the model."""
    outputs: dict[str, str] = read_json(run.model / MANIFEST)["outputs"]
    return digest(*(f"{name} {sha}" for name, sha in sorted(outputs.items()) if name != run.history.name))


def _comparable_by(run: RunDir) -> tuple[str, str, str] | None:
    """Return recipe, test split (digests) and metric of a run's score; None: the run cannot be read."""
    try:
        config = read_config(run)
        tested: str = read_json(run.splits / MANIFEST)["outputs"][run.split("test").name]
        scored: str = metric(run)
    except (KeyError, TypeError):  # another version's
        return None
    except RunDirError as error:
        if isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, FileNotFoundError):
            raise  # it may pass, and the noise must not depend on it
        return None  # another version's, or half removed
    return config_digest(config.tags, config.features, config.model, config.train), tested, scored


def report(run: RunDir) -> Manifest:
    """Write all of it down for people. Writes `report/report.html`."""
    from seqtag.reporting import write_report

    return step(
        run.report_dir,
        "report",
        {
            "validation": require_manifest(run.validation).digest,
            "model": require_manifest(run.model).digest,
            "evaluation": require_manifest(run.evaluation).digest,
            "decision": require_manifest(run.decision_dir).digest,
            "registration": require_manifest(run.registration_dir).digest,
            "promotion": require_manifest(run.promotion_dir).digest,
        },
        lambda folder: write_report(
            profile=read_json(run.profile),
            quarantine=run.quarantine,
            metrics=read_json(run.metrics),
            decision=final_decision(run),
            history=read_json(run.history),
            config=read_json(run.config),
            optimum=read_json(run.optimum) if run.optimum.exists() else None,
            context=_context(run),
            folder=folder,
        ),
        own=True,
    )


def _score_both(run: RunDir, folder: Path) -> None:
    from seqtag.evaluation import evaluate_predictions

    config, opponent = read_config(run), read_json(run.opponent)
    challenger = folder / run.predictions("challenger").name
    champion = folder / run.predictions("champion").name
    costs = {"challenger": _tag_test(run, run.model, challenger), "champion": None}
    failure = None
    if opponent["version"] is not None:
        try:
            bundle = run.anchor_model if read_json(run.anchor)["trained"] else Path(opponent["bundle"])
            costs["champion"] = _tag_test(run, bundle, champion)
        except BundleError as error:  # it lasts, so the verdict is to keep the champion: see decide
            failure = str(error)
            champion.unlink(missing_ok=True)
            logger.warning("evaluate: champion version %s: %s", opponent["version"], failure)
        except Exception:  # it may pass: nothing is written, and the next try tags again
            logger.warning("evaluate: champion version %s was not tagged", opponent["version"])
            raise
    asked = config.evaluate.baseline != "none"
    metrics = evaluate_predictions(
        challenger,
        champion if champion.exists() else None,
        train=run.split("train"),
        scheme=train_scheme(run),
        config=config.evaluate,
        metric=metric(run),
        seed=config.seed,
        champion_version=opponent["version"],
        baseline=run.baseline_predictions if asked else None,
        baseline_name=config.evaluate.baseline if asked else None,
    )
    write_json(folder / run.metrics.name, {**metrics, "champion_error": failure, "costs": costs})
    if all(source.format == "sample" for source in config.corpus.sources):
        _write_optimum(run.split("test"), folder / run.optimum.name)


def _tag_test(run: RunDir, bundle: Path, predictions: Path) -> Any:
    """Have a process of its own tag the test split, so that what it takes can be told; return that."""
    return run_in_subprocess(
        tag_split,
        bundle=str(bundle),
        split=str(run.split("test")),
        predictions=str(predictions),
        scheme=train_scheme(run),
    )


def tag_split(bundle: str, split: str, predictions: str, scheme: SchemeName) -> Cost:
    """Tag a split with a bundle; return what it took."""
    from seqtag.neural import write_predictions

    return write_predictions(Path(bundle), Path(split), Path(predictions), scheme=scheme)


def _write_optimum(test: Path, path: Path) -> None:
    from seqtag.corpus import best_possible

    truth = pq.read_table(test, columns=["tokens", "tags"]).combine_chunks()
    best = best_possible(truth["tokens"].chunk(0), truth["tags"].chunk(0))
    write_json(path, asdict(best))


def _context(run: RunDir) -> ReportContext:
    """Return what reproduces the run: its address, digests and versions."""
    context: ReportContext = {
        "run_id": run.id,
        "tagger": run.tagger,
        "snapshot_id": read_snapshot(run).id,
        "code": steps_code_version(),
        "model": require_manifest(run.model).digest,
        "registration": read_json(run.registration),
        "seqtag_version": __version__,
        "versions": {name: version(name) for name in ("tensorflow", "keras", "pyarrow", "numpy")},
        "links": {
            "Data docs": str(Path("..", run.data_docs.relative_to(run.path))),
            "Metrics": str(Path("..", run.metrics.relative_to(run.path))),
            "Decision": str(Path("..", run.decision.relative_to(run.path))),
        },
    }
    bundle = read_json(run.bundle)
    if bundle["vectors"] is not None:
        context["vectors"] = bundle["vectors"]
    if bundle["batch_cells"] is not None:
        context["batch_cells"] = bundle["batch_cells"]
    return context
