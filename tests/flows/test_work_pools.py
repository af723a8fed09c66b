"""Work pools of every type on a real server: template, job variables, differences and mistakes."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL
from prefect.workers.process import ProcessWorker
from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type

from flows.deploy.apply import deploy
from flows.deploy.deployment_file import pool_type
from flows.worker.__main__ import worker_class
from seqtag.errors import ConfigError

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "how-to" / "containers.md"
EXAMPLES = {
    example["work_pool"]["type"]: example["work_pool"]
    for block in PAGE.read_text("utf-8").split("```yaml\n")[1:]
    if "work_pool" in (example := yaml.safe_load(block.partition("```")[0]))
}


(SPEC,) = [json.loads(block.partition("```")[0]) for block in PAGE.read_text("utf-8").split("```json\n")[1:]]


@pytest.fixture
def client(server: None) -> Iterator[SyncPrefectClient]:
    """Yield a client of the module's server, and delete deployments and work pools afterwards."""
    with get_client(sync_client=True) as client:
        yield client
        for deployment in client.read_deployments():
            client.delete_deployment(deployment.id)
        for pool in client.read_work_pools():
            client.delete_work_pool(pool.name)


@pytest.fixture
def checkout(tmp_path: Path, client: SyncPrefectClient) -> Path:
    """A folder with the real deployments.yaml and one tagger."""
    taggers = tmp_path / "deployments" / "taggers"
    taggers.mkdir(parents=True)
    (taggers / "small.toml").write_text(
        'name = "small"\n[[corpus.sources]]\nformat = "sample"\n[schedule]\nenvironment = {A = "b"}\n'
    )
    shutil.copy(CHECKOUT / "deployments" / "deployments.yaml", tmp_path / "deployments")
    return tmp_path


def declare(checkout: Path, **pool: Any) -> None:
    """Write deployments.yaml with this work pool."""
    path = checkout / "deployments" / "deployments.yaml"
    content = yaml.safe_load((CHECKOUT / "deployments" / "deployments.yaml").read_text("utf-8"))
    for entry in (*content["per_tagger"], *content["deployments"]):
        entry["work_pool"] = {"name": "seqtag", **pool}
    path.write_text(yaml.safe_dump(content), "utf-8")


def write_template(path: Path) -> None:
    """Write Prefect's template for Kubernetes with the volumes and secrets of the guide."""
    template = asyncio.run(get_default_base_job_template_for_infrastructure_type("kubernetes"))
    pod = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    pod["volumes"] = SPEC["volumes"]
    pod["containers"][0] |= SPEC["containers"][0]
    path.write_text(json.dumps(template), "utf-8")


def applied(checkout: Path) -> list[str]:
    return deploy(checkout, api=PREFECT_API_URL.value())


@pytest.mark.parametrize("kind", ["docker", "kubernetes"])
def test_the_example_of_the_guide_creates_the_pool_and_passes_the_variables(
    checkout: Path, client: SyncPrefectClient, kind: str
) -> None:
    declare(checkout, **EXAMPLES[kind])
    if kind == "kubernetes":
        write_template(checkout / "deployments" / EXAMPLES[kind]["base_job_template"])

    changes = applied(checkout)

    pool = client.read_work_pool("seqtag")
    deployment = client.read_deployment_by_name("retrain/small")
    variables = EXAMPLES[kind]["job_variables"]
    assert changes[0] == f"+ work pool seqtag ({kind})"
    assert pool.type == pool_type(checkout) == kind
    assert "image" in pool.base_job_template["variables"]["properties"]
    assert deployment.job_variables == variables | {"env": variables["env"] | {"A": "b"}}
    assert applied(checkout) == []
    run = client.create_flow_run_from_deployment(deployment.id)  # the server validates required variables
    assert run.work_pool_name == "seqtag"


def test_the_server_refuses_a_variable_of_a_wrong_type(checkout: Path, client: SyncPrefectClient) -> None:
    declare(checkout, **EXAMPLES["docker"])
    applied(checkout)
    deployment: UUID = client.read_deployment_by_name("retrain/small").id

    with pytest.raises(PrefectHTTPStatusError, match="422"):
        client.create_flow_run_from_deployment(deployment, job_variables={"volumes": "home"})


def test_each_changed_variable_is_a_difference(checkout: Path, client: SyncPrefectClient) -> None:
    declare(checkout, type="docker", job_variables={"image": "seqtag:1", "mem_limit": "4g"})
    applied(checkout)
    declare(checkout, type="docker", job_variables={"image": "seqtag:2", "env": {"B": "c"}})

    changes = applied(checkout)

    assert changes[changes.index("~ retrain/small") :][:4] == [
        "~ retrain/small",
        '    environment: {"A": "b"} -> {"B": "c", "A": "b"}',
        "    job variable image: seqtag:1 -> seqtag:2",
        "    job variable mem_limit: 4g -> none",
    ]
    assert applied(checkout) == []


def test_a_template_of_the_checkout_replaces_that_of_the_pool(
    checkout: Path, client: SyncPrefectClient
) -> None:
    declare(checkout, type="docker", job_variables={"image": "seqtag:1"})
    applied(checkout)
    template = client.read_work_pool("seqtag").base_job_template
    template["variables"]["properties"]["mem_limit"]["default"] = "4g"
    (checkout / "deployments" / "job.json").write_text(json.dumps(template))
    declare(checkout, type="docker", base_job_template="job.json", job_variables={"image": "seqtag:1"})

    assert applied(checkout) == ["~ work pool seqtag", "    base job template"]
    assert client.read_work_pool("seqtag").base_job_template == template
    assert applied(checkout) == []


def test_a_template_edited_on_the_dashboard_is_kept(checkout: Path, client: SyncPrefectClient) -> None:
    from prefect.client.schemas.actions import WorkPoolUpdate

    declare(checkout, type="docker", job_variables={"image": "seqtag:1"})
    applied(checkout)
    template = client.read_work_pool("seqtag").base_job_template
    template["variables"]["properties"]["image"]["default"] = "seqtag:3"
    client.update_work_pool("seqtag", WorkPoolUpdate(base_job_template=template))
    declare(checkout, type="docker")

    assert not [line for line in applied(checkout) if "work pool" in line]
    assert client.read_work_pool("seqtag").base_job_template == template


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        ({"type": "dockr"}, r"unknown type: .*, got 'dockr'; did you mean 'docker'"),
        (
            {"type": "docker", "job_variables": {"imgae": "seqtag"}},
            r"job variables of retrain/small: unknown variable 'imgae': .*did you mean 'image'",
        ),
        ({"type": "kubernetes"}, r"missing: expected also image; it is the image that contains seqtag"),
        (
            {"type": "docker", "job_variables": {"image": "seqtag", "volumes": "home:/data"}},
            r"Validation failed for field 'volumes'.*'home:/data'",
        ),
        (
            {"type": "docker", "job_variables": {"image": "seqtag", "env": {"DB_PASSWORD": "x"}}},
            r"deployments\.yaml: .*job_variables: env must not hold secrets.*DB_PASSWORD",
        ),
        (
            {"type": "docker", "base_job_template": "none.json"},
            r"none\.json: base job template cannot be read",
        ),
    ],
)
def test_a_mistake_is_reported_and_nothing_is_changed(
    checkout: Path, client: SyncPrefectClient, pool: dict[str, Any], words: str
) -> None:
    declare(checkout, **pool)

    with pytest.raises(ConfigError, match=words):
        applied(checkout)

    assert client.read_work_pools() == []
    assert client.read_deployments() == []


def test_another_type_needs_a_new_pool(checkout: Path, client: SyncPrefectClient) -> None:
    applied(checkout)
    declare(checkout, type="docker", job_variables={"image": "seqtag:1"})
    with pytest.raises(ConfigError, match=r"another type on the server: expected 'docker', got 'process'"):
        applied(checkout)

    client.delete_work_pool("seqtag")
    changes = applied(checkout)

    assert changes[0] == "+ work pool seqtag (docker)"
    assert client.read_deployment_by_name("retrain/small").work_pool_name == "seqtag"
    assert applied(checkout) == []


def test_the_worker_has_the_class_of_the_pools_type(checkout: Path, client: SyncPrefectClient) -> None:
    applied(checkout)

    assert issubclass(asyncio.run(worker_class("seqtag")), ProcessWorker)


@pytest.mark.skipif(find_spec("prefect_docker") is not None, reason="the worker is installed")
def test_a_worker_that_is_not_installed_is_named(checkout: Path, client: SyncPrefectClient) -> None:
    declare(checkout, type="docker", job_variables={"image": "seqtag:1"})
    applied(checkout)

    with pytest.raises(ConfigError, match=r"install prefect-docker, .*pip install 'seqtag\[docker\]'"):
        asyncio.run(worker_class("seqtag"))
