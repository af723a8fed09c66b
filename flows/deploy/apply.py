"""Apply the deployments that a checkout declares to a server, and delete those no longer declared.

Only deployments with the tag `seqtag` are considered.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.utilities.callables import parameter_schema

from flows.deploy.automations import install, notification_automations, server_automations, tagger_automation
from flows.deploy.deployment_specs import Deployment, declared_deployments
from flows.deploy.work_pools import planned_pools
from flows.notification_block import notify_address, sync_block
from flows.prefect_api import TAG, seqtag_deployments

_ONE_AT_A_TIME = "1 run, others wait"  # scheduled runs may be cancelled instead: `flows.worker.coalescing`


def deploy(checkout: Path, *, api: str) -> list[str]:
    """Make a server's deployments and automations match a checkout; return a line for each difference.

    Args:
        api: the server's address, for example http://127.0.0.1:4200/api.

    Raises:
        ConfigError: deployments.yaml, a tagger's file or SEQTAG_NOTIFY_URL is invalid, or job variables do
            not fit their work pool; nothing was changed.
    """
    declared, address = declared_deployments(checkout), notify_address()
    with temporary_settings({PREFECT_API_URL: api}):
        return asyncio.run(_apply(checkout, declared, address))


async def _apply(checkout: Path, declared: list[Deployment], address: str) -> list[str]:
    wanted = {deployment.title: deployment for deployment in declared}
    lines = []
    async with get_client() as client:
        for pool in await planned_pools(checkout, declared, client):
            lines += await pool.apply(client)
        existing = await _deployed(client)
        for title, deployment in wanted.items():
            lines += await _update(deployment, existing.get(title), client)
        for title, deployed in existing.items():
            if title not in wanted:
                await client.delete_deployment(deployed.id)
                lines.append(f"- {title}")
        retrained = [(found.name, found.id) for found in await retrain_deployments(client)]
        block, changes = await sync_block(client, address)
        notifications = [] if block is None else notification_automations(block.id)
        lines += changes
        lines += await install(
            [*server_automations(), *notifications, *(tagger_automation(*tagger) for tagger in retrained)],
            client,
        )
    return lines


async def retrain_deployments(client: PrefectClient) -> list[DeploymentResponse]:
    """Return the deployments that retrain a tagger; each has the tagger's name."""
    return [found for title, found in (await _deployed(client)).items() if title.startswith("retrain/")]


async def _deployed(client: PrefectClient) -> dict[str, DeploymentResponse]:
    """Return seqtag's deployments by title."""
    names: dict[UUID, str] = {}
    found = {}
    async for deployment in seqtag_deployments(client):
        flow = deployment.flow_id
        if flow not in names:
            names[flow] = (await client.read_flow(flow)).name
        found[f"{names[flow]}/{deployment.name}"] = deployment
    return found


async def _update(
    deployment: Deployment, existing: DeploymentResponse | None, client: PrefectClient
) -> list[str]:
    if existing is None:
        await _put(deployment, client)
        return [f"+ {deployment.title}"]
    before, after = _deployed_settings(existing), _declared_settings(deployment)
    names = dict.fromkeys([*after, *before])
    changed = [name for name in names if before.get(name) != after.get(name)]
    if not changed:
        return []
    await _put(deployment, client)
    return [f"~ {deployment.title}", *(_difference(name, before, after) for name in changed)]


def _declared_settings(deployment: Deployment) -> dict[str, Any]:
    """Return the settings to compare with those on the server, under the names that `deploy` prints."""
    schedule = deployment.schedule
    return {
        "entrypoint": deployment.entry.entrypoint,
        "description": deployment.description,
        "tags": _tags(deployment),
        "work pool": deployment.entry.work_pool.name,
        "parameters": deployment.parameters,
        "form": parameter_schema(deployment.flow).model_dump(mode="json"),
        "pull steps": list(deployment.pull_steps),
        "schedule": _when(schedule.cron, schedule.timezone, active=schedule.active) if schedule else "none",
        "concurrency": _ONE_AT_A_TIME,
        **_variables(deployment.job_variables),
    }


def _deployed_settings(deployment: DeploymentResponse) -> dict[str, Any]:
    schedules = [
        _when(found.schedule.cron, found.schedule.timezone or "UTC", active=found.active)
        if isinstance(found.schedule, CronSchedule)
        else str(found.schedule)
        for found in deployment.schedules
    ]
    limit, options = deployment.global_concurrency_limit, deployment.concurrency_options
    waits = options is not None and options.collision_strategy == ConcurrencyLimitStrategy.ENQUEUE
    return {
        "entrypoint": deployment.entrypoint,
        "description": deployment.description,
        "tags": sorted(deployment.tags),
        "work pool": deployment.work_pool_name,
        "parameters": deployment.parameters,
        "form": deployment.parameter_openapi_schema,
        "pull steps": deployment.pull_steps,
        "schedule": ", ".join(sorted(schedules)) or "none",
        "concurrency": _ONE_AT_A_TIME if waits and limit is not None and limit.limit == 1 else "another",
        **_variables(deployment.job_variables),
    }


async def _put(deployment: Deployment, client: PrefectClient) -> None:
    schedule = deployment.schedule
    schedules = schedule and [
        DeploymentScheduleCreate(
            schedule=CronSchedule(cron=schedule.cron, timezone=schedule.timezone), active=schedule.active
        )
    ]
    await client.create_deployment(
        flow_id=await client.create_flow_from_name(deployment.flow.name),
        name=deployment.name,
        schedules=schedules or [],
        concurrency_limit=1,
        concurrency_options=ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy.ENQUEUE),
        parameters=deployment.parameters,
        description=deployment.description,
        work_pool_name=deployment.entry.work_pool.name,
        tags=_tags(deployment),
        entrypoint=deployment.entry.entrypoint,
        parameter_openapi_schema=parameter_schema(deployment.flow).model_dump(),
        pull_steps=list(deployment.pull_steps),
        enforce_parameter_schema=True,
        job_variables=deployment.job_variables,
    )


def _variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return job variables under the names that `deploy` prints."""
    others = {f"job variable {name}": value for name, value in variables.items() if name != "env"}
    return {"environment": variables.get("env", {}), **others}


def _tags(deployment: Deployment) -> list[str]:
    schedule = deployment.schedule
    policies = [f"missed:{schedule.missed}", f"overlap:{schedule.overlap}"] if schedule else []
    return sorted([TAG, *policies])


def _when(cron: str, timezone: str, *, active: bool) -> str:
    return f"{cron} {timezone}" + ("" if active else " (off)")


def _difference(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    if name == "form":
        return "    form"
    return f"    {name}: {_short(before.get(name, 'none'))} -> {_short(after.get(name, 'none'))}"


def _short(value: Any, n: int = 60) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= n else text[:n] + "..."
