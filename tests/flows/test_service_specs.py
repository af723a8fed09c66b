"""The services of a machine whose registry is an MLflow server elsewhere."""

from pathlib import Path

import pytest

from flows.services.process_manager import ServiceError
from flows.services.service_specs import local_services, service_spec
from seqtag.run_dir import Home
from seqtag.steps import Workspace


def test_an_mlflow_server_elsewhere_needs_no_page_on_this_machine(tmp_path: Path) -> None:
    workspace = Workspace(Home(tmp_path), "https://me:hunter2@mlflow.example.com", "sqlite:////srv/ledger.db")
    assert local_services(workspace) == ["server", "pages", "worker"]
    with pytest.raises(ServiceError) as caught:
        service_spec("registry", workspace, checkout=tmp_path)
    assert str(caught.value) == (
        "registry is not a service of this machine: expected a registry in a database, got the MLflow server "
        "at https://***@mlflow.example.com, which has its own page"
    )


def test_a_registry_in_a_database_has_its_page_on_this_machine(tmp_path: Path) -> None:
    workspace = Workspace(Home(tmp_path), "sqlite:////srv/registry.db")
    assert local_services(workspace) == ["server", "registry", "pages", "worker"]
