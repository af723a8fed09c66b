"""A person is asked before a model serves: the flow run is suspended, and the dashboard shows a form.

Annotations are evaluated here, as Prefect makes the form of them.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from prefect import get_client, runtime
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput, keyset_from_paused_state
from prefect.states import Completed, Suspended
from pydantic import Field

from flows.notifications import notify_approval
from seqtag import steps
from seqtag.config import ApprovalConfig
from seqtag.run_dir import RunDir

_MOST: Final = 200  # inputs that are looked through: three for each time that the run was suspended


class ApprovalForm(RunInput):
    """May this model serve?"""

    answer: Literal["hold", "approve"] = Field(
        default="hold", description="approve: it serves from now on. hold: the champion stays."
    )
    name: str = Field(pattern=r"\S", description="Who you are, for the ledger.")
    reason: str = Field(pattern=r"\S", description="Why, for those who read the ledger.")


def request_approval(run: RunDir, config: ApprovalConfig, *, as_of: date) -> State[RunDir] | None:
    """Ask a person where one has to approve, and wait, without a process; None: go on.

    The flow run is suspended, and begins anew when the form is sent. When time is up the server fails it, and
    the worker has it begin anew: then it is held. A run that nobody can answer, since no deployment could
    begin it anew, is not asked about, and held.

    Args:
        as_of: the day that the flow run is for.

    Returns:
        a state for the flow run to end in where another flow run waits for the answer.
    """
    if not steps.needs_approval(run) or not runtime.deployment.id:
        return None
    if runtime.flow_run.parent_flow_run_id:
        return _left_to_another(run, as_of)
    ours, now = str(runtime.flow_run.id), datetime.now(UTC)
    before = steps.pending_request(run)
    question = _asked(run, ours, now, within=timedelta(hours=config.within_hours))
    answer = _given(question)
    if answer is None and question.is_over(now):
        steps.record_response(run, "none", who="", reason="")
        return None
    if answer is None and question.by != ours:
        message = f"Flow run {question.by} waits for an answer until {question.until}."
        return Completed(name="AwaitingApproval", message=message, data=run)
    if answer is None:
        if question != before:
            notify_approval(run, question)
        left = datetime.fromisoformat(question.until) - now
        answer = suspend_flow_run(
            wait_for_input=ApprovalForm.with_initial_data(description=steps.approval_card(run)),
            timeout=max(1, round(left.total_seconds())),
            key=f"{question.decision}-{runtime.flow_run.run_count}",  # it can be begun anew without an answer
        )
    steps.record_response(
        run, "approve" if answer.answer == "approve" else "hold", who=answer.name, reason=answer.reason
    )
    return None


def _left_to_another(run: RunDir, as_of: date) -> State[RunDir]:
    """Begin a flow run that asks, for the same day: one that is a part of another cannot be suspended."""
    with get_client(sync_client=True) as client:
        begun = client.create_flow_run_from_deployment(
            UUID(runtime.deployment.id),
            parameters={**runtime.flow_run.parameters, "as_of": as_of},
            idempotency_key=f"approval {runtime.flow_run.id}",
        )
    return Completed(name="AwaitingApproval", message=f"Flow run {begun.id} asks.", data=run)


def _given(question: steps.ApprovalRequest) -> ApprovalForm | None:
    """Return what the server was told, in time, also where the run begins anew much later."""
    where = keyset_from_paused_state(Suspended(pause_key=question.decision))["response"]
    with get_client(sync_client=True) as client:
        told = client.filter_flow_run_input(
            UUID(question.by), key_prefix=where.removesuffix("response"), limit=_MOST, exclude_keys=set()
        )
    answers = [each for each in told if each.key.endswith("response")]
    return ApprovalForm.load_from_flow_run_input(answers[0]) if answers else None


def _asked(run: RunDir, ours: str, now: datetime, *, within: timedelta) -> steps.ApprovalRequest:
    """Return the question that stands; one whose flow run does not wait any more is asked anew, by us."""
    question = steps.open_approval_request(run, by=ours, now=now, within=within)
    if question.by != ours and not question.is_over(now) and not _waits(question.by):
        steps.withdraw_request(run)
        question = steps.open_approval_request(run, by=ours, now=now, within=within)
    return question


def _waits(flow_run: str) -> bool:
    with get_client(sync_client=True) as client:
        try:
            state = client.read_flow_run(UUID(flow_run)).state
        except ObjectNotFound:
            return False
    return state is not None and not state.is_final()
