"""Whether a person lets a model serve: without an answer that counts it is held."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seqtag.registry import InfraFindings
from seqtag.run_dir import Home, RunDir
from seqtag.steps import (
    needs_approval,
    open_approval_request,
    record_response,
    reopen_approval,
    run_pending_approval,
    withdraw_request,
)
from seqtag.steps.approval import ApprovalRecord, ApprovalVerdict, require_approval
from tests.sample_records import sample_decision

NOW = datetime(2026, 1, 31, 2, 0, tzinfo=UTC)
DAY = timedelta(hours=24)


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    run = RunDir(Home(tmp_path).runs("small") / "2026-01-31-a-b")
    for path in (run.decision, run.infra):
        path.parent.mkdir(parents=True)
    sample_decision(verdict="PROMOTE", sentence="PROMOTE: better.").save(run.decision)
    InfraFindings("1", held=True, checks=[], measured={}).save(run.infra)
    require_approval(run, required=True)
    return run


def test_where_nobody_has_to_approve_nothing_is_asked_or_objected(run: RunDir) -> None:
    require_approval(run, required=False)
    assert not needs_approval(run)
    assert ApprovalRecord.of(run).objection() is None
    run.approval.unlink()
    assert ApprovalRecord.of(run) == ApprovalRecord()


def test_an_unanswered_model_is_held(run: RunDir) -> None:
    assert needs_approval(run)
    assert ApprovalRecord.of(run).objection() == "it has to be approved, and nobody has responded"
    open_approval_request(run, by="one", now=NOW, within=DAY)
    assert ApprovalRecord.of(run).objection() == "it has to be approved, and nobody has responded"
    record_response(run, "none", who="", reason="")
    assert ApprovalRecord.of(run).objection() == "nobody approved it until 2026-02-01 02:00 UTC"
    assert not needs_approval(run)


@pytest.mark.parametrize(("verdict", "held"), [("REJECT", True), ("HOLD", True), ("PROMOTE", False)])
def test_what_would_not_serve_anyway_is_not_asked_about(run: RunDir, verdict: str, held: bool) -> None:
    sample_decision(verdict=verdict, sentence="").save(run.decision)
    InfraFindings("1", held=held, checks=[], measured={}).save(run.infra)
    assert not needs_approval(run)


def test_the_first_question_and_the_first_answer_stand(run: RunDir) -> None:
    first = open_approval_request(run, by="one", now=NOW, within=DAY)
    assert open_approval_request(run, by="two", now=NOW + DAY / 2, within=DAY) == first
    assert first.until == "2026-02-01T02:00:00+00:00"
    assert (first.is_over(NOW), first.is_over(NOW + DAY)) == (False, True)
    record_response(run, "hold", who="Ada", reason="no")
    record_response(run, "approve", who="Bob", reason="yes")
    assert ApprovalRecord.of(run).objection() == "Ada (name as typed) holds it back: no"


def test_an_answer_counts_for_the_decision_that_it_was_given_to(run: RunDir) -> None:
    open_approval_request(run, by="one", now=NOW, within=DAY)
    record_response(run, "approve", who="Ada", reason="yes")
    assert ApprovalRecord.of(run).objection() is None
    sample_decision(verdict="PROMOTE", sentence="PROMOTE: another one.").save(run.decision)
    assert ApprovalRecord.of(run).objection() == "it has to be approved, and nobody has responded"
    assert open_approval_request(run, by="two", now=NOW, within=DAY).by == "two"


def test_a_question_can_be_withdrawn_and_asked_by_another(run: RunDir) -> None:
    open_approval_request(run, by="one", now=NOW, within=DAY)
    withdraw_request(run)
    assert open_approval_request(run, by="two", now=NOW, within=DAY).by == "two"


def test_the_run_that_was_asked_about_is_found_by_who_asked(run: RunDir) -> None:
    home = Home(run.path.parents[2])
    assert run_pending_approval(home, "small", by="one") is None
    open_approval_request(run, by="one", now=NOW, within=DAY)
    assert run_pending_approval(home, "small", by="one") == run
    assert run_pending_approval(home, "small", by="two") is None


def test_a_later_night_keeps_what_was_answered(run: RunDir) -> None:
    open_approval_request(run, by="one", now=NOW, within=DAY)
    record_response(run, "approve", who="Ada", reason="yes")
    require_approval(run, required=True)
    assert ApprovalRecord.of(run).objection() is None


@pytest.mark.parametrize("said", ["none", "hold"])
def test_what_was_held_can_be_asked_again_by_another(run: RunDir, said: ApprovalVerdict) -> None:
    open_approval_request(run, by="one", now=NOW, within=DAY)
    record_response(run, said, who="Ada", reason="no")
    reopen_approval(run, by="one")  # which begins anew
    assert not needs_approval(run)
    reopen_approval(run, by="two")
    assert needs_approval(run)
    assert open_approval_request(run, by="two", now=NOW, within=DAY).by == "two"


def test_what_was_approved_is_not_asked_again(run: RunDir) -> None:
    open_approval_request(run, by="one", now=NOW, within=DAY)
    record_response(run, "approve", who="Ada", reason="yes")
    reopen_approval(run, by="two")
    assert ApprovalRecord.of(run).objection() is None
