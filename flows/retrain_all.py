"""Retrain all taggers, each in a process of its own; one that fails stops no other."""

import asyncio

from prefect import flow, get_client
from prefect.client.schemas.objects import State
from pydantic import PositiveInt

from flows.deploying import retrainings
from flows.others import Outcome, key_of_this_run, run_to_its_end, together
from seqtag.config.secrets import hide_passwords


@flow(name="retrain-all", flow_run_name="retrain all taggers")
async def retrain_all(taggers: list[str] | None = None, at_once: PositiveInt = 1) -> State[None]:
    """Run the retraining of every tagger that is deployed, and say what became of each.

    Args:
        taggers: Names of taggers; all that are deployed if this is left empty.
        at_once: How many are retrained at the same time.
    """
    names = taggers or _deployed_taggers()
    slots = asyncio.Semaphore(at_once)

    async def retrained(name: str) -> Outcome:
        async with slots:
            try:
                return await run_to_its_end(f"retrain/{name}", name=name, key=key_of_this_run(name))
            except Exception as error:  # of the network, say
                return Outcome(name, type(error).__name__, hide_passwords(str(error)), is_completed=False)

    return together(await asyncio.gather(*map(retrained, names)))


def _deployed_taggers() -> list[str]:
    with get_client(sync_client=True) as client:
        return sorted(retrained.name for retrained in retrainings(client))
