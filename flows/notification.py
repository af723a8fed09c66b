"""The block that says things to people wherever they are: chat, mail, a receiver of HTTP.

The server that loads it must know it, which is why `flows.services.prefect_server` imports this module.
"""

from __future__ import annotations

from apprise import NotifyFormat
from prefect.blocks.notifications import AppriseNotificationBlock
from pydantic import Field, SecretStr

BLOCK = "people"  # the name of the one that `make deploy` puts on the server


class Notice(AppriseNotificationBlock):
    """Where notices go: any address that Apprise knows, or several, parted by commas.

    For example `slack://TOKEN`, `mailtos://USER:PASSWORD@HOST?to=team@example.com`, `jsons://HOST/PATH`.
    """

    _block_type_name = "seqtag notice"
    _block_type_slug = "seqtag-notice"

    def block_initialization(self) -> None:
        """Have what is said taken as text: mail would take the tags and tokens in it as HTML."""
        super().block_initialization()
        for receiver in self._apprise_client:
            receiver.notify_format = NotifyFormat.TEXT

    url: SecretStr = Field(title="Apprise address", description="Kept encrypted in the server's database.")
