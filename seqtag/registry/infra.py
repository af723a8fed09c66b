"""Infra validation: a registered model is loaded as its consumers do, and tried in a process of its own.

What it is tried with, and what has to hold, stands in `seqtag.registry.trial`.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten
from typing import Any, TypedDict

from seqtag.child import run_in_child
from seqtag.config import SchemeName
from seqtag.config.secrets import hide_passwords
from seqtag.errors import ChildError, MemoryExhaustedError
from seqtag.registry.records import Champion
from seqtag.registry.trial import Finding, tried

_SHOWN = 300  # characters of a detail; findings.json has all of it


class Findings(TypedDict):
    """findings.json."""

    held: bool
    checks: list[Finding]
    measured: dict[str, float]  # its names end with the unit


def validate_infra(
    url: str, tagger: str, version: Champion, *, golden: Path | None, scheme: SchemeName
) -> Findings:
    """Try a registered model out; what does not work is a check that does not hold.

    Args:
        url: of the registry.
        golden: predictions of the same model on sequences, made when it was evaluated; None: there are none.
        scheme: of the predicted tags.

    Raises:
        MemoryExhaustedError: there was not memory enough, for which the model cannot be blamed.
    """
    try:
        found: dict[str, Any] = run_in_child(
            tried,
            url=url,
            model=f"models:/{tagger}/{version.version}",
            bundle=str(version.bundle),
            golden=None if golden is None else str(golden),
            scheme=scheme,
        )
    except MemoryExhaustedError:
        raise
    except ChildError as error:
        died = Finding(check="it lives through it", held=False, detail=hide_passwords(str(error)))
        found = {"checks": [died], "measured": {}}
    return Findings(
        held=all(finding["held"] for finding in found["checks"]),
        checks=found["checks"],
        measured=found["measured"],
    )


def failures(findings: Findings) -> str:
    """Return in one line which checks did not hold, what came of them shortened."""
    failed = (f for f in findings["checks"] if not f["held"])
    return "; ".join(f"{f['check']}: no ({shorten(f['detail'], _SHOWN, placeholder=' ...')})" for f in failed)
