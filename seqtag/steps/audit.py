"""The actor that the ledger records: user, host, command and time."""

from __future__ import annotations

import os
import pwd
import socket
from datetime import datetime

from seqtag.registry import AuditContext

_CLAIMS = ("LOGNAME", "USER", "LNAME", "USERNAME")  # variables that may name the user
_LONGEST_CLAIM = 64  # characters


def audit_context(through: str, at: datetime) -> AuditContext:
    """Return who acts, through what, and when: user and host of this process, a command, and a time."""
    return AuditContext(f"{_user()}@{socket.gethostname()}", through, at)


def _user() -> str:
    """Return the name of the user id, and the name that the environment claims if that is another one.

    The user id cannot be chosen, unlike LOGNAME.
    """
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        name = str(os.getuid())
    for variable in _CLAIMS:
        claimed = "".join(filter(str.isprintable, os.environ.get(variable, "")))[:_LONGEST_CLAIM]
        if claimed and claimed != name:
            return f"{name} ({variable} says {claimed})"
    return name
