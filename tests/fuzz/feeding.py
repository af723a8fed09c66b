"""Feed mutated files to a reader, with limits on memory and on the time for each file."""

from __future__ import annotations

import resource
import signal
import tempfile
import traceback
import warnings
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from seqtag.errors import SeqtagError
from tests.fuzz.mutation import mutated
from tests.fuzz.targets import TARGETS

SECONDS = 5  # limit for each file
MEMORY = 3 * 1024**3  # bytes, limit of the process
MAX_FINDINGS = 5  # that are reported


class HangError(BaseException):
    """A file took too long. A `BaseException`, so that no reader's `except Exception` catches it."""


def feed(target: str, first: int, n: int) -> dict[str, Any]:
    """Feed `n` mutated files; return how many were read and refused, and other outcomes as findings."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _hang)
    outcomes = {"read": 0, "refused": 0}
    findings: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "input" + TARGETS[target].suffix)
        path.parent.mkdir(exist_ok=True)
        for number in range(first, first + n):
            path.write_bytes(mutated(TARGETS[target].seeds, number))
            wrong = _outcome(target, path, outcomes)
            if wrong is not None:
                findings.append(f"{target} {number}: {wrong}")
            if len(findings) == MAX_FINDINGS:
                break
    return {**outcomes, "findings": findings}


def feed_bytes(target: str, content: str) -> dict[str, Any]:
    """Feed one file, whose bytes are given as Latin-1 text."""
    outcomes = {"read": 0, "refused": 0}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "input" + TARGETS[target].suffix)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode("latin-1"))
        wrong = _outcome(target, path, outcomes)
    return {**outcomes, "findings": [] if wrong is None else [wrong]}


def _outcome(target: str, path: Path, outcomes: dict[str, int]) -> str | None:
    """Read one file and count the outcome; return a finding if it is neither read nor properly refused."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            TARGETS[target].read(path)
    except SeqtagError as error:
        outcomes["refused"] += 1
        if not any(place in str(error) for place in (path.parent.name, path.name, "corpus.columns")):
            return f"no place in {str(error)[:300]!r}"
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        last = [frame for frame in frames if "/seqtag/" in frame.filename][-1:] or frames[-1:]
        where = f"{Path(last[0].filename).name}:{last[0].lineno}"
        return f"{type(error).__name__} at {where}: {str(error)[:200]}"
    else:
        outcomes["read"] += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return None


def _hang(_: int, __: FrameType | None) -> NoReturn:
    raise HangError(f"more than {SECONDS} s")
