"""What the server does by itself about our flow runs; installed once, and updated in place.

A run whose process was killed together with its worker sends no heartbeat any more: it is marked as crashed
after SILENCE seconds. A crashed run is taken up again, and its steps find what was finished.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from flows.services import HEARTBEAT

SILENCE: Final = 4 * HEARTBEAT  # seconds, after which a run without a sign of life counts as dead

_ANY_RUN = ResourceSpecification.model_validate({"prefect.resource.id": "prefect.flow-run.*"})
_OURS = ResourceSpecification.model_validate(
    {"prefect.resource.id": "prefect.tag.seqtag", "prefect.resource.role": "tag"}
)


def automations() -> list[AutomationCore]:
    """Return the automations that every seqtag server has."""
    return [
        AutomationCore(
            name="seqtag: a run without heartbeat has crashed",
            description=f"Marks a run as crashed that was not heard of for {SILENCE} seconds.",
            trigger=EventTrigger(
                posture=Posture.Proactive,
                after={"prefect.flow-run.heartbeat"},
                expect={"prefect.flow-run.*"},  # a heartbeat, or any state that it came to
                match=_ANY_RUN,
                match_related=_OURS,
                for_each={"prefect.resource.id"},
                threshold=1,
                within=timedelta(seconds=SILENCE),
            ),
            actions=[
                ChangeFlowRunState(
                    state=StateType.CRASHED,
                    name=None,
                    force=False,
                    message=f"No heartbeat for {SILENCE} seconds: process or worker died",
                )
            ],
        ),
        AutomationCore(
            name="seqtag: a crashed run is taken up again",
            description="Schedules a crashed run anew; what its steps finished is not done again.",
            trigger=EventTrigger(
                posture=Posture.Reactive,
                expect={"prefect.flow-run.Crashed"},
                match=_ANY_RUN,
                match_related=_OURS,
                for_each={"prefect.resource.id"},
                threshold=1,
                within=timedelta(seconds=0),
            ),
            actions=[
                ChangeFlowRunState(
                    state=StateType.SCHEDULED,
                    name="AwaitingRetry",
                    message="Taken up again where it stopped",
                    force=False,
                )
            ],
        ),
    ]


def install(client: SyncPrefectClient) -> list[str]:
    """Have the server know these automations; return a line for each that was not as it is now."""
    lines = []
    for automation in automations():
        found = client.read_automations_by_name(automation.name)
        if not found:
            client.create_automation(automation)
            lines.append(f"+ automation {automation.name}")
            continue
        ours, *doubles = found
        for double in doubles:
            client.delete_automation(double.id)
        if _said(ours) != _said(automation):
            client.update_automation(ours.id, automation)
            lines.append(f"~ automation {automation.name}")
    return lines


def _said(automation: AutomationCore) -> dict[str, object]:
    trigger = automation.trigger.model_dump(mode="json", exclude={"id"})
    actions = [action.model_dump(mode="json", exclude_none=True) for action in automation.actions]
    return {"description": automation.description, "trigger": trigger, "actions": actions}
