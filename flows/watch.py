"""Look whether the files of a corpus have changed, and say so by an event, which begins a retraining.

Any job that delivers a corpus may say it itself: `flows.events` has the event's name.
"""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

import tasks
from flows.events import corpus_changed
from flows.run_context import flow_run_name, resolve_as_of
from seqtag import steps
from seqtag.config import Settings, load_tagger
from tasks.failures import map_errors_to_states


@flow(name="watch", flow_run_name=flow_run_name)
@map_errors_to_states
def watch(tagger: str) -> State[None]:
    """Say by an event that the sources of a tagger have changed since they were read, once for each change.

    Args:
        tagger: Path of the tagger's TOML file, for example `deployments/taggers/sample.toml`.
    """
    config, workspace = load_tagger(tagger), steps.Workspace.of(Settings())
    resolve_as_of(config.schedule, due_by="watch")
    change = tasks.poll_sources(config, workspace)
    if change == "changed":
        corpus_changed(config.name)
        steps.record_source_change(config, workspace)  # after the event: said twice is better than never
        return Completed(name="Changed", message="The sources have changed; a retraining was asked for.")
    if change == "unknown":
        return Completed(name="CannotTell", message="Whether a database has changed is not known unread.")
    return Completed(name="Unchanged", message="The sources are those that were read or seen before.")
