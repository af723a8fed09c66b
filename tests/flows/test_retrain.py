"""Complete retrainings on a real Prefect server and a real registry."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mlflow import MlflowClient
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact, State

from flows.retrain import retrain
from seqtag import steps
from seqtag.artifacts import (
    read_json,
)
from seqtag.config import Settings
from seqtag.run_dir import RunDir
from seqtag.steps import LastFlowRun, Workspace
from tests.taggers import Taggers

pytestmark = pytest.mark.usefixtures("server")


@dataclass(frozen=True)
class Retraining:
    """A first retraining that promoted its model, and its home; shared by tests, which must not change it."""

    workspace: Workspace
    tagger: str
    state: State[RunDir]
    run: RunDir


@pytest.fixture(scope="module")
def first(server, tmp_path_factory) -> Iterator[Retraining]:
    folder = tmp_path_factory.mktemp("first-retraining")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQTAG_HOME", str(folder / "home"))
        tagger = Taggers(folder).write()
        state = retrain(tagger, return_state=True)
        yield Retraining(Workspace.of(Settings()), tagger, state, state.result())


def test_a_first_retraining_promotes_a_model_that_reaches_the_floor(first: Retraining) -> None:
    decision = read_json(first.run.decision)
    assert (first.state.name, decision["verdict"]) == ("Promoted", "PROMOTE")
    assert first.state.message == decision["sentence"]
    champion = first.workspace.registry().champion("small")
    assert (champion.version, champion.seqtag_run_id) == ("1", first.run.id)
    assert first.run.report.read_text().startswith("<!doctype html>")


def test_tasks_are_named_after_tagger_and_run(first: Retraining) -> None:
    with get_client(sync_client=True) as client:
        names = {task.name for task in client.read_task_runs()}
    names_of_steps = (
        "validate",
        "split",
        "index",
        "encode",
        "train",
        "retrain_champion",
        "evaluate",
        "decide",
        "promote",
    )
    assert {f"{step} small {first.run.id}" for step in names_of_steps} <= names


def test_the_verdict_is_an_artifact_on_the_dashboard(first: Retraining) -> None:
    assert any(str(first.run.report) in str(card.data) for card in artifacts("retrain-small"))


def artifacts(key: str) -> list[Artifact]:
    with get_client(sync_client=True) as client:
        return client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))


def test_the_fleet_is_one_artifact_and_knows_the_newest_flow_run(first: Retraining) -> None:
    retrain(first.tagger, return_state=True)
    (artifact,) = artifacts("fleet")
    assert "\n| small | promoted | " in str(artifact.data)
    assert "\n- small: Accuracy " in str(artifact.data)
    recorded = LastFlowRun.load(first.workspace.home.last_flow_run("small"))
    assert (recorded.state, recorded.failure) == ("Skipped", "")
    assert recorded.ended is not None
    assert recorded.started <= recorded.ended


def test_an_unchanged_retraining_repeats_no_step(first: Retraining, caplog) -> None:
    with caplog.at_level(logging.INFO, logger="seqtag"):
        state = retrain(first.tagger, return_state=True)
    assert state.result() == first.run
    assert (state.name, state.is_completed()) == ("Skipped", True)
    assert re.match(
        r"Unchanged: version 1 was promoted on [-\d]{10} \d\d:\d\d UTC\. Accuracy ", state.message
    )
    newest = max(artifacts("retrain-small"), key=lambda card: card.created)
    assert str(newest.data).startswith("# Unchanged\n\nVersion 1 was promoted on ")
    unchanged = [r.message.split(":")[0] for r in caplog.records if "unchanged" in r.message]
    assert unchanged == [
        "ingest", "validate", "split", "index", "encode", "train", "retrain_champion", "evaluate", "decide",
        "register", "smoke_test", "promote", "report",
    ]  # fmt: skip
    assert [v.version for v in first.workspace.registry().versions("small")] == ["1"]


def test_a_first_model_below_the_floor_is_rejected_and_there_is_no_champion(
    workspace: Workspace, taggers
) -> None:
    state = retrain(taggers.write(floor=0.999), return_state=True)
    assert state.name == "Rejected"
    assert workspace.registry().champion("small") is None


def test_a_second_model_is_compared_with_the_first_and_a_tie_keeps_the_champion(
    workspace: Workspace, taggers, caplog
) -> None:
    retrain(taggers.write(), return_state=True)
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="seqtag"):
        state = retrain(taggers.write(more="[quality]\nmin_tag_support = 1\n"), return_state=True)
    done = [r.message.split(":")[0] for r in caplog.records if re.match(r"\w+: \d+\.\d s", r.message)]
    # index ran for the champion's tags with the same result, so the first retraining's output is reused
    assert done == [
        "validate", "index", "retrain_champion", "evaluate", "decide", "register", "smoke_test", "promote",
        "report",
    ]  # fmt: skip
    decision = read_json(state.result().decision)
    assert (state.name, decision["champion_version"], decision["difference"]["value"]) == ("Held", "1", 0.0)
    assert workspace.registry().champion("small").version == "1"
    assert state.result().changed_sequences.read_bytes() == b""  # the same model again
    assert "19 test sequences compared: 0 with newly wrong tokens" in state.result().report.read_text()


@pytest.mark.slow
def test_a_requested_baseline_is_trained_and_scored(workspace: Workspace, taggers) -> None:
    pytest.importorskip(
        "pycrfsuite", reason="python-crfsuite is not installed: pip install 'seqtag[baseline]'"
    )
    state = retrain(taggers.write(more='[evaluate]\nbaseline = "crfsuite-ap"\n'), return_state=True)
    metrics = read_json(state.result().metrics)
    assert (state.name, metrics["baseline_name"]) == ("Promoted", "crfsuite-ap")
    assert metrics["baseline"]["accuracy"]["value"] > 0.5


def test_a_rejected_corpus_fails_with_a_one_line_reason(workspace: Workspace, taggers) -> None:
    state = retrain(taggers.write(more="[quality]\nmin_sequences = 1000\n"), return_state=True)
    assert state.is_failed()
    assert "CorpusRejectedError" in state.message
    assert "1,000" in state.message
    assert "\n" not in state.message.strip()
    (small,) = steps.fleet(workspace, now=datetime.now(UTC)).taggers
    assert (small.state, small.attention) == ("refused", ["the newest run is refused"])


def test_a_retraining_that_fails_before_it_has_a_run_is_in_the_fleet(workspace: Workspace, taggers) -> None:
    path = Path(taggers.write())
    path.write_text(path.read_text().replace('"sample"\nn_sequences = 200', '"conll"\npath = "gone.conll"'))
    state = retrain(str(path), return_state=True)
    (small,) = steps.fleet(workspace, now=datetime.now(UTC)).taggers
    assert (small.tagger, small.run_id, small.state) == ("small", None, "failed")
    assert state.message.startswith(small.reason.removesuffix("…"))
    assert "'gone.conll' matches no file" in small.reason
    (artifact,) = artifacts("fleet")
    assert "**the newest run has failed**" in str(artifact.data)


def test_the_next_retraining_restores_a_champion_whose_alias_was_lost(workspace: Workspace, taggers) -> None:
    run = retrain(taggers.write(), return_state=True).result()
    client = MlflowClient(tracking_uri=workspace.registry_url, registry_uri=workspace.registry_url)
    client.delete_registered_model_alias("small", "champion")
    assert workspace.registry().champion("small") is None
    state = retrain(taggers.write(), return_state=True)
    assert (state.name, state.result()) == ("Promoted", run)
    assert workspace.registry().champion("small").seqtag_run_id == run.id


def test_a_damaged_champion_is_reported_and_not_replaced(workspace: Workspace, taggers) -> None:
    retrain(taggers.write(), return_state=True)
    weights = workspace.registry().champion("small").bundle / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:-1])
    state = retrain(taggers.write(seed=2), return_state=True)
    assert state.is_failed()
    assert "RegistryError" in state.message
    assert "champion 1 of small" in state.message
    (version,) = workspace.registry().versions("small")
    assert "champion" in version.aliases
