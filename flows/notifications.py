"""Notifications about retrainings, approvals and drift, each sent once."""

from __future__ import annotations

import os
import re
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from prefect import runtime
from prefect.client.orchestration import PrefectClient
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
from tasks.artifacts import report_server_url

VARIABLE: Final = "SEQTAG_NOTIFY_URL"
_SEPARATOR: Final = re.compile(r"[,\s]+(?=[A-Za-z][\w+.-]*://)")  # addresses themselves may hold commas
DISABLED: Final = "none"  # value of the variable that removes the block


def notify_outcome(run: RunDir) -> None:
    """Notify people of the outcome of a retraining."""
    subject, body = steps.outcome_notice(run, pages=report_server_url())
    _notify(run.tagger, subject, body, key=f"{run.path} {body}")


def notify_approval(run: RunDir, question: steps.ApprovalRequest) -> None:
    """Notify people of a model that is waiting for approval."""
    subject, body = steps.approval_notice(run, question)
    _notify(run.tagger, subject, body, key=f"{run.path} {question}")


def notify_drift(report: MonitorReport) -> None:
    """Notify people of drift."""
    subject, body = steps.drift_notice(report)
    _notify(report.tagger, subject, body, key=f"{report.path} {body}")


def _notify(tagger: str, subject: str, body: str, *, key: str) -> Event | None:
    """Emit a notice; the server drops a second one with the same key, for example of a restarted run."""
    dashboard, flow_run = PREFECT_UI_URL.value(), runtime.flow_run.id
    where = f"\nDashboard: {dashboard}/runs/flow-run/{flow_run}" if dashboard and flow_run else ""
    return emit_event(
        NOTICE,
        resource={"prefect.resource.id": resource(tagger)},
        payload={"subject": subject, "body": body + where},
        id=uuid5(NAMESPACE_URL, key),
    )


def notify_address() -> str:
    """Return the value of SEQTAG_NOTIFY_URL: addresses, `none`, or empty.

    Raises:
        ConfigError: Apprise does not know one of the addresses and would skip it silently.
    """
    from apprise import Apprise

    wanted = os.environ.get(VARIABLE, "").strip()
    for address in _SEPARATOR.split(wanted) if wanted not in ("", DISABLED) else ():
        if not Apprise().add(address):
            scheme, has_scheme, _ = address.partition("://")  # the rest may hold a password
            raise ConfigError(
                f"{VARIABLE}: address unknown to Apprise: expected one like jsons://HOST/PATH, "
                f"got one {f'that begins with {scheme}://' if has_scheme else 'without ://'}"
            )
    return wanted


async def sync_block(client: PrefectClient, wanted: str) -> tuple[BlockDocument | None, list[str]]:
    """Create, update or delete the server's notification block; return it with a line for each change.

    Args:
        wanted: the result of `notify_address`: empty keeps the block as it is, `none` deletes it.
    """
    existing = await _read(client)
    if not wanted or (existing is not None and existing.data.get("url") == wanted):
        return existing, []
    if wanted == DISABLED:
        if existing is not None:
            await client.delete_block_document(existing.id)
        return None, [f"- block {BLOCK}"] if existing is not None else []
    await Notice(url=SecretStr(wanted)).asave(BLOCK, overwrite=True)
    return await _read(client), [f"{'+' if existing is None else '~'} block {BLOCK}"]


async def _read(client: PrefectClient) -> BlockDocument | None:
    try:
        return await client.read_block_document_by_name(BLOCK, Notice.get_block_type_slug())
    except ObjectNotFound:
        return None
