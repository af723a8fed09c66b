"""A function of ours in a process of its own: what kills that process leaves ours standing.

The child dies with its parent, however that ends. Between them go JSON lines: the arguments, log records and
the result. What the child's libraries print is kept, and told where it dies.
"""

from __future__ import annotations

import builtins
import faulthandler
import importlib
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from seqtag import errors
from seqtag.errors import (
    MemoryExhaustedError,
    SeqtagError,
    SubprocessCrashedError,
    SubprocessFailedError,
    SubprocessKilledError,
)

_LAST_LINES = 20
_PATIENCE = 5.0  # seconds
_CRASHES = (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGILL, -signal.SIGFPE)
# SIGBUS is no crash: a disk that is full or fails ends a process with it that has mapped a file.
_WITHOUT_MEMORY = (-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT)
_OF_MEMORY = (  # what Python, C++, TensorFlow and XLA say when there is no more
    *("MemoryError", "bad_alloc", "RESOURCE_EXHAUSTED", "ResourceExhausted", "Out of memory", "OOM when"),
    *("Cannot allocate memory", "Resource temporarily unavailable", "failed to allocate"),
)


def run_in_subprocess(
    function: Callable[..., Any], /, *, told: Callable[[Any], None] | None = None, **arguments: Any
) -> Any:
    """Return what a top-level function of a module returns, called in a fresh Python process.

    Its log records of `seqtag` come out here, in the thread that waits. An error of ours is raised here as it
    was there, and so is one of the file system.

    Args:
        function: takes and returns what JSON can hold. What may kill a process is not imported here.
        told: where given, the function gets an argument `tell`; what it is called with arrives here.
        arguments: of the function.

    Raises:
        MemoryExhaustedError: there was not memory enough.
        SubprocessCrashedError: the process died of a fault in the code that it ran. Its last lines are in it.
        SubprocessKilledError: the process died of something else, such as a signal from outside.
        SubprocessFailedError: an error was raised that is not ours.
    """
    name = f"{function.__module__}:{function.__qualname__}"
    call = {
        "function": name,
        "arguments": arguments,
        "tells": told is not None,
        "level": logging.getLogger("seqtag").getEffectiveLevel(),
    }
    killed_before = _killed_for_memory()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "seqtag.subprocess_runner"],
        stdin=subprocess.PIPE,  # stays open: its end tells the child that we are no more
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},  # the same code
    )
    last: deque[str] = deque(maxlen=_LAST_LINES)
    reader = threading.Thread(target=_keep_last, args=(process.stderr, last), daemon=True)
    reader.start()
    bounded = False
    try:
        bounded, answer = _converse(process, call, told)
        process.wait()
        reader.join(_PATIENCE)  # a process of the child's may hold its end open
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):  # what it died too early to read
                    stream.close()
    if answer is not None and "result" in answer:
        return answer["result"]
    if answer is not None:
        raise _error(answer["error"], name, last)
    raise _death(process.returncode, name, last, killed=_killed_for_memory() > killed_before, bounded=bounded)


def peak_memory() -> int:
    """Return the most bytes that this process has held at once.

    Not `ru_maxrss`, in which Linux counts what the parent held when it began the process.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    raise SubprocessFailedError("/proc/self/status: a line VmHWM was required. Received: none")


def main() -> None:
    """Be the child: read one call, do it, answer."""
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever is printed goes where last lines are kept
    call = json.loads(sys.stdin.readline())
    threading.Thread(target=_die_with_parent, daemon=True).start()

    def say(**message: Any) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    say(bounded=_is_bounded())
    logger = logging.getLogger("seqtag")
    logger.setLevel(call["level"])
    logger.addHandler(_Forwarding(say))
    module, _, name = call["function"].partition(":")
    arguments = call["arguments"]
    if call["tells"]:
        arguments["tell"] = lambda value: say(told=value)
    try:
        say(result=getattr(importlib.import_module(module), name)(**arguments))
    except BaseException as error:  # whatever it was is told
        traceback.print_exc()
        sys.stderr.flush()
        say(error=_described(error))
    sys.stderr.flush()
    os._exit(0)  # no library's threads or exit handlers are waited for


class _Forwarding(logging.Handler):
    def __init__(self, say: Callable[..., None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(log=[record.name, record.levelno, record.getMessage()])


def _die_with_parent() -> None:
    sys.stdin.read()  # ends when the parent does, even by SIGKILL
    os._exit(1)


def _converse(
    process: subprocess.Popen[bytes], call: Mapping[str, Any], told: Callable[[Any], None] | None
) -> tuple[bool, Any]:
    """Send the call, pass on what is logged and told.

    Return whether the child's memory is bounded, and its last word: None if there was none.
    """
    if process.stdin is None or process.stdout is None:
        raise SubprocessFailedError("pipes to the child were required. Received: none")
    try:
        process.stdin.write(json.dumps(call).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:  # it died at once; what it said tells why
        return False, None
    bounded = False
    for line in process.stdout:
        message = json.loads(line)
        if "bounded" in message:
            bounded = message["bounded"]
        elif "log" in message:
            name, level, text = message["log"]
            logging.getLogger(name).log(level, "%s", text)
        elif "told" in message:
            if told is not None:
                told(message["told"])
        else:
            return bounded, message
    return bounded, None


def _keep_last(stream: IO[bytes], last: deque[str]) -> None:
    for line in stream:
        last.append(line.decode("utf-8", "replace").rstrip())


def _described(error: BaseException) -> dict[str, Any]:
    described: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, OSError):
        described["os"] = [error.errno, error.strerror, error.filename]
    if error.__cause__ is not None:
        described["cause"] = _described(error.__cause__)
    return described


def _error(described: Mapping[str, Any], name: str, last: deque[str]) -> BaseException:
    """Return the error that the child met, ours and the file system's as they were."""
    kind, message = getattr(errors, described["type"], None), described["message"]
    error: BaseException
    if "os" in described:
        error = _os_error(described)
    elif isinstance(kind, type) and issubclass(kind, SeqtagError):
        error = kind(message)
    elif _is_of_memory(f"{described['type']}: {message}"):
        error = MemoryExhaustedError(f"{name}: {described['type']}: {message}")
    else:
        error = SubprocessFailedError(f"{name}: {described['type']}: {message}{_said(last)}")
    if "cause" in described:
        error.__cause__ = _error(described["cause"], name, deque())
    return error


def _os_error(described: Mapping[str, Any]) -> OSError:
    """Return an error of the file system or the network as it was; time-outs, say, have no number."""
    number, text, filename = described["os"]
    if number is not None:
        return OSError(number, text, *([filename] if isinstance(filename, str) else []))
    kind = getattr(builtins, described["type"], OSError)
    known = isinstance(kind, type) and issubclass(kind, OSError)
    return (kind if known else OSError)(described["message"])


def _death(code: int, name: str, last: deque[str], *, killed: bool, bounded: bool) -> SubprocessFailedError:
    ended = f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    message = f"{name}: a process that answers was required. Received: one that {ended}{_said(last)}"
    of_memory = (
        (code == -signal.SIGKILL and killed)
        or (code in _WITHOUT_MEMORY and bounded)  # libraries seldom look at what they were given
        or any(map(_is_of_memory, last))
    )
    if of_memory:
        return MemoryExhaustedError(message)
    return SubprocessCrashedError(message) if code in _CRASHES else SubprocessKilledError(message)


def _said(last: deque[str]) -> str:
    lines = [line for line in last if line.strip()]
    return ". Its last lines:\n  " + "\n  ".join(lines) if lines else ""


def _is_of_memory(text: str) -> bool:
    return any(words in text for words in _OF_MEMORY)


def _is_bounded() -> bool:
    """Tell whether this process may hold less memory than there is."""
    bounds = (resource.getrlimit(each)[0] for each in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
    return any(bound != resource.RLIM_INFINITY for bound in bounds)


def _killed_for_memory() -> int:
    """Return how many processes the kernel has killed because memory ran out, 0 where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


if __name__ == "__main__":
    main()
