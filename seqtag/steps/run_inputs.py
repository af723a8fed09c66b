"""Records that a run directory is opened with: snapshot, opponent, earlier runs, forced steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from seqtag.artifacts import file_digest
from seqtag.evaluation.prf import Interval
from seqtag.records import Record
from seqtag.run_dir import RunDir


@dataclass(frozen=True)
class SnapshotAddress(Record):
    """snapshot.json: the folder of the snapshot, relative to the run directory."""

    FORMAT: ClassVar[str] = "snapshot/1"

    path: str


@dataclass(frozen=True)
class PinnedChampion:
    """The champion when the run was opened; `config` and `scores` are None if its tracked run lacks them."""

    version: str
    run_id: str
    bundle: str  # path, relative to the run directory
    digest: str  # of the bundle
    serving: str  # digest of the serving code
    tags: tuple[str, ...]
    tag_counts: Mapping[str, int]  # tokens of its train split
    config: Mapping[str, Any] | None
    scores: Mapping[str, Interval] | None  # from its own evaluation, by part of its test split


@dataclass(frozen=True)
class PinnedOpponent(Record):
    """opponent.json: the champion that a run is compared with, None if there was none."""

    FORMAT: ClassVar[str] = "opponent/1"

    champion: PinnedChampion | None


def pinned_champion(run: RunDir) -> str:
    """Return the champion that a run is compared with as an input of a step: version and digest, or ""."""
    champion = PinnedOpponent.load(run.opponent).champion
    return "" if champion is None else f"version {champion.version} {file_digest(run.opponent)}"


@dataclass(frozen=True)
class EarlierRuns(Record):
    """earlier.json: earlier runs of the tagger, oldest first, and the error budget that they have spent."""

    FORMAT: ClassVar[str] = "earlier/1"

    comparisons: Annotated[int, Field(ge=0)]
    spent: Annotated[float, Field(ge=0)]  # probability of a false promotion
    runs: tuple[str, ...]


@dataclass(frozen=True)
class JointRuns(Record):
    """joint_runs.json: the runs that are trained together, one for each column of tags, in order."""

    FORMAT: ClassVar[str] = "joint-runs/1"

    paths: tuple[str, ...]  # relative to the run directory


def link_runs(runs: Sequence[RunDir]) -> None:
    """Record in each of some runs that they are trained together; of one, that it is trained alone."""
    for run in runs:
        if len(runs) > 1:
            JointRuns(tuple(run.relative(other.path) for other in runs)).save(run.joint_runs)
        else:
            run.joint_runs.unlink(missing_ok=True)


def joint_runs(run: RunDir) -> tuple[RunDir, ...]:
    """Return the runs that are trained together with a run, itself among them; only itself if it is alone."""
    if not run.joint_runs.exists():
        return (run,)
    return tuple(RunDir(run.resolved(path)) for path in JointRuns.load(run.joint_runs).paths)


@dataclass(frozen=True)
class ForcedSteps(Record):
    """forced.json: steps that run even if nothing changed, each with the flow run or command that asked."""

    FORMAT: ClassVar[str] = "forced/1"

    by: Mapping[str, str]
