"""deployments.yaml: work pools, deployments of each tagger, and further deployments."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator

from flows.services.process_manager import POOL
from seqtag.config import ScheduleConfig
from seqtag.config.secrets import has_password, is_secret
from seqtag.config.toml_table import Table
from seqtag.config.validation_errors import one_line_each
from seqtag.errors import ConfigError

# key of a tagger's [schedule] that holds the cron; asked: started by people only
When = Literal["cron", "watch", "monitor", "tagging", "asked"]
LOCAL = "process"  # type of a work pool whose flow runs are processes of this machine


class WorkPool(Table):
    """Work pool of a deployment, and the job variables of the deployment's flow runs.

    `name` and `job_variables` are Prefect's own key names.
    """

    name: str
    type: str = LOCAL
    base_job_template: str | None = None  # JSON file, relative to deployments.yaml; default: that of the type
    job_variables: dict[str, Any] = Field(default_factory=dict)

    @field_validator("job_variables")
    @classmethod
    def _environment_has_no_secrets(cls, variables: dict[str, Any]) -> dict[str, Any]:
        environment = variables.get("env")
        if isinstance(environment, dict):
            named = [
                name for name, value in environment.items() if is_secret(name) or has_password(str(value))
            ]
            if named:
                raise ValueError(
                    f"env must not hold secrets, since the dashboard shows it: got {', '.join(named)}; set "
                    "them in the image, or as secrets of the cluster"
                )
        return variables


class Entry(Table):
    """One deployment of deployments.yaml, with Prefect's own key names where they exist."""

    entrypoint: str
    description: str
    work_pool: WorkPool
    parameters: dict[str, Any] = Field(default_factory=dict)


class TaggersEntry(Entry):
    """A deployment that each tagger gets."""

    when: When


class NamedEntry(Entry):
    """A deployment that exists once."""

    name: str
    schedule: ScheduleConfig | None = None


class DeploymentFile(Table):
    """Content of deployments.yaml."""

    name: str
    prefect_version: str = Field(alias="prefect-version")
    pull: tuple[dict[str, Any], ...]
    definitions: dict[str, Any] = Field(default_factory=dict)  # YAML anchors
    per_tagger: tuple[TaggersEntry, ...]
    deployments: tuple[NamedEntry, ...]


def file_of(checkout: Path) -> Path:
    """Return the path of the file in a checkout."""
    return checkout / "deployments" / "deployments.yaml"


def read_deployment_file(path: Path) -> DeploymentFile:
    """Read deployments.yaml.

    Raises:
        ConfigError: the file is missing or invalid.
    """
    try:
        return DeploymentFile.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise ConfigError(f"{path}: file cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    except ValidationError as error:
        raise ConfigError(one_line_each(path, error, DeploymentFile)) from None


def pool_type(checkout: Path) -> str:
    """Return the type of seqtag's work pool; a local worker serves only one of type LOCAL.

    Raises:
        ConfigError: deployments.yaml is missing or invalid.
    """
    file = read_deployment_file(file_of(checkout))
    pools = [entry.work_pool for entry in (*file.per_tagger, *file.deployments)]
    return next((pool.type for pool in pools if pool.name == POOL), LOCAL)
