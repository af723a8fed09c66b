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
from seqtag.config.secrets import hide_passwords
from seqtag.errors import RegistryError
from seqtag.registry import Standing, Version
from seqtag.run_dir import RunDir, TaggedSnapshot, opened_runs
from seqtag.steps.approval import ApprovalRecord
from seqtag.steps.context import Workspace, read_snapshot
from seqtag.steps.open_tagging import is_finished, is_refused, read_pinned
from seqtag.steps.remove import TaggerFolder, held_lock, is_held, measured, unfinished_removals
from seqtag.steps.run_inputs import PinnedOpponent

# Seconds since the last change in which a folder is kept: between two steps nothing tells that a run is in
# progress, and a snapshot is read before the run that uses it is opened.
_GRACE = 24 * 3600.0
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
    unfinished bulk tagging names, in which a step is running or wrote in the last day, or that a kept run was
    compared with. A snapshot is kept if a kept run or an unfinished bulk tagging reads it, or if it was read
    in the last day. Links to folders elsewhere are kept.

    Args:
        n_runs: how many of the runs that were opened last.
        config: of the tagger; None: what refused bulk taggings left is kept.

    Raises:
        RegistryError: registry or ledger could not be read, or lack what the runs registered.
        RunDirError: a run does not say what it needs.
    """
    home, runs = workspace.home, opened_runs(workspace.home.runs(tagger))
    taggings = _hidden_taggings(home.tagged(tagger))
    leftover = [each for each in taggings if _is_leftover(each, config)]
    needed = [each for each in taggings if each not in leftover]
    tagging_runs = {read_pinned(each).run_id for each in needed if each.pinned.exists()}
    named = _named_by_registry(tagger, workspace, runs)
    kept: dict[str, list[str]] = {}
    for number, run in enumerate(runs):
        reasons = [
            *([f"one of the newest {n_runs}"] if number < n_runs else []),
            *named.get(run.id, ()),
            *(["waits for approval"] if _waits(run) else []),
            *(["a bulk tagging needs it"] if run.id in tagging_runs else []),
            *(["a step is running"] if held_lock(run.path) else []),
            *(["written in the last day"] if _is_recent(run.path) else []),
            *(["is a link"] if run.path.is_symlink() else []),
        ]
        if reasons:
            kept[run.id] = reasons
    compared = [run for run in runs if run.id in kept and run.opponent.exists()]
    for run in compared:
        opponent = PinnedOpponent.load(run.opponent).champion
        if opponent is not None:
            kept.setdefault(opponent.run_id, [f"{run.id} was compared with it"])
    snapshots = {read_snapshot(run).id for run in runs if run.id in kept}
    to_tag = {snapshot for each in needed if (snapshot := _snapshot_id(each))}
    paths = [
        *(run.path for run in runs if run.id not in kept),
        *_outdated_snapshots(home.corpus(tagger), snapshots),
        *_outdated_snapshots(home.untagged(tagger), to_tag),
        *(each.partial for each in leftover),
    ]
    for folder in (home.runs(tagger), home.corpus(tagger), home.untagged(tagger), home.tagged(tagger)):
        paths += unfinished_removals(folder)
    return Retention(
        kept={run.id: tuple(kept[run.id]) for run in runs if run.id in kept},
        outdated=[measured(path) for path in paths],
    )


@contextmanager
def snapshots_locked(tagger: str, workspace: Workspace) -> Iterator[None]:
    """Hold the locks under which snapshots of a tagger are written or reused; wait for those who do."""
    home = workspace.home
    with ExitStack() as stack:
        for folder in (home.corpus(tagger), home.untagged(tagger)):
            if folder.is_dir():
                stack.enter_context(file_lock(folder / ".lock"))
        yield


def _named_by_registry(tagger: str, workspace: Workspace, runs: Sequence[RunDir]) -> dict[str, list[str]]:
    """Return the reasons for which the registry and the ledger need runs, by id.

    Raises:
        RegistryError: they lack what the runs registered, as if they were new or those of another home.
    """
    registry, found = workspace.registry(), {}
    versions, standing = registry.versions(tagger), registry.standings().get(tagger)
    _require_records_of(runs, workspace, versions, standing)
    roles: dict[str, list[str]] = {}
    if standing is not None:
        if standing.champion is not None and standing.champion.to_version is not None:
            roles.setdefault(standing.champion.to_version, []).append("champion")
        for entry in standing.blocks:
            for version in filter(None, (entry.from_version, entry.to_version)):
                roles.setdefault(version, []).append("a block names it")
    for each in versions:
        names = dict.fromkeys([*roles.get(each.version, ()), *each.aliases])
        if names:
            found[each.seqtag_run_id] = [f"{name} (version {each.version})" for name in names]
    return found


def _require_records_of(
    runs: Sequence[RunDir], workspace: Workspace, versions: Sequence[Version], standing: Standing | None
) -> None:
    store, ids = workspace.registry(), {each.seqtag_run_id for each in versions}
    registered = [run for run in runs if run.registration.exists()]
    champion = None if standing is None or standing.champion is None else standing.champion.to_version
    lacks = None
    if runs and not store.exists():
        lacks = "it does not exist"
    elif registered and not any(run.id in ids for run in registered):
        lacks = f"it has no version of {registered[0].tagger}, but runs registered some"
    elif versions and not store.has_ledger():
        lacks = "it has no ledger"
    elif champion is not None and champion not in [each.version for each in versions]:
        lacks = f"it has no version {champion}, which the ledger names as champion"
    if lacks is not None:
        raise RegistryError(
            f"registry {hide_passwords(workspace.registry_url)}: {lacks}; nothing was removed, since it says "
            "which runs are needed; restore it, or set SEQTAG_REGISTRY_URL to that of the retrainings"
        )


def _waits(run: RunDir) -> bool:
    """Return whether the approval of a run was requested, and its promotion is not decided yet."""
    if not run.approval.exists():
        return False
    record = ApprovalRecord.of(run)
    return record.question is not None and (record.answer is None or not run.promotion.exists())


def _is_recent(folder: Path) -> bool:
    """Return whether a file or folder in it was added, replaced or removed in the last day."""
    return folder.stat().st_mtime > time.time() - _GRACE


def _hidden_taggings(folder: Path) -> list[TaggedSnapshot]:
    """Return the bulk taggings that have their hidden folder, which one that is published loses."""
    named = (_TAGGING.fullmatch(path.name) for path in folder.glob(".*") if path.is_dir())
    return [TaggedSnapshot(folder / match["id"]) for match in named if match]


def _is_leftover(tagging: TaggedSnapshot, config: TaggerConfig | None) -> bool:
    """Return whether nobody needs a hidden folder: its tagging was refused, or is published."""
    if tagging.lock.exists() and is_held(tagging.lock):
        return False
    if is_finished(tagging):
        return True
    return config is not None and tagging.pinned.exists() and is_refused(read_pinned(tagging), config)


def _snapshot_id(tagging: TaggedSnapshot) -> str | None:
    match = _TAGGING.fullmatch(tagging.partial.name)
    return match["snapshot"] if match else None


def _outdated_snapshots(folder: Path, needed: set[str]) -> list[Path]:
    """Return the snapshots in a folder that are not needed, and were not read in the last day."""
    found = [path.parent for path in sorted(folder.glob("[!.]*/manifest.json"))]
    return [each for each in found if each.name not in needed and not (_is_recent(each) or each.is_symlink())]
