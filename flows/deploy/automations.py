"""What the server does by itself about our flow runs; installed once, and updated in place.

A run whose process was killed together with its worker sends no heartbeat any more: it is marked as crashed
after SILENCE seconds. A worker then restarts it (`flows.worker.recovery`); its steps find what was finished.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Final
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment, SendNotification
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from flows.events import CORPUS_CHANGED, DRIFT_FOUND, DRIFT_STOP, NOTICE, resource
from flows.services.process_manager import HEARTBEAT, POOL

SILENCE: Final = 4 * HEARTBEAT  # seconds, after which a run without a sign of life counts as dead

_PAGE: Final = 100  # automations asked for at once
_OURS: Final = "seqtag: "  # what the names of our automations begin with
_ANY_RUN: Final = {"prefect.resource.id": "prefect.flow-run.*"}
_OF_OURS = ResourceSpecification.model_validate(
    {"prefect.resource.id": "prefect.tag.seqtag", "prefect.resource.role": "tag"}
)

NEVER_RESUMED: Final = "The flow was paused and never resumed."  # in the words of the server


def server_automations() -> list[AutomationCore]:
    """Return the automations that every seqtag server has."""
    return [
        AutomationCore(
            name=f"{_OURS}a run without heartbeat has crashed",
            description=f"Marks a run as crashed that was not heard of for {SILENCE} seconds.",
            trigger=EventTrigger(
                posture=Posture.Proactive,
                after={"prefect.flow-run.heartbeat"},
                expect={"prefect.flow-run.*"},  # a heartbeat, or any state that it came to
                match=ResourceSpecification.model_validate(_ANY_RUN),
                match_related=_OF_OURS,
                for_each={"prefect.resource.id"},
                threshold=1,
                within=timedelta(seconds=SILENCE),
            ),
            actions=[
                ChangeFlowRunState(
                    state=StateType.CRASHED,
                    name=None,
                    force=False,
                    message=f"No sign of life for {SILENCE} seconds: process or worker died",
                )
            ],
        ),
    ]


def tagger_automation(name: str, deployment: UUID) -> AutomationCore:
    """Return the automation that retrains a tagger whose corpus has changed, or that drifted."""
    return AutomationCore(
        name=f"{_OURS}{name} is retrained when its corpus changes or drifts",
        description=f"Begins a retraining on {CORPUS_CHANGED} and {DRIFT_FOUND} of {resource(name)}.",
        trigger=event_trigger(CORPUS_CHANGED, DRIFT_FOUND, match={"prefect.resource.id": resource(name)}),
        actions=[
            RunDeployment(source="selected", deployment_id=deployment, parameters=None, job_variables=None)
        ],
    )


def notification_automations(block: UUID) -> list[AutomationCore]:
    """Return the automations that send to a notification block what flows say, fail of, or leave undone."""
    any_failure = {
        **_ANY_RUN,
        "prefect.state-type": "FAILED",
        "prefect.state-message": f"!{NEVER_RESUMED}",  # it goes on to a verdict
        "prefect.state-name": f"!{DRIFT_STOP}",  # people were told by a notice
    }
    return [
        AutomationCore(
            name=f"{_OURS}people are told of verdicts, questions and drift",
            description="Sends each notice of a flow.",
            trigger=event_trigger(NOTICE, match={"prefect.resource.id": resource("*")}),
            actions=[_told(block, "{{ event.payload.subject }}", "{{ event.payload.body }}")],
        ),
        AutomationCore(
            name=f"{_OURS}people are told of failures",
            description="Says what a flow run failed of.",
            trigger=event_trigger(
                "prefect.flow-run.*", match=any_failure
            ),  # its event is named by the failure's kind
            actions=[
                _told(
                    block,
                    "{{ flow_run.name }}: {{ flow_run.state.name }}",
                    "{{ flow_run.state.message }}\nDashboard: {{ flow_run|ui_url }}",
                )
            ],
        ),
        AutomationCore(
            name=f"{_OURS}people are told when no worker is up",
            description="Says that nobody asks for work any more.",
            trigger=event_trigger(
                "prefect.work-pool.not-ready",
                match={"prefect.resource.id": "prefect.work-pool.*", "prefect.resource.name": POOL},
            ),
            actions=[_told(block, "no worker is up", "Nothing is retrained until one is: make up.")],
        ),
    ]


def event_trigger(*events: str, match: dict[str, str]) -> EventTrigger:
    """Return the trigger of every single event of these names; of flow runs those of ours."""
    about_runs = match["prefect.resource.id"].startswith("prefect.flow-run")
    return EventTrigger(
        posture=Posture.Reactive,
        expect=set(events),
        match=ResourceSpecification.model_validate(match),
        match_related=_OF_OURS if about_runs else ResourceSpecification.model_validate({}),
        for_each={"prefect.resource.id"},
        threshold=1,
        within=timedelta(seconds=0),
    )


def _told(block: UUID, subject: str, body: str) -> SendNotification:
    return SendNotification(block_document_id=block, subject=subject, body=body)


def install(wanted: list[AutomationCore], client: SyncPrefectClient) -> list[str]:
    """Have the server know these automations of ours and no others; return a line for each difference."""
    lines = []
    there: dict[str, list[Automation]] = defaultdict(list)
    for known in _all(client):
        if known.name.startswith(_OURS):
            there[known.name].append(known)
    for automation in wanted:
        found = there.pop(automation.name, [])
        for double in found[1:]:
            client.delete_automation(double.id)
        ours = found[0] if found else None
        if ours is None:
            client.create_automation(automation)
            lines.append(f"+ automation {automation.name}")
        elif _said(ours) != _said(automation):
            client.update_automation(ours.id, automation)
            lines.append(f"~ automation {automation.name}")
    for name, gone in there.items():
        for double in gone:
            client.delete_automation(double.id)
        lines.append(f"- automation {name}")
    return lines


def _all(client: SyncPrefectClient) -> list[Automation]:
    found: list[Automation] = []
    while page := client.read_automations(limit=_PAGE, offset=len(found)):
        found += page
    return found


def _said(automation: AutomationCore) -> dict[str, object]:
    trigger = automation.trigger.model_dump(exclude={"id"})  # whose sets of names have no order
    actions = [action.model_dump(mode="json", exclude_none=True) for action in automation.actions]
    return {"description": automation.description, "trigger": trigger, "actions": actions}
