"""Check whether the sources of a corpus have changed, and emit an event that starts a retraining.

A job that delivers a corpus may emit the event itself: see `flows.events`.
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
    """Emit an event if a tagger's sources have changed since they were read, once for each change.

    Args:
        tagger: Path of the tagger's TOML file, for example `deployments/taggers/sample.toml`.
    """
    config, workspace = load_tagger(tagger), steps.Workspace.of(Settings())
    resolve_as_of(config.schedule, due_by="watch")
    change = tasks.poll_sources(config, workspace)
    if change == "changed":
        corpus_changed(config.name)
        steps.record_source_change(config, workspace)  # last: two events are better than none
        return Completed(name="Changed", message="The sources have changed; a retraining was requested.")
    if change == "unknown":
        return Completed(name="CannotTell", message="A database has to be read to detect changes.")
    return Completed(name="Unchanged", message="The sources have not changed since they were last checked.")
