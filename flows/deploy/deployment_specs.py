"""Deployments that a checkout declares: deployments.yaml and one TOML file for each tagger."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ParameterTypeError, PrefectException
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from pydantic import ValidationError

from flows.deploy.deployment_file import Entry, When, file_of, read_deployment_file
from seqtag.config import ScheduleConfig, load_tagger, taggers_of
from seqtag.errors import ConfigError


@dataclass(frozen=True)
class Deployment:
    """A declared deployment with its flow loaded."""

    flow: Flow[..., Any]
    name: str
    entry: Entry
    parameters: dict[str, Any]
    description: str
    pull_steps: tuple[dict[str, Any], ...]
    schedule: ScheduleConfig | None
    environment: dict[str, str]

    @property
    def title(self) -> str:
        """The name on the dashboard and in `prefect deployment run`: flow/deployment."""
        return f"{self.flow.name}/{self.name}"

    @property
    def job_variables(self) -> dict[str, Any]:
        """Job variables of the work pool's entry, with the environment of the tagger's schedule."""
        variables = self.entry.work_pool.job_variables
        environment = {**variables.get("env", {}), **self.environment}
        return {**variables, "env": environment} if environment else variables


def declared_deployments(checkout: Path) -> list[Deployment]:
    """Return the deployments of a checkout, with flows loaded and parameters validated.

    Raises:
        ConfigError: deployments.yaml or a tagger's file is invalid.
    """
    path = file_of(checkout)
    file = read_deployment_file(path)
    found = []
    tomls: dict[str, Path] = {}  # file of each tagger
    for toml in sorted((checkout / "deployments" / "taggers").glob("*.toml")):
        tagger = load_tagger(toml)
        if tagger.name != toml.stem:
            raise ConfigError(
                f"{toml}: name: must match the file name: expected {toml.stem!r}, got {tagger.name!r}"
            )
        for each in taggers_of(tagger):
            other = tomls.setdefault(each.name, toml)
            if other != toml:
                raise ConfigError(
                    f"{toml}: further_tags: {other.name} has a tagger {each.name!r} too: expected another "
                    "name; rename one of them"
                )
        for number, entry in enumerate(file.per_tagger):
            if entry.when == "tagging" and not tagger.tagging.sources:
                continue
            deployment = Deployment(
                flow=_flow(entry.entrypoint, f"{path}: per_tagger[{number}]"),
                name=tagger.name,
                entry=entry,
                parameters={"tagger": str(toml.relative_to(checkout)), **entry.parameters},
                description=f"{tagger.description}\n\n{entry.description}".strip(),
                pull_steps=file.pull,
                schedule=_schedule(tagger.schedule, entry.when),
                environment=tagger.schedule.environment,
            )
            found.append(_checked(deployment, where=f"{toml}: schedule.{entry.when}"))
    for number, named in enumerate(file.deployments):
        deployment = Deployment(
            flow=_flow(named.entrypoint, f"{path}: deployments[{number}]"),
            name=named.name,
            entry=named,
            parameters=named.parameters,
            description=named.description,
            pull_steps=file.pull,
            schedule=named.schedule,
            environment=named.schedule.environment if named.schedule else {},
        )
        found.append(_checked(deployment, where=f"{path}: deployments[{number}]"))
    titles = [deployment.title for deployment in found]
    twice = sorted({title for title in titles if titles.count(title) > 1})
    if twice:
        raise ConfigError(f"{path}: deployments declared twice: {', '.join(twice)}; rename or remove one")
    return found


def _schedule(schedule: ScheduleConfig, when: When) -> ScheduleConfig | None:
    if when == "cron":
        return schedule
    cron = {"watch": schedule.watch, "monitor": schedule.monitor, "tagging": schedule.tagging}.get(when)
    if cron is None:
        return None
    return schedule.model_copy(update={"cron": cron, "overlap": "cancel-new", "missed": "latest"})


def _flow(entrypoint: str, where: str) -> Flow[..., Any]:
    try:
        return load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    except (ImportError, AttributeError, ValueError, PrefectException) as error:
        raise ConfigError(
            f"{where}.entrypoint: flow cannot be loaded: expected module.flow, got {entrypoint!r} ({error})"
        ) from error


def _checked(deployment: Deployment, *, where: str) -> Deployment:
    form = parameter_schema(deployment.flow)
    unknown = sorted(set(deployment.parameters) - set(form.properties))
    if unknown:
        raise ConfigError(
            f"{where}: unknown parameters of {deployment.title}: {', '.join(unknown)}; "
            f"expected some of {', '.join(form.properties)}"
        )
    try:
        if set(form.required) <= set(deployment.parameters):  # otherwise a person completes the form
            deployment.flow.validate_parameters(deployment.parameters)
        if deployment.schedule is not None:
            CronSchedule(cron=deployment.schedule.cron, timezone=deployment.schedule.timezone)
    except (ParameterTypeError, ValueError) as error:
        message = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise ConfigError(f"{where}: {message.removeprefix('Value error, ')}") from error
    return deployment
