"""Prefect automations for seqtag's flow runs: crash detection, retraining on events, notifications.

If a flow run's process dies together with its worker, its heartbeats stop, and after SILENCE seconds the
server marks the run as crashed. A worker then restarts it (`flows.worker.recovery`), and finished steps are
reused.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Final
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment, SendNotification
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from flows.events import CORPUS_CHANGED, DRIFT_FOUND, DRIFT_STOP, NOTICE, resource
from flows.prefect_api import TAG, paginate
from flows.services.process_manager import HEARTBEAT, POOL

SILENCE: Final = 4 * HEARTBEAT  # seconds without a heartbeat until a flow run counts as dead

_PREFIX: Final = "seqtag: "  # of the names of automations; those without a declaration are removed
_ANY_RUN: Final = {"prefect.resource.id": "prefect.flow-run.*"}
_TAGGED_SEQTAG = ResourceSpecification.model_validate(
    {"prefect.resource.id": f"prefect.tag.{TAG}", "prefect.resource.role": "tag"}
)

NEVER_RESUMED: Final = "The flow was paused and never resumed."  # the server's message


def server_automations() -> list[AutomationCore]:
    """Return the automations that every seqtag server has."""
    return [
        AutomationCore(
            name=f"{_PREFIX}a run without heartbeat has crashed",
            description=f"Marks a flow run as crashed after {SILENCE} seconds without a heartbeat.",
            trigger=EventTrigger(
                posture=Posture.Proactive,
                after={"prefect.flow-run.heartbeat"},
                expect={"prefect.flow-run.*"},  # a heartbeat or a change of state
                match=ResourceSpecification.model_validate(_ANY_RUN),
                match_related=_TAGGED_SEQTAG,
                for_each={"prefect.resource.id"},
                threshold=1,
                within=timedelta(seconds=SILENCE),
            ),
            actions=[
                ChangeFlowRunState(
                    state=StateType.CRASHED,
                    name=None,
                    force=False,
                    message=f"No heartbeat for {SILENCE} seconds: the process or its worker died",
                )
            ],
        ),
    ]


def tagger_automation(name: str, deployment: UUID) -> AutomationCore:
    """Return the automation that retrains a tagger when its corpus changes or its input drifts."""
    return AutomationCore(
        name=f"{_PREFIX}{name} is retrained when its corpus changes or drifts",
        description=f"Starts a retraining on {CORPUS_CHANGED} and {DRIFT_FOUND} of {resource(name)}.",
        trigger=event_trigger(CORPUS_CHANGED, DRIFT_FOUND, match={"prefect.resource.id": resource(name)}),
        actions=[
            RunDeployment(source="selected", deployment_id=deployment, parameters=None, job_variables=None)
        ],
    )


def notification_automations(block: UUID) -> list[AutomationCore]:
    """Return the automations that send notices, failures and a missing worker to a notification block."""
    any_failure = {
        **_ANY_RUN,
        "prefect.state-type": "FAILED",
        "prefect.state-message": f"!{NEVER_RESUMED}",  # the flow run continues to a verdict
        "prefect.state-name": f"!{DRIFT_STOP}",  # a notice has already reported it
    }
    return [
        AutomationCore(
            name=f"{_PREFIX}notices are sent",
            description="Sends each notice that a flow emits.",
            trigger=event_trigger(NOTICE, match={"prefect.resource.id": resource("*")}),
            actions=[_send(block, "{{ event.payload.subject }}", "{{ event.payload.body }}")],
        ),
        AutomationCore(
            name=f"{_PREFIX}failures are reported",
            description="Sends the message of a failed flow run.",
            # any event of a flow run: the kind of the failure is part of the event's name
            trigger=event_trigger("prefect.flow-run.*", match=any_failure),
            actions=[
                _send(
                    block,
                    "{{ flow_run.name }}: {{ flow_run.state.name }}",
                    "{{ flow_run.state.message }}\nDashboard: {{ flow_run|ui_url }}",
                )
            ],
        ),
        AutomationCore(
            name=f"{_PREFIX}a missing worker is reported",
            description="Reports that no worker is polling for flow runs.",
            trigger=event_trigger(
                "prefect.work-pool.not-ready",
                match={"prefect.resource.id": "prefect.work-pool.*", "prefect.resource.name": POOL},
            ),
            actions=[
                _send(block, "no worker is up", "Nothing is retrained until a worker is started: make up.")
            ],
        ),
    ]


def event_trigger(*events: str, match: dict[str, str]) -> EventTrigger:
    """Return a trigger for each event of these names; events of flow runs must be seqtag's."""
    about_runs = match["prefect.resource.id"].startswith("prefect.flow-run")
    return EventTrigger(
        posture=Posture.Reactive,
        expect=set(events),
        match=ResourceSpecification.model_validate(match),
        match_related=_TAGGED_SEQTAG if about_runs else ResourceSpecification.model_validate({}),
        for_each={"prefect.resource.id"},
        threshold=1,
        within=timedelta(seconds=0),
    )


def _send(block: UUID, subject: str, body: str) -> SendNotification:
    return SendNotification(block_document_id=block, subject=subject, body=body)


async def install(wanted: list[AutomationCore], client: PrefectClient) -> list[str]:
    """Make the server's seqtag automations match `wanted`; return a line for each difference."""
    lines = []
    installed: dict[str, list[Automation]] = defaultdict(list)
    async for known in paginate(client.read_automations):
        if known.name.startswith(_PREFIX):
            installed[known.name].append(known)
    for automation in wanted:
        found = installed.pop(automation.name, [])
        for duplicate in found[1:]:
            await client.delete_automation(duplicate.id)
        existing = found[0] if found else None
        if existing is None:
            await client.create_automation(automation)
            lines.append(f"+ automation {automation.name}")
        elif _settings(existing) != _settings(automation):
            await client.update_automation(existing.id, automation)
            lines.append(f"~ automation {automation.name}")
    for name, obsolete in installed.items():
        for duplicate in obsolete:
            await client.delete_automation(duplicate.id)
        lines.append(f"- automation {name}")
    return lines


def _settings(automation: AutomationCore) -> dict[str, object]:
    trigger = automation.trigger.model_dump(exclude={"id"})  # not as JSON: sets of names have no order
    actions = [action.model_dump(mode="json", exclude_none=True) for action in automation.actions]
    return {"description": automation.description, "trigger": trigger, "actions": actions}
