"""Diff: the test sequences that two models tag differently."""

from __future__ import annotations

from pathlib import Path

from seqtag.errors import ConfigError
from seqtag.evaluation import Metrics, changes_by_type, sequence_changes
from seqtag.gate import Decision
from seqtag.reporting import ChangesView, changes_view
from seqtag.run_dir import RunDir
from seqtag.steps.context import train_scheme, written_tag


def diff(run: RunDir, earlier: RunDir | None = None, *, most: int = 20) -> ChangesView:
    """Compare a run's model with that of an earlier run, or with the opponent that it was evaluated against.

    Args:
        most: number of sequences to show of each kind.

    Raises:
        ConfigError: the run had no opponent, or the tags of the runs have different schemes.
        RunDirError: a run has not been evaluated, or its predictions are damaged.
    """
    scheme, now = train_scheme(run), run.predictions("challenger")
    if earlier is None:
        before, name = _opponent(run)
    else:
        before, name = earlier.predictions("challenger"), f"run {earlier.id}"
        if train_scheme(earlier) != scheme:
            raise ConfigError(
                f"tag schemes differ: expected one scheme, got {scheme} in {run.id} and "
                f"{train_scheme(earlier)} in {earlier.id}"
            )
    changes = sequence_changes(before, now)
    return changes_view(
        changes.renamed(lambda tag: written_tag(run, tag)),
        changes_by_type(changes, scheme),
        before=name,
        now=f"run {run.id}",
        unit="token" if scheme == "none" else "span",
        most=most,
    )


def _opponent(run: RunDir) -> tuple[Path, str]:
    metrics = Metrics.load(run.metrics)
    if metrics.champion is None:
        reason = metrics.champion_error or "there was no champion"
        raise ConfigError(
            f"{run.id} was compared with no model: {reason}; name an earlier run to compare with"
        )
    name = f"version {metrics.champion_version}"
    if Decision.load(run.decision).is_champion_retrained:
        name = f"the recipe of {name}, trained on this split"
    return run.predictions("champion"), name
