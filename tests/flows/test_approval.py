"""Manual approval on a real server, answered through the form."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prefect.states import Scheduled

from flows import stack
from flows.services import process_manager
from seqtag.steps import Workspace
from tests.live_services import begin, client_of, corpus, until, until_final, until_suspended, written

pytestmark = pytest.mark.slow


def test_the_answer_decides_and_a_timeout_holds_the_model(workspace: Workspace, checkout: Path) -> None:
    for name in ("approved", "held"):
        written(checkout, "[approval]\nrequired = true\n", name=name)
    written(checkout, "[approval]\nrequired = true\nwithin_hours = 0.005\n", name="unanswered")  # 18 s
    url, _ = stack.up(workspace, checkout=checkout)
    asked = {name: begin(url, f"retrain/{name}") for name in ("approved", "held", "unanswered")}

    for name, said in (("approved", "approve"), ("held", "hold")):
        until_suspended(url, asked[name])
        assert workspace.registry().champion(name) is None
        with client_of(url) as client:
            form = {"answer": said, "name": "Ada", "reason": f"because {said}"}
            for unsigned in ({}, {**form, "name": " "}):
                refused = client.resume_flow_run(asked[name], run_input=unsigned)
                assert (refused.status, refused.state.is_paused()) == ("REJECT", True)
            client.resume_flow_run(asked[name], run_input=form)
    states = {name: until_final_or_closed(url, run) for name, run in asked.items()}

    assert {name: state.name for name, state in states.items()} == {
        "approved": "Promoted", "held": "Held", "unanswered": "Held",
    }  # fmt: skip
    assert workspace.registry().champion("approved").version == "1"
    entries = {name: workspace.registry().history(name) for name in asked}
    assert [e.event for e in entries["approved"]] == ["PROMOTE"]
    assert entries["approved"][0].sentence.endswith("Approved by Ada (name as typed): because approve")
    assert [e.event for e in entries["held"]] == ["HOLD"]
    assert "Ada (name as typed) holds it back: because hold" in entries["held"][0].sentence
    assert [e.event for e in entries["unanswered"]] == ["HOLD"]
    assert "nobody approved it until" in entries["unanswered"][0].sentence
    assert workspace.registry().champion("held") is workspace.registry().champion("unanswered") is None

    again = begin(url, "retrain/unanswered", force=["promote"])
    until_suspended(url, again)
    with client_of(url) as client:
        client.resume_flow_run(again, run_input={"answer": "approve", "name": "Ada", "reason": "now"})
    assert until_final(url, again).state.name == "Promoted"
    (run,) = workspace.home.runs("approved").glob("*/promote/promotion.json")
    rules = {rule["rule"]: rule for rule in json.loads(run.read_text())["rules"]}
    assert rules["a person approved it"] == {
        "rule": "a person approved it", "passed": True, "change": "",
        "detail": "Ada (name as typed): because approve",
    }  # fmt: skip


def test_an_answer_applies_to_the_model_in_question_even_if_sources_have_changed(
    workspace: Workspace, checkout: Path
) -> None:
    source = checkout / "corpus.jsonl"
    source.write_text(corpus())
    written(checkout, "[approval]\nrequired = true\n", source='"jsonl"\npath = "corpus.jsonl"')
    url, _ = stack.up(workspace, checkout=checkout)
    first = begin(url)
    until_suspended(url, first)
    second = until_final(url, begin(url))
    assert second.state.name == "AwaitingApproval"
    (asked_about,) = workspace.home.runs("small").glob("????-*")
    source.write_text(corpus(drawn=2))
    third = begin(url)
    until(url, lambda runs: [run for run in runs if run.id == third and run.state.is_running()])
    with client_of(url) as client:  # it continues after the third one, which has other data
        client.resume_flow_run(first, run_input={"answer": "approve", "name": "Ada", "reason": "good"})
    assert until_final(url, first).state.name == "Promoted"
    assert workspace.registry().champion("small").seqtag_run_id == asked_about.name


def test_an_answer_in_time_counts_even_if_a_worker_is_started_later(
    workspace: Workspace, checkout: Path
) -> None:
    written(checkout, "[approval]\nrequired = true\nwithin_hours = 0.04\n")  # 144 s
    url, _ = stack.up(workspace, checkout=checkout)
    begun = begin(url)
    until_suspended(url, begun)
    with client_of(url) as client:  # like "Change state" on the dashboard: it asks again
        client.set_flow_run_state(begun, Scheduled(), force=True)
    until(url, lambda runs: [run for run in runs if run.id == begun and run.state.is_running()])
    until_suspended(url, begun)
    process_manager.stop(workspace.home, "worker")
    with client_of(url) as client:
        client.resume_flow_run(begun, run_input={"answer": "approve", "name": "Ada", "reason": "good"})
    (said,) = workspace.home.runs("small").glob("*/approval.json")
    closes = datetime.fromisoformat(json.loads(said.read_text())["question"]["until"])
    time.sleep(max(0, (closes - datetime.now(UTC)).total_seconds()) + 1)
    stack.up(workspace, checkout=checkout)
    assert until_final(url, begun).state.name == "Promoted"


def test_a_child_run_requests_approval_from_a_separate_flow_run(workspace: Workspace, checkout: Path) -> None:
    written(checkout, "[approval]\nrequired = true\n")
    url, _ = stack.up(workspace, checkout=checkout)
    parent = until_final(url, begin(url, "retrain-all/all"))
    assert parent.state.is_completed()
    assert "small: AwaitingApproval" in parent.state.message
    (asks,) = until(url, lambda runs: [run for run in runs if run.state.name == "Suspended"])
    with client_of(url) as client:
        client.resume_flow_run(asks.id, run_input={"answer": "approve", "name": "Ada", "reason": "good"})
    assert until_final(url, asks.id).state.name == "Promoted"


def until_final_or_closed(url, run):
    """Wait for the end of a run that the server may fail in between because nobody answered."""
    return until(
        url, lambda runs: [r.state for r in runs if r.id == run and r.state.name in ("Promoted", "Held")]
    )[0]
