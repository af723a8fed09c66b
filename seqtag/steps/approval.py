"""Manual approval of a promotion: the request, the response, and the verdict without one.

All of it is in `approval.json` of a run directory. A response counts for the decision that it was given to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, Self

from seqtag.artifacts import file_digest, file_lock
from seqtag.gate import Decision
from seqtag.records import Record
from seqtag.registry import SmokeFindings
from seqtag.run_dir import Home, RunDir

ApprovalVerdict = Literal["approve", "hold", "none"]  # none: nobody responded in time


@dataclass(frozen=True)
class ApprovalRequest:
    """A request to approve the promotion of a decision (its sha256)."""

    decision: str
    by: str  # the flow run that asked, and waits
    until: str  # UTC, ISO 8601; later responses do not count

    def is_over(self, now: datetime) -> bool:
        return now >= datetime.fromisoformat(self.until)


@dataclass(frozen=True)
class ApprovalResponse:
    """The response to a request."""

    decision: str
    verdict: ApprovalVerdict
    who: str  # as typed into the form
    reason: str

    @property
    def signed(self) -> str:
        """The name, with a note that it was not verified."""
        return f"{self.who} (name as typed)"


@dataclass(frozen=True)
class ApprovalRecord(Record):
    """approval.json: the need for approval, the request and the response."""

    FORMAT: ClassVar[str] = "approval/1"

    required: bool
    question: ApprovalRequest | None = None
    answer: ApprovalResponse | None = None

    @classmethod
    def of(cls, run: RunDir) -> Self:
        """Read the record of a run, without requests and responses about another decision."""
        record = cls._recorded(run)
        decision = file_digest(run.decision) if run.decision.exists() else None
        return cls(
            record.required,
            record.question if record.question and record.question.decision == decision else None,
            record.answer if record.answer and record.answer.decision == decision else None,
        )

    @classmethod
    def _recorded(cls, run: RunDir) -> Self:
        """Read the record; a lost one requires approval, since nobody knows whether it did."""
        return cls.load(run.approval) if run.approval.exists() else cls(required=True)

    def objection(self) -> str | None:
        """Return the reason not to promote although the decision says so, None if there is none."""
        if not self.required or (self.answer and self.answer.verdict == "approve"):
            return None
        if self.answer and self.answer.verdict == "hold":
            return f"{self.answer.signed} holds it back: {self.answer.reason}"
        if self.answer and self.question:
            return f"nobody approved it until {_minute(self.question.until)}"
        return "it has to be approved, and nobody has responded"


def require_approval(run: RunDir, *, required: bool) -> None:
    """Record whether a promotion by this run requires approval."""
    record = ApprovalRecord.load(run.approval) if run.approval.exists() else ApprovalRecord(required)
    replace(record, required=required).save(run.approval)


def needs_approval(run: RunDir) -> bool:
    """Return whether to request approval: the model would be promoted, and nobody has responded yet."""
    approval = ApprovalRecord.of(run)
    if not approval.required or approval.answer is not None:
        return False
    return Decision.load(run.decision).verdict == "PROMOTE" and SmokeFindings.load(run.smoke_findings).passed


def open_approval_request(run: RunDir, *, by: str, now: datetime, within: timedelta) -> ApprovalRequest:
    """Open a request, unless one is pending; return the pending request.

    Args:
        by: the flow run that waits for the response.
        now: UTC.
        within: time until the request expires.
    """
    with file_lock(run.path / ".lock"):
        pending = ApprovalRecord.of(run).question
        if pending is not None:
            return pending
        until = (now + within).isoformat(timespec="seconds")
        question = ApprovalRequest(file_digest(run.decision), by, until)
        _note(run, question=question, answer=None)
        return question


def pending_request(run: RunDir) -> ApprovalRequest | None:
    """Return the pending request about the decision of a run."""
    return ApprovalRecord.of(run).question


def withdraw_request(run: RunDir) -> None:
    """Withdraw a request that nobody can respond to, since the flow run that asked is gone."""
    with file_lock(run.path / ".lock"):
        _note(run, question=None)


def reopen_approval(run: RunDir, *, by: str) -> None:
    """Discard a response other than an approval, unless `by` had asked, so that it is asked again."""
    with file_lock(run.path / ".lock"):
        record = ApprovalRecord.of(run)
        asked_by_this = record.question is not None and record.question.by == by
        if record.answer is not None and record.answer.verdict != "approve" and not asked_by_this:
            _note(run, question=None, answer=None)


def record_response(run: RunDir, verdict: ApprovalVerdict, *, who: str, reason: str) -> None:
    """Record the response to the pending request; an earlier response is kept."""
    with file_lock(run.path / ".lock"):
        if ApprovalRecord.of(run).answer is None:
            _note(run, answer=ApprovalResponse(file_digest(run.decision), verdict, who, reason))


def run_pending_approval(home: Home, tagger: str, *, by: str) -> RunDir | None:
    """Return the run that a flow run waits for approval of, whatever the sources hold now."""
    for path in sorted(home.runs(tagger).glob("????-??-??-*/approval.json")):
        question = ApprovalRecord.of(RunDir(path.parent)).question
        if question is not None and question.by == by:
            return RunDir(path.parent)
    return None


def _note(run: RunDir, **changed: Any) -> None:
    replace(ApprovalRecord._recorded(run), **changed).save(run.approval)


def _minute(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M} UTC"
