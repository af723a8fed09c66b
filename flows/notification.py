"""Notification block: sends notices by chat, mail or HTTP.

The server must know the class to load the block, so `flows.services.prefect_server` imports this module.
"""

from __future__ import annotations

from apprise import NotifyFormat
from prefect.blocks.notifications import AppriseNotificationBlock
from pydantic import Field, SecretStr

BLOCK = "people"  # name of the block document that `make deploy` creates


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
