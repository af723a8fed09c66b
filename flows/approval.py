"""Manual approval before a promotion: the flow run is suspended, and the dashboard shows a form.

No `from __future__ import annotations`: Prefect builds its form from the evaluated annotations.
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

from flows.events import notify_approval
from seqtag import steps
from seqtag.config import ApprovalConfig, Settings
from seqtag.run_dir import RunDir
from tasks.artifacts import show_fleet

_MAX_INPUTS: Final = 200  # that are read back: each suspension of the run leaves three


class ApprovalForm(RunInput):
    """The answer to an approval request."""

    answer: Literal["hold", "approve"] = Field(
        default="hold", description="approve: promote this model now. hold: keep the champion."
    )
    name: str = Field(pattern=r"\S", description="Your name, for the ledger.")
    reason: str = Field(pattern=r"\S", description="Your reason, for the ledger.")


def request_approval(run: RunDir, config: ApprovalConfig, *, as_of: date) -> State[RunDir] | None:
    """Request manual approval if it is required, and suspend the flow run until it is answered.

    No process waits: the flow run restarts when the form is submitted. If nobody answers in time, the server
    fails it and the worker restarts it, and the model is held. A flow run without a deployment cannot be
    restarted, so it makes no request, and its model is held.

    Args:
        as_of: day of the retraining.

    Returns:
        a final state if another flow run waits for the answer, None if this flow run should continue.
    """
    if not steps.needs_approval(run) or not runtime.deployment.id:
        return None
    if runtime.flow_run.parent_flow_run_id:
        return _ask_in_another_flow_run(run, as_of)
    own_id, now = str(runtime.flow_run.id), datetime.now(UTC)
    before = steps.pending_request(run)
    question = _open_request(run, own_id, now, within=timedelta(hours=config.within_hours))
    answer = _read_answer(question)
    if answer is None and question.is_over(now):
        steps.record_response(run, "none", who="", reason="")
        return None
    if answer is None and question.by != own_id:
        message = f"Flow run {question.by} is waiting for an answer until {question.until}."
        return Completed(name="AwaitingApproval", message=message, data=run)
    if answer is None:
        if question != before:
            notify_approval(run, question)
            show_fleet(steps.Workspace.of(Settings()))
        left = datetime.fromisoformat(question.until) - now
        answer = suspend_flow_run(
            wait_for_input=ApprovalForm.with_initial_data(description=steps.approval_card(run)),
            timeout=max(1, round(left.total_seconds())),
            key=f"{question.decision}-{runtime.flow_run.run_count}",  # it may restart without an answer
        )
    steps.record_response(
        run, "approve" if answer.answer == "approve" else "hold", who=answer.name, reason=answer.reason
    )
    return None


def _ask_in_another_flow_run(run: RunDir, as_of: date) -> State[RunDir]:
    """Start a separate flow run that makes the request: a child flow run cannot be suspended."""
    with get_client(sync_client=True) as client:
        started = client.create_flow_run_from_deployment(
            UUID(runtime.deployment.id),
            parameters={**runtime.flow_run.parameters, "as_of": as_of},
            idempotency_key=f"approval {runtime.flow_run.id}",
        )
    return Completed(name="AwaitingApproval", message=f"Flow run {started.id} requests approval.", data=run)


def _read_answer(question: steps.ApprovalRequest) -> ApprovalForm | None:
    """Return the answer that the server received in time, even if the flow run restarts much later."""
    key = keyset_from_paused_state(Suspended(pause_key=question.decision))["response"]
    with get_client(sync_client=True) as client:
        inputs = client.filter_flow_run_input(
            UUID(question.by), key_prefix=key.removesuffix("response"), limit=_MAX_INPUTS, exclude_keys=set()
        )
    answers = [each for each in inputs if each.key.endswith("response")]
    return ApprovalForm.load_from_flow_run_input(answers[0]) if answers else None


def _open_request(run: RunDir, own_id: str, now: datetime, *, within: timedelta) -> steps.ApprovalRequest:
    """Return the open request; replace one whose flow run no longer waits."""
    question = steps.open_approval_request(run, by=own_id, now=now, within=within)
    if question.by != own_id and not question.is_over(now) and not _is_waiting(question.by):
        steps.withdraw_request(run)
        question = steps.open_approval_request(run, by=own_id, now=now, within=within)
    return question


def _is_waiting(flow_run: str) -> bool:
    with get_client(sync_client=True) as client:
        try:
            state = client.read_flow_run(UUID(flow_run)).state
        except ObjectNotFound:
            return False
    return state is not None and not state.is_final()
