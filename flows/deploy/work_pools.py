"""Work pools on a server: created with the base job template of their type, and job variables checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectNotFound
from prefect.utilities.schema_tools import ValidationError, validate
from prefect.workers.utilities import (
    get_available_work_pool_types,
    get_default_base_job_template_for_infrastructure_type,
)

from flows.deploy.deployment_file import WorkPool, file_of
from flows.deploy.deployment_specs import Deployment
from seqtag.config.suggestions import did_you_mean
from seqtag.errors import ConfigError

Template = Mapping[str, Any]  # `variables` is a JSON Schema of the job variables


@dataclass(frozen=True)
class PlannedPool:
    """A declared work pool, and what has to be done on the server."""

    pool: WorkPool
    template: Template
    exists: bool
    is_current: bool

    async def apply(self, client: PrefectClient) -> list[str]:
        """Create or update the work pool; return a line for each difference."""
        name, template = self.pool.name, dict(self.template)
        if not self.exists:
            await client.create_work_pool(
                WorkPoolCreate(name=name, type=self.pool.type, base_job_template=template)
            )
            return [f"+ work pool {name} ({self.pool.type})"]
        if not self.is_current:
            await client.update_work_pool(name, WorkPoolUpdate(base_job_template=template))
            return [f"~ work pool {name}", "    base job template"]
        return []


async def planned_pools(
    checkout: Path, declared: Sequence[Deployment], client: PrefectClient
) -> list[PlannedPool]:
    """Compare the declared work pools with those on the server, and check all job variables.

    Nothing is changed.

    Raises:
        ConfigError: a work pool has an unknown type, another type than on the server or an unreadable
            template, or a deployment has job variables that do not fit the template.
    """
    file = file_of(checkout)
    pools: dict[str, WorkPool] = {}
    for deployment in declared:
        pool = deployment.entry.work_pool
        first = pools.setdefault(pool.name, pool)
        if (first.type, first.base_job_template) != (pool.type, pool.base_job_template):
            raise ConfigError(
                f"{file}: work pool {pool.name} is declared in two ways: expected one type and one "
                f"base_job_template, got {first.type!r} and {pool.type!r}; give one of them another name"
            )
    planned = {name: await _planned(file, pool, client) for name, pool in pools.items()}
    for deployment in declared:
        _check_variables(file, deployment, planned[deployment.entry.work_pool.name].template)
    return [planned[name] for name in sorted(planned)]


async def _planned(file: Path, pool: WorkPool, client: PrefectClient) -> PlannedPool:
    try:
        existing = await client.read_work_pool(pool.name)
    except ObjectNotFound:
        existing = None
    if existing is not None and existing.type != pool.type:
        raise ConfigError(
            f"{file}: work pool {pool.name} has another type on the server: expected {pool.type!r}, got "
            f"{existing.type!r}, which Prefect cannot change; delete it with `python -m flows.stack prefect "
            f"work-pool delete {pool.name}`, then make deploy creates it again"
        )
    if pool.base_job_template is not None:
        template = _read_template(file, pool.base_job_template)
    elif existing is not None and existing.base_job_template:
        template = existing.base_job_template  # people may have edited it on the dashboard
    else:
        template = await _default_template(file, pool)
    is_current = existing is not None and existing.base_job_template == template
    return PlannedPool(pool, template, exists=existing is not None, is_current=is_current)


async def _default_template(file: Path, pool: WorkPool) -> Template:
    """Return the template of the installed worker, or else the one that Prefect's server ships."""
    template = await get_default_base_job_template_for_infrastructure_type(pool.type)
    if template is None:
        known = [each for each in await get_available_work_pool_types() if each != "seqtag"]
        raise ConfigError(
            f"{file}: work pool {pool.name} has an unknown type: expected one of {', '.join(known)}, got "
            f"{pool.type!r}{did_you_mean(pool.type, known)}"
        )
    return template


def _read_template(file: Path, name: str) -> Template:
    path = file.parent / name
    try:
        template = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: base job template cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: base job template is not JSON: {error}") from error
    if not isinstance(template, dict) or not {"job_configuration", "variables"} <= template.keys():
        raise ConfigError(
            f"{path}: base job template is incomplete: expected job_configuration and variables, as "
            "`prefect work-pool get-default-base-job-template` prints them"
        )
    return template


def _check_variables(file: Path, deployment: Deployment, template: Template) -> None:
    schema = template["variables"]
    known, given = schema.get("properties", {}), deployment.job_variables
    where = f"{file}: job variables of {deployment.title}"
    for name in given:
        if name not in known:
            raise ConfigError(
                f"{where}: unknown variable {name!r}: expected some of {', '.join(known)}"
                + did_you_mean(name, known)
            )
    needed = {*schema.get("required", ()), *({"image"} & known.keys())}  # Prefect's image lacks seqtag
    missing = sorted(name for name in needed if name not in given and known[name].get("default") is None)
    if missing:
        of = "; it is the image that contains seqtag and the checkout" if "image" in missing else ""
        raise ConfigError(f"{where}: missing: expected also {', '.join(missing)}{of}")
    try:
        validate(given, schema, raise_on_error=True, ignore_required=True)  # as the server does
    except ValidationError as error:
        raise ConfigError(f"{where}: {error}") from error
