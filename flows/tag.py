"""Tag the sources of a tagger's table [tagging] with its champion.

No `from __future__ import annotations`: Prefect builds its form from the evaluated annotations.
"""

from datetime import date
from typing import Any

from prefect import Flow, flow, unmapped
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

import tasks
from flows.dask_cluster import dask_runner
from flows.run_context import flow_run_name, resolve_as_of
from seqtag import steps
from seqtag.config import Settings, TaggerConfig, load_tagger, redirect_library_caches, taggers_of
from seqtag.run_dir import TaggedSnapshot
from tasks.failures import map_errors_to_states


@flow(
    name="tag",
    flow_run_name=flow_run_name,
    # one at a time: a subprocess uses every core
    task_runner=ThreadPoolTaskRunner[Any](max_workers=1),  # type: ignore[arg-type]  # Prefect says PrefectFuture
)
@map_errors_to_states
def tag(tagger: str, version: str | None = None, as_of: date | None = None) -> State[TaggedSnapshot]:
    """Tag new sequences with the champion, in Parquet that appears whole.

    The champion is pinned at the start. What a killed flow run has tagged is kept, and sequences that the
    champion has tagged already are not tagged again.

    Args:
        tagger: Path of the tagger's TOML file, for example `deployments/taggers/sample.toml`.
        version: Number or alias of a version in the registry, for example 7. Default: the champion.
        as_of: Day of the tagging. Default: the day on which it was due, in the time zone of [schedule].
            Paths of sources may contain it as `${SEQTAG_AS_OF}`, for example 2026-01-31.
    """
    config, workspace = load_tagger(tagger), steps.Workspace.of(Settings())
    day = resolve_as_of(config.schedule, as_of, due_by="tagging")
    redirect_library_caches(workspace.home.caches)
    found = [_tag(each, workspace, version=version, day=day) for each in taggers_of(config)]
    message = "\n".join(steps.tagging_sentence(tagged) for tagged, _ in found)
    if not any(is_new for _, is_new in found):
        return Completed(name="Skipped", message=f"Nothing is new: {message}", data=found[0][0])
    return Completed(name="Tagged", message=message, data=found[0][0])


def _tag(
    config: TaggerConfig, workspace: steps.Workspace, *, version: str | None, day: date
) -> tuple[TaggedSnapshot, bool]:
    """Return the tagged sequences of one tagger, and whether any of them are new."""
    snapshot = tasks.ingest_untagged(config, workspace)
    tagged = tasks.open_tagging(config, snapshot, workspace, as_of=day, version=version)
    if steps.is_finished(tagged):
        return tagged, False
    if workspace.dask_scheduler is None:
        _tag_groups(tagged)
    else:
        on_workers = Flow(_tag_groups, name="tag parts", task_runner=dask_runner(workspace.dask_scheduler))
        on_workers(tagged)  # Prefect stores this argument: no URL with a password, no list of all parts
    return tasks.finish_tagging(config, tagged, workspace), True


def _tag_groups(tagged: TaggedSnapshot) -> None:
    """Map `tag_parts` over the groups, on the flow's task runner."""
    groups = steps.groups_of_parts(tagged, steps.Workspace.of(Settings()))
    tasks.tag_parts.map(groups, unmapped(tagged)).result()
