"""Retention: the runs of a tagger that are kept, and the runs and snapshots that nothing needs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from seqtag.artifacts import file_lock
from seqtag.config import TaggerConfig
from seqtag.run_dir import RunDir, TaggedSnapshot, opened_runs
from seqtag.steps.approval import pending_request
from seqtag.steps.context import Workspace, read_snapshot
from seqtag.steps.open_tagging import is_finished, is_refused, read_pinned
from seqtag.steps.remove import TaggerFolder, held_lock, is_held, measured, unfinished_removals
from seqtag.steps.run_inputs import PinnedOpponent

_JUST_READ = 24 * 3600.0  # seconds; what a snapshot was read for may not have been opened yet
_TAGGING = re.compile(r"\.(?P<id>\d{4}-\d\d-\d\d-(?P<snapshot>[0-9a-f]+)-v\d+)")


@dataclass(frozen=True)
class Retention:
    """The runs that are kept, newest first, each with the reasons, and the folders that nothing needs."""

    kept: Mapping[str, Sequence[str]]  # by id
    outdated: Sequence[TaggerFolder]


def retention(
    tagger: str, workspace: Workspace, *, n_runs: int, config: TaggerConfig | None = None
) -> Retention:
    """Return the runs of a tagger to keep, and the folders of others and of snapshots that nothing needs.

    Kept are the runs that were opened last, and those that an alias, a block, an approval request or an
    unfinished bulk tagging names, in which a step is running, or that a kept run was compared with. A
    snapshot is kept if a kept run or an unfinished bulk tagging reads it, or if it was read in the last day.

    Args:
        n_runs: how many of the runs that were opened last.
        config: of the tagger; None: what refused bulk taggings left is kept.

    Raises:
        RegistryError: registry or ledger could not be read.
        RunDirError: a run does not say what it needs.
    """
    home, runs = workspace.home, opened_runs(workspace.home.runs(tagger))
    taggings = _hidden_taggings(home.tagged(tagger))
    over = [each for each in taggings if _is_over(each, config)]
    needed = [each for each in taggings if each not in over]
    tagging_runs = {read_pinned(each).run_id for each in needed if each.pinned.exists()}
    named = _named_by_registry(tagger, workspace)
    kept: dict[str, list[str]] = {}
    for number, run in enumerate(runs):
        reasons = [
            *(["newest"] if number < n_runs else []),
            *named.get(run.id, ()),
            *(["waits for approval"] if run.approval.exists() and _waits(run) else []),
            *(["a bulk tagging needs it"] if run.id in tagging_runs else []),
            *(["a step is running"] if held_lock(run.path) else []),
        ]
        if reasons:
            kept[run.id] = reasons
    for run in [run for run in runs if run.id in kept]:
        opponent = PinnedOpponent.load(run.opponent).champion
        if opponent is not None:
            kept.setdefault(opponent.run_id, [f"{run.id} was compared with it"])
    snapshots = {read_snapshot(run).id for run in runs if run.id in kept}
    to_tag = {snapshot for each in needed if (snapshot := _snapshot_id(each))}
    paths = [
        *(run.path for run in runs if run.id not in kept),
        *_unread(home.corpus(tagger), snapshots),
        *_unread(home.untagged(tagger), to_tag),
        *(each.partial for each in over),
    ]
    for folder in (home.runs(tagger), home.corpus(tagger), home.untagged(tagger), home.tagged(tagger)):
        paths += unfinished_removals(folder)
    return Retention(
        kept={run.id: tuple(kept[run.id]) for run in runs if run.id in kept},
        outdated=[measured(path) for path in paths],
    )


@contextmanager
def no_reading(tagger: str, workspace: Workspace) -> Iterator[None]:
    """Keep others from reading sources into snapshots of a tagger meanwhile; wait until they have done so."""
    home = workspace.home
    with ExitStack() as stack:
        for folder in (home.corpus(tagger), home.untagged(tagger)):
            if folder.is_dir():
                stack.enter_context(file_lock(folder / ".lock"))
        yield


def _named_by_registry(tagger: str, workspace: Workspace) -> dict[str, list[str]]:
    """Return what the registry and the ledger call the runs of some versions, by id."""
    registry, found = workspace.registry(), {}
    standing = registry.standings().get(tagger)
    roles: dict[str, list[str]] = {}
    if standing is not None:
        if standing.champion is not None and standing.champion.to_version is not None:
            roles.setdefault(standing.champion.to_version, []).append("champion")
        for entry in standing.blocks:
            for version in filter(None, (entry.from_version, entry.to_version)):
                roles.setdefault(version, []).append("a block names it")
    for each in registry.versions(tagger):
        names = dict.fromkeys([*roles.get(each.version, ()), *each.aliases])
        if names:
            found[each.seqtag_run_id] = [f"{name} (version {each.version})" for name in names]
    return found


def _waits(run: RunDir) -> bool:
    """Return whether the approval of a run was requested, and its promotion is not decided yet."""
    return pending_request(run) is not None and not run.promotion.exists()


def _hidden_taggings(folder: Path) -> list[TaggedSnapshot]:
    """Return the bulk taggings with a hidden folder: those that are not finished, or were refused."""
    named = (_TAGGING.fullmatch(path.name) for path in folder.glob(".*") if path.is_dir())
    return [TaggedSnapshot(folder / match["id"]) for match in named if match]


def _is_over(tagging: TaggedSnapshot, config: TaggerConfig | None) -> bool:
    """Return whether a bulk tagging was refused, or was killed while it removed its hidden folder."""
    if tagging.lock.exists() and is_held(tagging.lock):
        return False
    if is_finished(tagging):
        return True
    return config is not None and tagging.pinned.exists() and is_refused(read_pinned(tagging), config)


def _snapshot_id(tagging: TaggedSnapshot) -> str | None:
    match = _TAGGING.fullmatch(tagging.partial.name)
    return match["snapshot"] if match else None


def _unread(folder: Path, needed: set[str]) -> list[Path]:
    """Return the snapshots in a folder that are not needed, and were not read in the last day."""
    newest = time.time() - _JUST_READ
    found = (path for path in sorted(folder.glob("*/manifest.json")) if path.parent.name not in needed)
    return [path.parent for path in found if path.parent.stat().st_mtime < newest]
