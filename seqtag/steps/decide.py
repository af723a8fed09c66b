"""Decide: let the gate compare challenger and champion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtag.artifacts import (
    MANIFEST,
    DryRun,
    Manifest,
    digest,
    read_json,
    require_manifest,
    write_json,
)
from seqtag.config import config_digest
from seqtag.errors import (
    RunDirError,
)
from seqtag.run_dir import RunDir
from seqtag.steps.context import (
    metric,
    read_config,
    train_scheme,
)
from seqtag.steps.step import run_step

if TYPE_CHECKING:
    from seqtag.gate import AnchorKind


def decide(run: RunDir, *, dry_run: DryRun | None = None) -> Manifest:
    """Decide by the gate: PROMOTE, HOLD or REJECT.

    Writes `decision/`.
    """
    from seqtag.gate import Anchor, Budget, Opponent, clear_losses, decide_promotion, score_parts

    config, pinned = read_config(run), read_json(run.opponent)
    before, earlier = read_json(run.earlier), earlier_scores(run)
    evaluated, metrics = require_manifest(run.output("evaluate")), read_json(run.metrics)
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
        "tags": require_manifest(run.output("index")).digest,
        "config": config_digest(config.gate, config.evaluate),
        "seed": str(config.seed),
        "anchor": require_manifest(run.output("anchor")).digest,
        "error budget": digest(str(before["comparisons"]), str(before["spent"])),
        "earlier scores": digest(*map(str, earlier)),
        "same model": str(opponent is not None and opponent.is_same_model),
    }
    return run_step(decide, run, inputs=inputs, write=judge, dry_run=dry_run)


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


def _only_serving_differs(run: RunDir, pinned: Mapping[str, Any]) -> bool:
    """Return whether the model is the champion's own and only the serving code has changed."""
    from seqtag.registry import bundle_digest, serving_digest

    return bundle_digest(run.output("train")) == pinned["digest"] and serving_digest() != pinned["serving"]


def _model_digest(run: RunDir) -> str:
    """Return the digest of a run's model as its manifest says, without reading the model."""
    outputs: dict[str, str] = read_json(run.output("train") / MANIFEST)["outputs"]
    return digest(*(f"{name} {sha}" for name, sha in sorted(outputs.items()) if name != run.history.name))


def _comparable_by(run: RunDir) -> tuple[str, str, str] | None:
    """Return recipe, test split (digests) and metric of a run's score; None: the run cannot be read."""
    try:
        config = read_config(run)
        tested: str = read_json(run.output("split") / MANIFEST)["outputs"][run.split("test").name]
        scored: str = metric(run)
    except (KeyError, TypeError):  # of another version
        return None
    except RunDirError as error:
        if isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, FileNotFoundError):
            raise  # may be transient, and the noise must not depend on it
        return None  # of another version, or half removed
    return config_digest(config.tags, config.features, config.model, config.train), tested, scored
