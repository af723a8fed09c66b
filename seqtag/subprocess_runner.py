"""Run a function in a subprocess, so that a crash of it cannot take down the caller.

The subprocess ends with its parent, even if that is killed. They exchange JSON lines: the arguments, log
records and the result. The last lines that the subprocess printed are part of the error if it dies.
"""

from __future__ import annotations

import builtins
import errno
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
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

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
# SIGBUS is no crash: it also ends a process that has mapped a file of a full or failing disk.
_WITHOUT_MEMORY = (-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT)
_OF_MEMORY = (  # messages of Python, C, C++, TensorFlow and XLA when memory runs out
    *("MemoryError", "bad_alloc", "RESOURCE_EXHAUSTED", "ResourceExhausted", "Out of memory", "OOM when"),
    *("Cannot allocate memory", "cannot allocate memory", "Resource temporarily unavailable"),
    "failed to allocate",
)
_NO_SPACE = os.strerror(errno.ENOSPC)


def run_in_subprocess(
    function: Callable[..., Any], /, *, on_message: Callable[[Any], None] | None = None, **arguments: Any
) -> Any:
    """Call a top-level function of a module in a fresh Python process, and return its result.

    Log records of `seqtag` are logged in the waiting thread of this process. Errors of seqtag and of the file
    system are raised here as they were there.

    Args:
        function: takes and returns JSON values. Libraries that may kill a process are imported there only.
        on_message: if given, the function gets an argument `send`, whose calls are passed on to this.
        arguments: of the function.

    Raises:
        MemoryExhaustedError: memory ran out.
        SubprocessCrashedError: the process crashed, for example by a segmentation fault.
        SubprocessKilledError: the process was ended in another way, such as by a signal.
        SubprocessFailedError: an error was raised that is neither of seqtag nor of the file system.
    """
    name = f"{function.__module__}:{function.__qualname__}"
    call = {
        "function": name,
        "arguments": arguments,
        "sends_messages": on_message is not None,
        "level": logging.getLogger("seqtag").getEffectiveLevel(),
    }
    killed_before = _killed_for_memory()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "seqtag.subprocess_runner"],
        stdin=subprocess.PIPE,  # stays open: its end tells the subprocess that this process is gone
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},  # the same code
    )
    stdin, stdout, stderr = cast("Sequence[IO[bytes]]", (process.stdin, process.stdout, process.stderr))
    last: deque[str] = deque(maxlen=_LAST_LINES)
    reader = threading.Thread(target=_keep_last, args=(stderr, last), daemon=True)
    reader.start()
    bounded = False
    try:
        bounded, answer = _converse(stdin, stdout, call, on_message)
        process.wait()
        reader.join(_PATIENCE)  # a process that the subprocess started may hold its end open
    finally:
        process.kill()
        process.wait()
        for stream in (stdin, stdout, stderr):
            with suppress(BrokenPipeError):  # not read before it died
                stream.close()
    if answer is not None and "result" in answer:
        return answer["result"]
    if answer is not None:
        raise _error(answer["error"], name, last)
    raise _death(process.returncode, name, last, killed=_killed_for_memory() > killed_before, bounded=bounded)


def peak_memory() -> int:
    """Return the most bytes that this process has held at once.

    Not `ru_maxrss`, in which Linux includes the memory of the parent when it started the process.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    raise SubprocessFailedError("/proc/self/status has no line VmHWM, so peak memory is unknown")


def main() -> None:
    """Run in the subprocess: read one call, make it, and write the result."""
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent, which ends this process
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # printed lines are kept with the last lines of stderr
    call = json.loads(sys.stdin.readline())
    threading.Thread(target=_die_with_parent, daemon=True).start()

    def send(**message: Any) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    send(bounded=_is_bounded())
    logger = logging.getLogger("seqtag")
    logger.setLevel(call["level"])
    logger.addHandler(LogForwarding(send))
    module, _, name = call["function"].partition(":")
    arguments = call["arguments"]
    if call["sends_messages"]:
        arguments["send"] = lambda value: send(message=value)
    try:
        send(result=getattr(importlib.import_module(module), name)(**arguments))
    except BaseException as error:  # any error is reported
        traceback.print_exc()
        sys.stderr.flush()
        send(error=_described(error))
    sys.stderr.flush()
    os._exit(0)  # without waiting for threads and exit handlers of libraries


class LogForwarding(logging.Handler):
    """Sends each record as `send(log=[logger, level, message])`."""

    def __init__(self, send: Callable[..., None]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        self._send(log=[record.name, record.levelno, record.getMessage()])


def _die_with_parent() -> None:
    sys.stdin.read()  # ends when the parent does, even by SIGKILL
    os._exit(1)


def _converse(
    stdin: IO[bytes], stdout: IO[bytes], call: Mapping[str, Any], on_message: Callable[[Any], None] | None
) -> tuple[bool, Any]:
    """Send the call, and pass on log records and messages.

    Return whether the memory of the subprocess is limited, and its answer, None if it died without one.
    """
    try:
        stdin.write(json.dumps(call).encode() + b"\n")
        stdin.flush()
    except BrokenPipeError:  # it died at once; its last lines say why
        return False, None
    bounded = False
    for line in stdout:
        message = json.loads(line)
        if "bounded" in message:
            bounded = message["bounded"]
        elif "log" in message:
            name, level, text = message["log"]
            logging.getLogger(name).log(level, "%s", text)
        elif "message" in message:
            if on_message is not None:
                on_message(message["message"])
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
    """Return the error of the subprocess; those of seqtag and of the file system keep their type."""
    kind, message = getattr(errors, described["type"], None), described["message"]
    error: BaseException
    if "os" in described:
        error = _os_error(described)
    elif isinstance(kind, type) and issubclass(kind, SeqtagError):
        error = kind(message)
    elif _NO_SPACE in message:  # TensorFlow's error for it is the one for a lack of memory
        error = OSError(errno.ENOSPC, f"{_NO_SPACE}, in {name}")
    elif _is_of_memory(f"{described['type']}: {message}"):
        error = MemoryExhaustedError(f"{name}: {described['type']}: {message}")
    else:
        error = SubprocessFailedError(f"{name}: {described['type']}: {message}{_last_lines(last)}")
    if "cause" in described:
        error.__cause__ = _error(described["cause"], name, deque())
    return error


def _os_error(described: Mapping[str, Any]) -> OSError:
    """Return an error of the file system or the network; some, such as timeouts, have no number."""
    number, text, filename = described["os"]
    if number is not None:
        return OSError(number, text, *([filename] if isinstance(filename, str) else []))
    kind = getattr(builtins, described["type"], OSError)
    known = isinstance(kind, type) and issubclass(kind, OSError)
    return (kind if known else OSError)(described["message"])


def _death(code: int, name: str, last: deque[str], *, killed: bool, bounded: bool) -> SubprocessFailedError:
    ended = f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    message = f"{name}: subprocess {ended}{_last_lines(last)}"
    of_memory = (
        (code == -signal.SIGKILL and killed)
        or (code in _WITHOUT_MEMORY and bounded)  # libraries seldom check an allocation
        or any(map(_is_of_memory, last))
    )
    if of_memory:
        return MemoryExhaustedError(message)
    return SubprocessCrashedError(message) if code in _CRASHES else SubprocessKilledError(message)


def _last_lines(last: deque[str]) -> str:
    lines = [line for line in last if line.strip()]
    return ". Its last lines:\n  " + "\n  ".join(lines) if lines else ""


def _is_of_memory(text: str) -> bool:
    return any(words in text for words in _OF_MEMORY)


def _is_bounded() -> bool:
    """Return whether a limit on the memory of this process is set."""
    bounds = (resource.getrlimit(each)[0] for each in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
    return any(bound != resource.RLIM_INFINITY for bound in bounds)


def _killed_for_memory() -> int:
    """Return the number of processes that the kernel killed for memory, 0 where it is not known."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


if __name__ == "__main__":
    main()
