"""Prefect tasks of a bulk tagging; `tag_parts` is mapped over groups of parts of the snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from seqtag import steps
from seqtag.config import Settings, TaggerConfig
from seqtag.run_dir import Snapshot, TaggedSnapshot
from tasks.artifacts import show_tagging
from tasks.base import HOUR, step_task


@step_task(name="ingest untagged {config.name}", timeout_seconds=4 * HOUR)
def ingest_untagged(config: TaggerConfig, workspace: steps.Workspace) -> Snapshot:
    return steps.ingest_untagged(config, workspace)


@step_task(name="open tagging {config.name} {snapshot.id}", timeout_seconds=HOUR)
def open_tagging(
    config: TaggerConfig,
    snapshot: Snapshot,
    workspace: steps.Workspace,
    *,
    as_of: date,
    version: str | None,
) -> TaggedSnapshot:
    return steps.open_tagging(config, snapshot, workspace, as_of=as_of, version=version)


@step_task(name="tag {tagged.tagger} {names[0]} and on", timeout_seconds=4 * HOUR)
def tag_parts(names: Sequence[str], tagged: TaggedSnapshot) -> None:
    # the workspace is that of the worker's environment: its URLs may have passwords, and are not sent
    steps.tag_parts(tagged, names, steps.Workspace.of(Settings()))


@step_task(name="finish tagging {tagged.tagger} {tagged.id}", timeout_seconds=HOUR)
def finish_tagging(
    config: TaggerConfig, tagged: TaggedSnapshot, workspace: steps.Workspace
) -> TaggedSnapshot:
    steps.finish_tagging(config, tagged, workspace)
    show_tagging(tagged)
    return tagged
