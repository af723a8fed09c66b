"""Retrain all taggers, each in its own process; if one fails, the others still run."""

import asyncio

from prefect import flow, get_client, runtime
from prefect.client.schemas.objects import State
from pydantic import PositiveInt

from flows.child_runs import Outcome, combine_outcomes, idempotency_key, run_and_wait
from flows.deploy.apply import retrain_deployments
from flows.run_context import day_of_tick
from seqtag.config import load_tagger
from seqtag.config.secrets import hide_passwords


@flow(name="retrain-all", flow_run_name="retrain all taggers")
async def retrain_all(taggers: list[str] | None = None, at_once: PositiveInt = 1) -> State[None]:
    """Retrain every deployed tagger, and report the outcome of each.

    All are retrained as of the day on which this flow run was due, in the time zone of each [schedule], even
    those that start on a later day.

    Args:
        taggers: Names of taggers. Default: all that are deployed.
        at_once: Number of taggers to retrain at the same time.
    """
    files, due = await _deployed_taggers(), runtime.flow_run.scheduled_start_time
    slots = asyncio.Semaphore(at_once)

    async def retrained(name: str) -> Outcome:
        async with slots:
            try:
                parameters = None
                if name in files:
                    parameters = {"as_of": day_of_tick(due, load_tagger(files[name]).schedule)}
                key = idempotency_key(name)
                return await run_and_wait(f"retrain/{name}", parameters, name=name, key=key)
            except Exception as error:  # for example of the network
                return Outcome(name, type(error).__name__, hide_passwords(str(error)), is_completed=False)

    return combine_outcomes(await asyncio.gather(*map(retrained, taggers or sorted(files))))


async def _deployed_taggers() -> dict[str, str]:
    """Return the TOML file of each deployed tagger by the tagger's name."""
    async with get_client() as client:
        deployed = await retrain_deployments(client)
    return {found.name: str(found.parameters.get("tagger", "")) for found in deployed}
