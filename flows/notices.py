"""What people are told, and that they are told it once."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from prefect import runtime
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import BlockDocument
from prefect.events import Event, emit_event
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_UI_URL
from pydantic import SecretStr

from flows.automations import OF_OURS
from flows.events import resource
from flows.notification import BLOCK, Notice
from seqtag import steps
from seqtag.errors import ConfigError
from seqtag.rundir import MonitorReport, RunDir
from tasks.artifacts import pages

NOTICE: Final = "seqtag.notice"
VARIABLE: Final = "SEQTAG_NOTIFY_URL"
NOBODY: Final = "none"  # what the variable says where the block is to be taken away


def tell_verdict(run: RunDir) -> None:
    """Say what became of a retraining."""
    subject, body = steps.verdict_notice(run, pages=pages())
    _tell(run.tagger, subject, body, key=f"{run.path} {body}")


def tell_question(run: RunDir, question: steps.Question) -> None:
    """Say that a model waits for somebody to approve it."""
    subject, body = steps.question_notice(run, question)
    _tell(run.tagger, subject, body, key=f"{run.path} {question}")


def tell_drift(report: MonitorReport) -> None:
    """Say what monitoring found."""
    subject, body = steps.drift_notice(report)
    _tell(report.tagger, subject, body, key=f"{report.path} {body}")


def _tell(tagger: str, subject: str, body: str, *, key: str) -> Event | None:
    """Emit a notice; the server drops another one with the same key, of a run that began anew soon after."""
    dashboard, flow_run = PREFECT_UI_URL.value(), runtime.flow_run.id
    where = f"\nDashboard: {dashboard}/runs/flow-run/{flow_run}" if dashboard and flow_run else ""
    return emit_event(
        NOTICE,
        resource={"prefect.resource.id": resource(tagger)},
        payload={"subject": subject, "body": body + where},
        id=uuid5(NAMESPACE_URL, key),
    )


def block_on(client: SyncPrefectClient) -> tuple[BlockDocument | None, list[str]]:
    """Have the server hold the block that SEQTAG_NOTIFY_URL asks for; return it, and what was changed.

    Without the variable the block stays as it is; `none` takes it away.
    """
    wanted, there = os.environ.get(VARIABLE, "").strip(), _read(client)
    if not wanted:
        return there, []
    if wanted == NOBODY:
        if there is None:
            return None, []
        client.delete_block_document(there.id)
        return None, [f"- block {BLOCK}"]
    _require_addresses(wanted)
    if there is not None and there.data.get("url") == wanted:
        return there, []
    Notice(url=SecretStr(wanted)).save(BLOCK, overwrite=True)
    return _read(client), [f"{'+' if there is None else '~'} block {BLOCK}"]


def _read(client: SyncPrefectClient) -> BlockDocument | None:
    try:
        return client.read_block_document_by_name(BLOCK, Notice.get_block_type_slug())
    except ObjectNotFound:
        return None


def _require_addresses(wanted: str) -> None:
    """Refuse what Apprise would leave out without a word."""
    from apprise import Apprise

    addresses = Apprise()
    if not addresses.add(wanted):  # False where it knows one of them not
        kinds = [address.partition("://")[0].strip()[:20] for address in wanted.split(",")]
        raise ConfigError(
            f"{VARIABLE}: addresses that Apprise knows were required, for example jsons://HOST/PATH. "
            f"Received: some that begin with {kinds}, {len(addresses)} of them known"
        )


def of_people(block: BlockDocument) -> list[AutomationCore]:
    """Return the automations that send notices, and the failures of flow runs, to a block."""
    return [
        AutomationCore(
            name="seqtag: people are told of verdicts, questions and drift",
            description="Sends each notice of a flow once.",
            trigger=EventTrigger(
                posture=Posture.Reactive,
                expect={NOTICE},
                match=ResourceSpecification.model_validate({"prefect.resource.id": resource("*")}),
                threshold=1,
                within=timedelta(seconds=0),
            ),
            actions=[
                SendNotification(
                    block_document_id=block.id,
                    subject="{{ event.payload.subject }}",
                    body="{{ event.payload.body }}",
                )
            ],
        ),
        AutomationCore(
            name="seqtag: people are told of failures",
            description="Says what a flow run failed of.",
            trigger=EventTrigger(
                posture=Posture.Reactive,
                expect={"prefect.flow-run.*"},  # the event of a failed state is named by its kind
                match=ResourceSpecification.model_validate(
                    {"prefect.resource.id": "prefect.flow-run.*", "prefect.state-type": "FAILED"}
                ),
                match_related=OF_OURS,
                for_each={"prefect.resource.id"},
                threshold=1,
                within=timedelta(seconds=0),
            ),
            actions=[
                SendNotification(
                    block_document_id=block.id,
                    subject="{{ flow_run.name }}: {{ flow_run.state.name }}",
                    body="{{ flow_run.state.message }}\nDashboard: {{ flow_run|ui_url }}",
                )
            ],
        ),
    ]
