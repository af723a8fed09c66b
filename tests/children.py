"""Functions that tests run in subprocesses."""

import errno
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from seqtag.errors import CorpusFormatError, RegistryError


def doubled(number: int) -> int:
    return 2 * number


def described(**arguments: Any) -> dict[str, Any]:
    sys.stdout.write("what a library prints is not an answer\n")
    logging.getLogger("seqtag.somewhere").info("two of %d", 3)
    logging.getLogger("seqtag.somewhere").debug("not asked for")
    return {"arguments": arguments, "pid": os.getpid()}


def telling(n: int, send: Callable[[Any], None]) -> None:
    for number in range(n):
        send({"number": number})


def killed(by: int) -> NoReturn:
    sys.stderr.write("about to die\n")
    os.kill(os.getpid(), by)
    raise SystemExit(3)


def ended(status: int, said: str = "") -> NoReturn:
    sys.stderr.write(said)
    sys.stderr.flush()
    os._exit(status)


def raising_ours() -> NoReturn:
    raise CorpusFormatError("x.conll:3: tag is missing")


def raising_from_the_file_system() -> NoReturn:
    try:
        Path("/proc/self/nothing-there").read_text()
    except OSError as error:
        raise RegistryError("registry: opening it") from error


def raising_a_bug() -> NoReturn:
    raise ZeroDivisionError("1 / 0")


def opening(path: str) -> str:
    return Path(path).read_text()


def timing_out() -> NoReturn:
    raise TimeoutError("no answer within 10 s")


def taking_memory(n_bytes: int) -> int:
    return len(bytearray(n_bytes))


def aborting_for_memory() -> NoReturn:
    sys.stderr.write("terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def without_space() -> NoReturn:
    """Fail as TensorFlow does when the disk is full."""

    class ResourceExhaustedError(Exception):
        pass

    raise ResourceExhaustedError("/home/variables.data; No space left on device [Op:SaveV2]")


def living_until_told(started: str) -> NoReturn:
    Path(started).write_text(str(os.getpid()))
    while True:
        time.sleep(60)


def parent(started: str) -> None:
    """Start a child process that never ends, and wait for it."""
    from seqtag.subprocess_runner import run_in_subprocess

    run_in_subprocess(living_until_told, started=started)


def tagging(bundle: str, split: str, predictions: str, scheme: str) -> Any:
    """Write the predictions that $TAGGED names; for a champion, raise the error that $FAULT names first.

    A champion is recognized by its bundle, which lies among the registry's artifacts. Without a fault its
    bundle is read and checked by the real code.
    """
    if "artifacts" in Path(bundle).parts:
        if os.environ.get("FAULT"):
            _FAULTS[os.environ["FAULT"]]()
        from seqtag.neural import read_bundle

        read_bundle(Path(bundle))
    shutil.copyfile(os.environ["TAGGED"], predictions)
    return {"size": 1, "seconds": 1.0, "memory": 1}


def _raise(error: BaseException) -> NoReturn:
    raise error


_FAULTS: dict[str, Callable[[], Any]] = {
    "SIGKILL": lambda: killed(signal.SIGKILL),
    "SIGSEGV": lambda: killed(signal.SIGSEGV),
    "memory": lambda: taking_memory(2**60),
    "EIO": lambda: _raise(OSError(errno.EIO, "Input/output error")),
    "ESTALE": lambda: _raise(OSError(errno.ESTALE, "Stale file handle")),
    "ENOSPC": lambda: _raise(OSError(errno.ENOSPC, "No space left on device")),
    "access": lambda: _raise(PermissionError(errno.EACCES, "Permission denied")),
    "time-out": timing_out,
    "a bug": raising_a_bug,
}
