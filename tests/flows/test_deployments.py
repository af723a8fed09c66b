"""The deployments as data: what prefect.yaml names exists and takes the parameters it is given."""

from pathlib import Path

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint

from seqtag.config import load_tagger

DEPLOYMENTS = Path(__file__).resolve().parents[2] / "deployments"
DECLARED = yaml.safe_load((DEPLOYMENTS / "prefect.yaml").read_text())["deployments"]


@pytest.mark.parametrize("deployment", DECLARED, ids=lambda deployment: deployment["name"])
def test_every_deployment_loads_and_accepts_its_parameters(deployment: dict, monkeypatch) -> None:
    monkeypatch.chdir(DEPLOYMENTS.parent)
    flow = load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)
    flow.validate_parameters(deployment["parameters"])
    load_tagger(deployment["parameters"]["tagger"])


def test_every_tagger_has_a_deployment() -> None:
    taggers = {f"deployments/taggers/{path.name}" for path in (DEPLOYMENTS / "taggers").glob("*.toml")}
    assert {deployment["parameters"]["tagger"] for deployment in DECLARED} == taggers
