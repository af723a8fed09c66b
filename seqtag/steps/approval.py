"""Whether a person lets a model serve: who was asked, what was answered, and what it is without an answer.

`approval.json` of a run directory holds all of it; an answer counts for the decision that it was given to.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from seqtag.artifacts import file_digest, file_lock, read_json, write_json
from seqtag.run_dir import Home, RunDir

ApprovalVerdict = Literal["approve", "hold", "none"]  # none: it was not answered in time


@dataclass(frozen=True)
class ApprovalRequest:
    """What was asked: whether the model of a decision (its sha256) may serve."""

    decision: str
    by: str  # the flow run that asked, and waits
    until: str  # UTC, ISO 8601; later answers do not count

    def is_over(self, now: datetime) -> bool:
        return now >= datetime.fromisoformat(self.until)


@dataclass(frozen=True)
class ApprovalResponse:
    """What came back."""

    decision: str
    verdict: ApprovalVerdict
    who: str  # as typed into the form
    reason: str

    @property
    def signed(self) -> str:
        """The name, and that nobody has checked it."""
        return f"{self.who} (name as typed)"


@dataclass(frozen=True)
class ApprovalRecord:
    """Whether a person has to approve, and what has become of it."""

    required: bool = False
    question: ApprovalRequest | None = None
    answer: ApprovalResponse | None = None

    @classmethod
    def of(cls, run: RunDir) -> Self:
        """Read it; what was asked or answered about another decision is left out."""
        if not run.approval.exists():
            return cls()
        said = read_json(run.approval)
        decision = file_digest(run.decision) if run.decision.exists() else None
        question = ApprovalRequest(**said["question"]) if said["question"] else None
        response = ApprovalResponse(**said["answer"]) if said["answer"] else None
        return cls(
            said["required"],
            question if question and question.decision == decision else None,
            response if response and response.decision == decision else None,
        )

    def objection(self) -> str | None:
        """Return why the model does not serve though the decision is to promote it, None if it may."""
        if not self.required or (self.answer and self.answer.verdict == "approve"):
            return None
        if self.answer and self.answer.verdict == "hold":
            return f"{self.answer.signed} holds it back: {self.answer.reason}"
        if self.answer and self.question:
            return f"nobody approved it until {_minute(self.question.until)}"
        return "it has to be approved, and nobody has answered"


def require_approval(run: RunDir, *, required: bool) -> None:
    """Note whether a person has to approve what a run came to."""
    said = read_json(run.approval) if run.approval.exists() else {"question": None, "answer": None}
    write_json(run.approval, {**said, "required": required})


def needs_approval(run: RunDir) -> bool:
    """Tell whether a person is to be asked: the model would serve, and nobody answered yet."""
    approval = ApprovalRecord.of(run)
    if not approval.required or approval.answer is not None:
        return False
    return read_json(run.decision)["verdict"] == "PROMOTE" and bool(read_json(run.infra)["held"])


def open_approval_request(run: RunDir, *, by: str, now: datetime, within: timedelta) -> ApprovalRequest:
    """Ask, unless it was asked already; return the question that stands.

    Args:
        by: the flow run that will wait for the answer.
        now: UTC.
        within: how long an answer is waited for.
    """
    with file_lock(run.path / ".lock"):
        standing = ApprovalRecord.of(run).question
        if standing is not None:
            return standing
        until = (now + within).isoformat(timespec="seconds")
        question = ApprovalRequest(file_digest(run.decision), by, until)
        _note(run, question=asdict(question), answer=None)
        return question


def pending_request(run: RunDir) -> ApprovalRequest | None:
    """Return what was asked about the decision of a run."""
    return ApprovalRecord.of(run).question


def withdraw_request(run: RunDir) -> None:
    """Take a question back that nobody can answer any more, since who asked is gone."""
    with file_lock(run.path / ".lock"):
        _note(run, question=None)


def reopen_approval(run: RunDir, *, by: str) -> None:
    """Forget that somebody held the model or nobody answered, unless `by` had asked, so that it asks anew."""
    with file_lock(run.path / ".lock"):
        said = ApprovalRecord.of(run)
        is_ours = said.question is not None and said.question.by == by
        if said.answer is not None and said.answer.verdict != "approve" and not is_ours:
            _note(run, question=None, answer=None)


def record_response(run: RunDir, verdict: ApprovalVerdict, *, who: str, reason: str) -> None:
    """Note the answer to the question that stands; an earlier answer stays."""
    with file_lock(run.path / ".lock"):
        if ApprovalRecord.of(run).answer is None:
            _note(run, answer=asdict(ApprovalResponse(file_digest(run.decision), verdict, who, reason)))


def run_pending_approval(home: Home, tagger: str, *, by: str) -> RunDir | None:
    """Return the run that a flow run asked about, whatever the sources hold by now."""
    for path in sorted(home.runs(tagger).glob("????-??-??-*/approval.json")):
        question = ApprovalRecord.of(RunDir(path.parent)).question
        if question is not None and question.by == by:
            return RunDir(path.parent)
    return None


def _note(run: RunDir, **changed: Any) -> None:
    write_json(run.approval, {**read_json(run.approval), **changed})


def _minute(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M} UTC"
