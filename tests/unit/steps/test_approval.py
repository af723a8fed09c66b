"""Approval by a person: without a valid response the model is held."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seqtag.errors import RunDirError
from seqtag.registry import SmokeFindings
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
    for path in (run.decision, run.smoke_findings):
        path.parent.mkdir(parents=True)
    sample_decision(verdict="PROMOTE", sentence="PROMOTE: better.").save(run.decision)
    SmokeFindings("1", passed=True, checks=[], measured={}).save(run.smoke_findings)
    require_approval(run, required=True)
    return run


def test_no_approval_is_requested_where_none_is_configured(run: RunDir) -> None:
    require_approval(run, required=False)
    assert not needs_approval(run)
    assert ApprovalRecord.of(run).objection() is None


def test_a_lost_record_requires_approval_until_the_run_is_opened_again(run: RunDir) -> None:
    run.approval.unlink()
    assert needs_approval(run)
    require_approval(run, required=False)
    assert not needs_approval(run)


@pytest.mark.parametrize("content", ["{}", "[]", '{"required": 0}', "{"])
def test_a_damaged_record_is_an_error(run: RunDir, content: str) -> None:
    run.approval.write_text(content)
    with pytest.raises(RunDirError, match=r"approval\.json"):
        needs_approval(run)


def test_an_unanswered_model_is_held(run: RunDir) -> None:
    assert needs_approval(run)
    assert ApprovalRecord.of(run).objection() == "it has to be approved, and nobody has responded"
    open_approval_request(run, by="one", now=NOW, within=DAY)
    assert ApprovalRecord.of(run).objection() == "it has to be approved, and nobody has responded"
    record_response(run, "none", who="", reason="")
    assert ApprovalRecord.of(run).objection() == "nobody approved it until 2026-02-01 02:00 UTC"
    assert not needs_approval(run)


@pytest.mark.parametrize(("verdict", "passed"), [("REJECT", True), ("HOLD", True), ("PROMOTE", False)])
def test_a_held_model_needs_no_approval(run: RunDir, verdict: str, passed: bool) -> None:
    sample_decision(verdict=verdict, sentence="").save(run.decision)
    SmokeFindings("1", passed=passed, checks=[], measured={}).save(run.smoke_findings)
    assert not needs_approval(run)


def test_the_first_request_and_the_first_response_count(run: RunDir) -> None:
    first = open_approval_request(run, by="one", now=NOW, within=DAY)
    assert open_approval_request(run, by="two", now=NOW + DAY / 2, within=DAY) == first
    assert first.until == "2026-02-01T02:00:00+00:00"
    assert (first.is_over(NOW), first.is_over(NOW + DAY)) == (False, True)
    record_response(run, "hold", who="Ada", reason="no")
    record_response(run, "approve", who="Bob", reason="yes")
    assert ApprovalRecord.of(run).objection() == "Ada (name as typed) holds it back: no"


def test_a_response_counts_only_for_its_own_decision(run: RunDir) -> None:
    open_approval_request(run, by="one", now=NOW, within=DAY)
    record_response(run, "approve", who="Ada", reason="yes")
    assert ApprovalRecord.of(run).objection() is None
    sample_decision(verdict="PROMOTE", sentence="PROMOTE: another one.").save(run.decision)
    assert ApprovalRecord.of(run).objection() == "it has to be approved, and nobody has responded"
    assert open_approval_request(run, by="two", now=NOW, within=DAY).by == "two"


def test_a_request_can_be_withdrawn_and_reopened_by_another_flow_run(run: RunDir) -> None:
    open_approval_request(run, by="one", now=NOW, within=DAY)
    withdraw_request(run)
    assert open_approval_request(run, by="two", now=NOW, within=DAY).by == "two"


def test_a_pending_run_is_found_by_its_requester(run: RunDir) -> None:
    home = Home(run.path.parents[2])
    assert run_pending_approval(home, "small", by="one") is None
    open_approval_request(run, by="one", now=NOW, within=DAY)
    assert run_pending_approval(home, "small", by="one") == run
    assert run_pending_approval(home, "small", by="two") is None


def test_a_later_run_keeps_the_response(run: RunDir) -> None:
    open_approval_request(run, by="one", now=NOW, within=DAY)
    record_response(run, "approve", who="Ada", reason="yes")
    require_approval(run, required=True)
    assert ApprovalRecord.of(run).objection() is None


@pytest.mark.parametrize("verdict", ["none", "hold"])
def test_a_rejected_model_can_be_requested_again_by_another_flow_run(
    run: RunDir, verdict: ApprovalVerdict
) -> None:
    open_approval_request(run, by="one", now=NOW, within=DAY)
    record_response(run, verdict, who="Ada", reason="no")
    reopen_approval(run, by="one")
    assert not needs_approval(run)
    reopen_approval(run, by="two")
    assert needs_approval(run)
    assert open_approval_request(run, by="two", now=NOW, within=DAY).by == "two"


def test_an_approved_model_is_not_requested_again(run: RunDir) -> None:
    open_approval_request(run, by="one", now=NOW, within=DAY)
    record_response(run, "approve", who="Ada", reason="yes")
    reopen_approval(run, by="two")
    assert ApprovalRecord.of(run).objection() is None
