"""Whole retrainings, on a real Prefect server and a real registry."""

import logging
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from flows.retrain import retrain
from seqtag.rundir import RunDir, read_json
from seqtag.steps import Place

pytestmark = pytest.mark.usefixtures("server")


def test_a_first_night_promotes_a_model_that_reaches_the_floor(place: Place, taggers) -> None:
    state = retrain(taggers.write(), return_state=True)
    run = state.result()
    assert (state.name, read_json(run.decision)["verdict"]) == ("Promoted", "PROMOTE")
    assert state.message == read_json(run.decision)["sentence"]
    champion = place.registry().champion("small")
    assert (champion.version, champion.seqtag_run_id) == ("1", run.id)
    assert run.report.read_text().startswith("<!doctype html>")


def test_a_first_model_below_the_floor_is_rejected_and_nothing_serves(place: Place, taggers) -> None:
    state = retrain(taggers.write(floor=0.999), return_state=True)
    assert state.name == "Rejected"
    assert place.registry().champion("small") is None


def test_an_unchanged_night_does_nothing_again(place: Place, taggers, caplog) -> None:
    first = retrain(taggers.write(), return_state=True).result()
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="seqtag"):
        second = retrain(taggers.write(), return_state=True).result()
    assert second == first
    unchanged = [r.message.split(":")[0] for r in caplog.records if "unchanged" in r.message]
    assert unchanged == [
        "ingest", "validate", "split", "index", "encode", "train", "evaluate", "decide", "register", "report"
    ]  # fmt: skip
    assert [v.version for v in place.registry().versions("small")] == ["1"]


def test_a_second_model_is_judged_against_the_first_and_a_tie_keeps_the_champion(
    place: Place, taggers
) -> None:
    retrain(taggers.write(), return_state=True)
    state = retrain(taggers.write(more="[quality]\nmin_tag_support = 1\n"), return_state=True)
    decision = read_json(state.result().decision)
    assert (state.name, decision["champion_version"], decision["difference"]["value"]) == ("Held", "1", 0.0)
    assert place.registry().champion("small").version == "1"


def test_a_refused_corpus_fails_in_one_line_that_says_why(place: Place, taggers) -> None:
    state = retrain(taggers.write(more="[quality]\nmin_sequences = 1000\n"), return_state=True)
    assert state.is_failed()
    assert "CorpusRejectedError" in state.message
    assert "1,000" in state.message
    assert "\n" not in state.message.strip()


def test_a_damaged_champion_is_never_replaced(place: Place, taggers) -> None:
    retrain(taggers.write(), return_state=True)
    weights = place.registry().champion("small").bundle / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:-1])
    state = retrain(taggers.write(seed=2), return_state=True)
    assert state.name != "Promoted"
    assert place.registry().champion("small").version == "1"


def test_tasks_are_named_after_tagger_and_run(place: Place, taggers) -> None:
    state = retrain(taggers.write(), return_state=True)
    run: RunDir = state.result()
    with get_client(sync_client=True) as client:
        names = {task.name for task in client.read_task_runs()}
    assert {f"validate small {run.id}", f"train small {run.id}", f"register small {run.id}"} <= names
    assert Path(run.path).is_relative_to(place.home.root)
