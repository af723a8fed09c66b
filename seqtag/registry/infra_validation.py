"""Infra validation: a registered model is loaded as its consumers do, and tried in a process of its own.

`seqtag.registry.smoke_test` has the inputs and the checks. Only a fault of the model is a finding, as
a verdict rests on it and is reused. What may pass, such as a killed process or a locked database, is raised.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten
from typing import Any, TypedDict

from seqtag.config import SchemeName
from seqtag.config.secrets import hide_passwords
from seqtag.errors import SubprocessCrashedError
from seqtag.registry.smoke_test import SmokeCheck, run_smoke_test
from seqtag.registry.types import Champion
from seqtag.subprocess_runner import run_in_subprocess

_SHOWN = 300  # characters of a detail; findings.json has all of it


class InfraFindings(TypedDict):
    """findings.json."""

    held: bool
    checks: list[SmokeCheck]
    measured: dict[str, float]  # its names end with the unit


def validate_infra(
    url: str, tagger: str, version: Champion, *, golden: Path | None, scheme: SchemeName
) -> InfraFindings:
    """Try a registered model out; what does not work is a check that does not hold.

    A crash of the process is a finding if a second process crashes, too.

    Args:
        url: of the registry.
        golden: predictions of the same model on sequences, made when it was evaluated; None: there are none.
        scheme: of the predicted tags.

    Raises:
        MemoryExhaustedError: there was not memory enough.
        SubprocessKilledError: the process was killed.
        SubprocessFailedError: it met an error that is not known to be the model's.
        OSError: a file could not be read.
    """

    def attempt() -> dict[str, Any]:
        found: dict[str, Any] = run_in_subprocess(
            run_smoke_test,
            url=url,
            model=f"models:/{tagger}/{version.version}",
            bundle=str(version.bundle),
            golden=None if golden is None else str(golden),
            scheme=scheme,
        )
        return found

    try:
        found = attempt()
    except SubprocessCrashedError:
        try:
            found = attempt()
        except SubprocessCrashedError as error:
            died = SmokeCheck(check="it lives through it", held=False, detail=hide_passwords(str(error)))
            found = {"checks": [died], "measured": {}}
    return InfraFindings(
        held=all(finding["held"] for finding in found["checks"]),
        checks=found["checks"],
        measured=found["measured"],
    )


def failures(findings: InfraFindings) -> str:
    """Return in one line which checks did not hold, what came of them shortened."""
    failed = (f for f in findings["checks"] if not f["held"])
    return "; ".join(f"{f['check']}: no ({shorten(f['detail'], _SHOWN, placeholder=' ...')})" for f in failed)
