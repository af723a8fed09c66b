"""Notification block: sends notices by chat, mail or HTTP to the addresses in SEQTAG_NOTIFY_URL.

The server must know the class to load the block, so `flows.services.prefect_server` imports this module.
"""

from __future__ import annotations

import os
import re
from typing import Final

from apprise import Apprise, NotifyFormat
from prefect.blocks.notifications import AppriseNotificationBlock
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import BlockDocument
from prefect.exceptions import ObjectNotFound
from pydantic import Field, SecretStr

from seqtag.errors import ConfigError

VARIABLE: Final = "SEQTAG_NOTIFY_URL"
DISABLED: Final = "none"  # value of the variable that removes the block
BLOCK: Final = "people"  # name of the block document that `make deploy` creates
_SEPARATOR: Final = re.compile(r"[,\s]+(?=[A-Za-z][\w+.-]*://)")  # addresses themselves may hold commas


class Notice(AppriseNotificationBlock):
    """Recipients of notices: one or more Apprise addresses, separated by commas.

    Examples: `slack://TOKEN`, `mailtos://USER:PASSWORD@HOST?to=team@example.com`, `jsons://HOST/PATH`.
    """

    _block_type_name = "seqtag notice"
    _block_type_slug = "seqtag-notice"

    def block_initialization(self) -> None:
        """Send notices as plain text: mail would render tags and tokens as HTML."""
        super().block_initialization()
        for receiver in self._apprise_client:
            receiver.notify_format = NotifyFormat.TEXT

    url: SecretStr = Field(title="Apprise address", description="Kept encrypted in the server's database.")


def notify_address() -> str:
    """Return the value of SEQTAG_NOTIFY_URL: addresses, `none`, or empty.

    Raises:
        ConfigError: Apprise does not know one of the addresses and would skip it silently.
    """
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
