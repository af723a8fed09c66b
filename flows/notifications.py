"""What people are told, and that they are told it once."""

from __future__ import annotations

import os
import re
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from prefect import runtime
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import BlockDocument
from prefect.events import Event, emit_event
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_UI_URL
from pydantic import SecretStr

from flows.events import NOTICE, resource
from flows.notification import BLOCK, Notice
from seqtag import steps
from seqtag.errors import ConfigError
from seqtag.run_dir import MonitorReport, RunDir
from tasks.artifacts import pages

VARIABLE: Final = "SEQTAG_NOTIFY_URL"
_NEXT: Final = re.compile(r"[,\s]+(?=[A-Za-z][\w+.-]*://)")  # between two addresses, which may hold commas
NOBODY: Final = "none"  # what the variable says where the block is to be taken away


def notify_outcome(run: RunDir) -> None:
    """Say what became of a retraining."""
    subject, body = steps.outcome_notice(run, pages=pages())
    _notify(run.tagger, subject, body, key=f"{run.path} {body}")


def notify_approval(run: RunDir, question: steps.ApprovalRequest) -> None:
    """Say that a model waits for somebody to approve it."""
    subject, body = steps.approval_notice(run, question)
    _notify(run.tagger, subject, body, key=f"{run.path} {question}")


def notify_drift(report: MonitorReport) -> None:
    """Say what monitoring found."""
    subject, body = steps.drift_notice(report)
    _notify(report.tagger, subject, body, key=f"{report.path} {body}")


def _notify(tagger: str, subject: str, body: str, *, key: str) -> Event | None:
    """Emit a notice; the server drops another one with the same key, of a run that began anew soon after."""
    dashboard, flow_run = PREFECT_UI_URL.value(), runtime.flow_run.id
    where = f"\nDashboard: {dashboard}/runs/flow-run/{flow_run}" if dashboard and flow_run else ""
    return emit_event(
        NOTICE,
        resource={"prefect.resource.id": resource(tagger)},
        payload={"subject": subject, "body": body + where},
        id=uuid5(NAMESPACE_URL, key),
    )


def notify_address() -> str:
    """Return what SEQTAG_NOTIFY_URL says: addresses, `none`, or nothing.

    Raises:
        ConfigError: Apprise would leave one of the addresses out without a word.
    """
    from apprise import Apprise

    wanted = os.environ.get(VARIABLE, "").strip()
    for address in _NEXT.split(wanted) if wanted not in ("", NOBODY) else ():
        if not Apprise().add(address):
            kind, has_kind, _ = address.partition("://")  # what comes after it may be a password
            raise ConfigError(
                f"{VARIABLE}: addresses that Apprise knows were required, for example jsons://HOST/PATH. "
                f"Received: one {f'that begins with {kind}://' if has_kind else 'without ://'}"
            )
    return wanted


def block_on(client: SyncPrefectClient, wanted: str) -> tuple[BlockDocument | None, list[str]]:
    """Have the server hold the block that `notify_address` asks for; return it, and what was changed.

    Where it says nothing the block stays as it is; `none` takes it away.
    """
    there = _read(client)
    if not wanted or (there is not None and there.data.get("url") == wanted):
        return there, []
    if wanted == NOBODY:
        if there is not None:
            client.delete_block_document(there.id)
        return None, [f"- block {BLOCK}"] if there is not None else []
    Notice(url=SecretStr(wanted)).save(BLOCK, overwrite=True)
    return _read(client), [f"{'+' if there is None else '~'} block {BLOCK}"]


def _read(client: SyncPrefectClient) -> BlockDocument | None:
    try:
        return client.read_block_document_by_name(BLOCK, Notice.get_block_type_slug())
    except ObjectNotFound:
        return None
