"""Decide: let the gate compare challenger and champion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from seqtag.artifacts import Manifest, digest, read_manifest, readable_manifest, require_manifest
from seqtag.config import SPLITS, config_digest, config_inputs
from seqtag.corpus import Profile, RunCorpus, corpus_changes
from seqtag.errors import RunDirError
from seqtag.evaluation import Metrics
from seqtag.features import TagIndex
from seqtag.gate import (
    Budget,
    Decision,
    Opponent,
    Substitute,
    SubstituteKind,
    clear_losses,
    decide_promotion,
    score_parts,
)
from seqtag.registry import bundle_digest, serving_digest
from seqtag.run_dir import RunDir
from seqtag.steps.context import metric, read_config, train_scheme
from seqtag.steps.planned_run import DryRun
from seqtag.steps.retrain_champion import ChampionSubstitute
from seqtag.steps.run_inputs import EarlierRuns, PinnedChampion, PinnedOpponent
from seqtag.steps.step import run_step


def decide(run: RunDir, *, dry_run: DryRun | None = None) -> Manifest:
    """Decide by the gate: PROMOTE, HOLD or REJECT.

    Writes `decide/`: the decision, and what changed in the corpus since the champion's run.
    """
    config, pinned = read_config(run), PinnedOpponent.load(run.opponent).champion
    earlier_runs, champions = EarlierRuns.load(run.earlier), _champions_splits(run)
    same_model = pinned is not None and _only_serving_differs(run, pinned)
    inputs = {
        "evaluation": require_manifest(run.output("evaluate")).digest,
        "tags": require_manifest(run.output("index")).digest,
        **config_inputs(config, "gate", "evaluate", "seed"),
        "retrain_champion": require_manifest(run.output("retrain_champion")).digest,
        "error budget spent": f"{earlier_runs.spent} by {earlier_runs.comparisons} comparisons",
        "earlier scores": digest(*map(str, earlier_scores(run))),
        "only the serving code differs": str(same_model),
        "splits": require_manifest(run.output("split")).digest,
        "sources": digest(str(_corpus(run).sources)),
        "champion's splits": "" if champions is None else champions[1],
        "champion's sources": "" if champions is None else digest(str(_corpus(champions[0]).sources)),
    }
    return run_step(
        decide,
        run,
        inputs=inputs,
        write=lambda folder: _write(run, folder),
        dry_run=dry_run,
    )


def _write(run: RunDir, folder: Path) -> None:
    gate_decision(run).save(folder / run.decision.name)
    pinned, champions = PinnedOpponent.load(run.opponent).champion, _champions_splits(run)
    if pinned is not None and champions is not None:
        before, now = map(_corpus, (champions[0], run))
        changes = corpus_changes(
            before, now, scheme=train_scheme(run), since=pinned.run_id, version=pinned.version
        )
        changes.save(folder / run.corpus_changes.name)


def _corpus(run: RunDir) -> RunCorpus:
    profile = Profile.load_or_none(run.profile)
    return RunCorpus({name: run.split(name) for name in SPLITS}, profile.sources if profile else ())


def _champions_splits(run: RunDir) -> tuple[RunDir, str] | None:
    """Return the champion's run and the digest of its splits; None if there is none, or it was deleted."""
    pinned = PinnedOpponent.load(run.opponent).champion
    champions = None if pinned is None else RunDir(run.path.with_name(pinned.run_id))
    found = None if champions is None else readable_manifest(champions.output("split"))
    if champions is None or found is None or not all(champions.split(name).exists() for name in SPLITS):
        return None
    return champions, found.digest


def gate_decision(run: RunDir) -> Decision:
    """Return the decision of the gate on the evaluation of a run; write nothing."""
    config, pinned = read_config(run), PinnedOpponent.load(run.opponent).champion
    earlier_runs, evaluated = EarlierRuns.load(run.earlier), require_manifest(run.output("evaluate"))
    metrics, substitute = Metrics.load(run.metrics), ChampionSubstitute.load(run.substitute)
    predictions, tags = run.predictions("champion"), TagIndex.load(run.output("index"))
    opponent = None
    if pinned is not None:
        opponent = Opponent(
            version=pinned.version,
            predictions=predictions if predictions.exists() else None,
            tags=pinned.tags,
            tag_counts=pinned.tag_counts,
            error=metrics.champion_error,
            is_same_model=_only_serving_differs(run, pinned),
        )
    if pinned is not None and opponent is not None and substitute.obstacle is not None:
        kind: SubstituteKind = "challenger" if substitute.same_configuration else "none"
        losses = clear_losses(pinned.scores, score_parts(metrics.challenger), config.gate)
        opponent = replace(
            opponent,
            substitute=Substitute(substitute.obstacle, "trained" if substitute.trained else kind, losses),
        )

    decision = decide_promotion(
        run.predictions("challenger"),
        opponent,
        tags=tags.tags,
        tag_counts=tags.counts,
        scheme=train_scheme(run),
        gate=config.gate,
        evaluate=config.evaluate,
        metric=metric(run),
        seed=config.seed,
        costs=metrics.costs,
        budget=Budget(earlier_runs.comparisons, earlier_runs.spent),
        earlier_scores=earlier_scores(run),
    )
    files = (run.predictions(who).name for who in ("challenger", "champion"))
    predicted = [evaluated.outputs.get(name, "") for name in files]
    is_new = decision.difference is not None and predicted[0] != predicted[1]
    return replace(decision, evidence=digest(*predicted) if is_new else "")  # equal ones are no new evidence


def earlier_scores(run: RunDir) -> list[float]:
    """Return the scores of earlier models of the same recipe and metric on the same test split, oldest first.

    Their spread is the retraining noise. Seeds and training data may differ. A model that several
    runs share counts once.
    """
    own_key, models = _comparison_key(run), {_model_digest(run)}
    scores = []
    for name in EarlierRuns.load(run.earlier).runs:
        other = RunDir(run.path.with_name(name))
        if _comparison_key(other) != own_key or not other.metrics.exists():
            continue
        model, score = _model_digest_or_none(other), _score(other)
        if model is not None and model not in models and score is not None:
            models.add(model)
            scores.append(score)
    return scores


def _score(run: RunDir) -> float | None:
    """Return the score of a run's model, None if it is undefined or the file is of another version."""
    try:
        return Metrics.load(run.metrics).challenger.score.value
    except RunDirError as error:
        if error.is_unreadable:
            raise  # the noise must not depend on a transient fault
        return None


def _only_serving_differs(run: RunDir, pinned: PinnedChampion) -> bool:
    """Return whether the model is the champion's own and only the serving code has changed."""
    return bundle_digest(run.output("train")) == pinned.digest and serving_digest() != pinned.serving


def _model_digest(run: RunDir) -> str:
    """Return the digest of a run's model as its manifest says, without reading the model."""
    outputs = read_manifest(run.output("train")).outputs
    return digest(*(f"{name} {sha}" for name, sha in sorted(outputs.items()) if name != run.history.name))


def _model_digest_or_none(run: RunDir) -> str | None:
    """Return the digest of an earlier run's model, None if the model was deleted."""
    try:
        return _model_digest(run)
    except RunDirError as error:
        if error.is_unreadable:
            raise
        return None


def _comparison_key(run: RunDir) -> tuple[str, str, str] | None:
    """Return recipe, test split (digests) and metric of a run's score; None: the run cannot be read."""
    try:
        config = read_config(run)
        tested = read_manifest(run.output("split")).outputs[run.split("test").name]
        scored: str = metric(run)
    except KeyError:  # of another version
        return None
    except RunDirError as error:
        if error.is_unreadable:
            raise  # the noise must not depend on a transient fault
        return None  # of another version, or partly deleted
    return config_digest(config.tags, config.features, config.model, config.train), tested, scored
