"""Retrain all taggers, each in a process of its own; one that fails stops no other."""

import asyncio

from prefect import flow, get_client, runtime
from prefect.client.schemas.objects import State
from pydantic import PositiveInt

from flows.child_runs import Outcome, combine_outcomes, idempotency_key, run_and_wait
from flows.deploy.apply import retrainings
from flows.run_context import day_of_tick
from seqtag.config import load_tagger
from seqtag.config.secrets import hide_passwords


@flow(name="retrain-all", flow_run_name="retrain all taggers")
async def retrain_all(taggers: list[str] | None = None, at_once: PositiveInt = 1) -> State[None]:
    """Run the retraining of every tagger that is deployed, and say what became of each.

    All are retrained as of the day on which this run was due, in the time zone of each [schedule], even where
    their turn comes later.

    Args:
        taggers: Names of taggers; all that are deployed if this is left empty.
        at_once: How many are retrained at the same time.
    """
    files, due = _deployed_taggers(), runtime.flow_run.scheduled_start_time
    slots = asyncio.Semaphore(at_once)

    async def retrained(name: str) -> Outcome:
        async with slots:
            try:
                asked = None
                if name in files:
                    asked = {"as_of": day_of_tick(due, load_tagger(files[name]).schedule)}
                return await run_and_wait(f"retrain/{name}", asked, name=name, key=idempotency_key(name))
            except Exception as error:  # of the network, say
                return Outcome(name, type(error).__name__, hide_passwords(str(error)), is_completed=False)

    return combine_outcomes(await asyncio.gather(*map(retrained, taggers or sorted(files))))


def _deployed_taggers() -> dict[str, str]:
    """Return the TOML file of each tagger that is deployed, by the tagger's name."""
    with get_client(sync_client=True) as client:
        return {found.name: str(found.parameters.get("tagger", "")) for found in retrainings(client)}
