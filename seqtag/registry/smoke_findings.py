"""Smoke test of a registered model in a fresh process, loaded the way consumers load it.

The inputs and checks are in `seqtag.registry.smoke_checks`. Only faults of the model become findings, since a
verdict depends on them and is reused. Transient faults, such as a killed process or a locked database, raise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any, ClassVar

from seqtag.config import SchemeName
from seqtag.config.secrets import hide_passwords
from seqtag.errors import SubprocessCrashedError
from seqtag.records import Passed, Record
from seqtag.registry.smoke_checks import SmokeCheck, run_smoke_test
from seqtag.registry.types import Champion
from seqtag.subprocess_runner import run_in_subprocess

_SHOWN = 300  # characters of a detail; findings.json has the whole


@dataclass(frozen=True)
class SmokeFindings(Record):
    """Contents of findings.json."""

    FORMAT: ClassVar[str] = "findings/1"

    version: str
    passed: Passed
    checks: list[SmokeCheck]
    measured: dict[str, float]  # names end with the unit


def smoke_test(
    url: str, model: str, version: Champion, *, golden: Path | None, scheme: SchemeName
) -> SmokeFindings:
    """Smoke-test a registered model and return its checks, failed ones included.

    A crash of the process is a finding only if a second process crashes as well.

    Args:
        url: the registry.
        model: the URI from which its consumers load it.
        golden: the model's predictions from its evaluation; None if there are none.
        scheme: tag scheme of those predictions.

    Raises:
        MemoryExhaustedError: the process ran out of memory.
        SubprocessKilledError: the process was killed.
        SubprocessFailedError: an error that is not known to be the model's fault.
        OSError: a file could not be read.
    """

    def attempt() -> dict[str, Any]:
        return run_in_subprocess(
            run_smoke_test,
            url=url,
            model=model,
            version=version.version,
            bundle=str(version.bundle),
            golden=None if golden is None else str(golden),
            scheme=scheme,
        )

    try:
        found = attempt()
    except SubprocessCrashedError:
        try:
            found = attempt()
        except SubprocessCrashedError as error:
            crashed = SmokeCheck(check="process survives", passed=False, detail=hide_passwords(str(error)))
            return SmokeFindings(version.version, passed=False, checks=[crashed], measured={})
    checks = [SmokeCheck(**check) for check in found["checks"]]
    return SmokeFindings(
        version.version, all(check.passed for check in checks), checks=checks, measured=found["measured"]
    )


def failures(findings: SmokeFindings) -> str:
    """Return the failed checks on one line, with shortened details."""
    failed = (f for f in findings.checks if not f.passed)
    return "; ".join(f"{f.check}: failed ({shorten(f.detail, _SHOWN, placeholder=' ...')})" for f in failed)
