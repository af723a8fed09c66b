"""Open a run: its directory, its inputs, and the champion that it is compared with."""

from __future__ import annotations

import logging
from datetime import date

from seqtag.artifacts import digest, file_lock, write_json
from seqtag.config import TaggerConfig, config_digest, taggers_of
from seqtag.gate import score_parts
from seqtag.registry import Champion
from seqtag.run_dir import RunDir, Snapshot, opened_runs
from seqtag.steps.approval import require_approval
from seqtag.steps.context import Workspace, scheduler_for
from seqtag.steps.ingest import ingest
from seqtag.steps.run_inputs import (
    EarlierRuns,
    PinnedChampion,
    PinnedOpponent,
    SnapshotAddress,
    link_runs,
)
from seqtag.steps.step import steps_code_version

_MOST_EARLIER = 50  # runs

logger = logging.getLogger(__name__)


def open_run(config: TaggerConfig, snapshot: Snapshot, workspace: Workspace, *, as_of: date) -> RunDir:
    """Return the run directory of this configuration, snapshot and code, created for `as_of` if it is new.

    The current champion is pinned as the opponent. A run whose own model has become the champion keeps the
    opponent that it was compared with.

    Raises:
        RegistryError: the registry could not be asked who the champion is.
    """
    name, run = matching_run(config, snapshot, workspace)
    if run is None:
        run = RunDir(workspace.home.runs(config.name) / f"{as_of:%Y-%m-%d}-{name}")
    registry = workspace.registry()
    registry.create()  # now rather than after the training, in case that it fails
    champion = registry.champion(config.name)
    run.path.mkdir(parents=True, exist_ok=True)
    with file_lock(run.path / ".lock"):
        write_run_inputs(run, config, snapshot)
        require_approval(run, required=config.approval.required)
        opponent, earlier = opponent_of(run, config, champion, workspace)
        earlier.save(run.earlier)
        opponent.save(run.opponent)
    logger.info("run directory %s", run.path)
    return run


def open_runs(config: TaggerConfig, workspace: Workspace, *, as_of: date) -> list[RunDir]:
    """Read the sources, and open a run for each tagger of a file; several are trained together.

    Raises:
        ConfigError: training needs a Dask scheduler, and there is none.
    """
    scheduler_for(config, workspace.dask_scheduler)  # now rather than before the training
    runs = [open_run(each, ingest(each, workspace), workspace, as_of=as_of) for each in taggers_of(config)]
    link_runs(runs)
    return runs


def matching_run(config: TaggerConfig, snapshot: Snapshot, workspace: Workspace) -> tuple[str, RunDir | None]:
    """Return the name of a run without its day, and the run of that name if there is one."""
    key = digest(config_digest(config), snapshot.id, steps_code_version())
    name = f"{snapshot.id[:8]}-{key[:8]}"
    begun = sorted(workspace.home.runs(config.name).glob(f"????-??-??-{name}"))
    return name, RunDir(begun[0]) if begun else None


def write_run_inputs(run: RunDir, config: TaggerConfig, snapshot: Snapshot) -> None:
    """Write the configuration, with every default, and the path of the snapshot."""
    write_json(run.config, config.model_dump(mode="json"))
    SnapshotAddress(run.relative(snapshot.path)).save(run.snapshot_address)


def opponent_of(
    run: RunDir, config: TaggerConfig, champion: Champion | None, workspace: Workspace
) -> tuple[PinnedOpponent, EarlierRuns]:
    """Return the opponent of a run, and the earlier runs with the error budget that they have spent.

    A run whose own model has become the champion stays compared with its predecessor. A run that is opened
    again with the same opponent keeps its earlier runs: it is the same comparison, and spends nothing more.
    """
    if champion is not None and champion.seqtag_run_id == run.id and run.opponent.exists():
        return PinnedOpponent.load(run.opponent), EarlierRuns.load(run.earlier)
    opponent = PinnedOpponent(None if champion is None else _pinned(champion, run, workspace))
    if run.earlier.exists() and PinnedOpponent.load_or_none(run.opponent) == opponent:
        return opponent, EarlierRuns.load(run.earlier)
    horizon = config.gate.horizon
    recent = workspace.registry().comparisons(run.tagger)[-(horizon - 1) :] if horizon > 1 else []
    others = [other for other in opened_runs(run.path.parent) if other != run and other.metrics.exists()]
    in_time = sorted(others, key=lambda other: (other.metrics.stat().st_mtime_ns, other.id))
    runs = [other.id for other in in_time]
    spent = sum(comparison.spent for comparison in recent)
    return opponent, EarlierRuns(len(recent), spent, tuple(runs[-_MOST_EARLIER:]))


def _pinned(champion: Champion, run: RunDir, workspace: Workspace) -> PinnedChampion:
    logged = workspace.registry().logged_results(run.tagger, champion.version)
    return PinnedChampion(
        version=champion.version,
        run_id=champion.seqtag_run_id,
        bundle=run.relative(champion.bundle),
        digest=champion.bundle_digest,
        serving=champion.serving,
        tags=champion.tags,
        tag_counts=champion.tag_counts,
        config=logged.config,
        scores=None if logged.metrics is None else score_parts(logged.metrics.challenger),
    )
