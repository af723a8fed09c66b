"""Run a function on several workers of a Dask cluster at once, in a subprocess of each.

Dask's own tasks start one by one, and move to another worker if theirs dies. Processes that exchange messages
have to run at the same time, and end together.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import queue
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any
from urllib.parse import urlsplit

from seqtag.artifacts import file_lock
from seqtag.code_version import uncached_code_version
from seqtag.errors import ConfigError, SubprocessFailedError, SubprocessKilledError
from seqtag.subprocess_runner import LogForwarding, run_in_subprocess

_PATIENCE = 60.0  # seconds: for the scheduler, for workers, and for messages that are under way
_CHECK_EVERY = 5.0  # seconds without a message, after which the workers are looked for
# What calls say that end because of another one: TensorFlow's error, and a line before the exit.
_OTHER_ENDED = ("UnavailableError", "ended, because the calls on the other workers did")


@dataclass(frozen=True)
class _Call:
    """The calls on all workers."""

    function: str  # `module:name`
    arguments: Mapping[str, Any]
    workers: Sequence[str]  # their addresses in Dask, in the order of their ranks
    addresses: Sequence[str]  # `host:port` of each, at which the function may listen
    lock: str  # a file; a call ends when it can be locked
    topic: str  # of the Dask events that pass on messages
    log_level: int


def run_on_workers(
    function: Callable[..., Any],
    /,
    *,
    scheduler: str,
    n_workers: int,
    lock_folder: Path,
    on_message: Callable[[Any], None],
    **arguments: Any,
) -> Any:
    """Call a top-level function of a module on n workers, and return the result of the first.

    Log records and messages of the first are passed on. If one call fails, or this process dies, all end.

    Args:
        function: as for `run_in_subprocess`. It also gets `addresses`, the `host:port` at which each call may
            listen, and `rank`, the number of the call among them from 0.
        scheduler: address of the Dask scheduler.
        lock_folder: that this process and all workers see.
        on_message: called with what the first call gives to its argument `send`.
        arguments: of the function.

    Raises:
        ConfigError: the extra `dask` is not installed, or a worker has other code or another home folder.
        SubprocessFailedError: there are too few workers, or a call failed, as in `run_in_subprocess`.
        SubprocessKilledError: a worker was lost.
    """
    topic, messages = f"seqtag-{uuid.uuid4().hex}", queue.Queue[Mapping[str, Any]]()
    with ThreadPoolExecutor(1) as thread, _connected(scheduler) as client:
        workers, addresses = _chosen(client, n_workers, function)
        lock, level = lock_folder / f".{topic}.lock", logging.getLogger("seqtag").getEffectiveLevel()
        call = _Call(_name(function), arguments, workers, addresses, str(lock), topic, level)
        client.subscribe_topic(topic, lambda event: messages.put(event[1]))
        try:
            with file_lock(lock):
                running = thread.submit(client.run, _on_worker, call, workers=workers, on_error="return")
                running.add_done_callback(lambda _: messages.put({"over": True}))
                n_messages = _pass_on(messages, on_message, lambda: _all_there(client, workers))
            ended = _ended(running, workers)  # the lock is released, which ends all calls
        finally:
            lock.unlink(missing_ok=True)
        errors = [_error(worker, of) for worker, of in ended.items() if isinstance(of, BaseException)]
        if errors:
            raise min(errors, key=_is_consequence)
        result, n_sent = ended[workers[0]]
        with suppress(queue.Empty):  # messages that Dask lost are not worth a training
            while n_messages < n_sent:
                n_messages += _pass_on_one(messages.get(timeout=_PATIENCE), on_message)
    return result


def _ended(running: Future[dict[str, Any]], workers: Sequence[str]) -> dict[str, Any]:
    """Return the result or the error of each call."""
    try:
        return running.result(_PATIENCE)
    except TimeoutError as error:
        raise SubprocessKilledError(
            f"a call on the Dask workers {', '.join(workers)} did not end within {_PATIENCE:.0f} seconds "
            "after another; look for a process that hangs, and end it"
        ) from error


def _connected(scheduler: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError(
            "distributed is not installed: expected the extra dask, to train on several machines; install "
            "it with constraints.txt"
        ) from error
    connect: Any = Client  # untyped
    return connect(scheduler, timeout=_PATIENCE, set_as_default=False)


def _chosen(client: Any, n: int, function: Callable[..., Any]) -> tuple[list[str], list[str]]:
    """Return n workers with the code of this process, and an address for each."""
    try:
        client.wait_for_workers(n, timeout=_PATIENCE)
    except TimeoutError as error:
        there = len(client.nthreads())
        raise SubprocessFailedError(
            f"the Dask cluster has {there} workers: expected {n} within {_PATIENCE:.0f} seconds; start more"
        ) from error
    workers = sorted(client.nthreads())[:n]
    code = _code_of(function.__module__, function.__qualname__)
    of_function = function.__module__, function.__qualname__
    offers = client.run(_offer, *of_function, workers=workers, on_error="return")
    for worker, offer in offers.items():
        if isinstance(offer, BaseException) or offer[1] != code:
            why = f" ({type(offer).__name__}: {offer})" if isinstance(offer, BaseException) else ""
            raise ConfigError(
                f"the Dask worker {worker} has other code or packages than this process{why}: expected the "
                "same checkout, installed with constraints.txt; update it, and restart the worker"
            )
    return workers, [offers[worker][0] for worker in workers]


def _offer(module: str, name: str, dask_worker: Any) -> tuple[str, str]:
    """Return `host:port` of a free port on a worker, and its version of the code of a function."""
    host = urlsplit(dask_worker.address).hostname
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as free:
        port = free.getsockname()[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}", _code_of(module, name)


def _code_of(module: str, name: str) -> str:
    """Return a digest of what is on disk now, which a subprocess will run."""
    return uncached_code_version(module, name).key


async def _on_worker(call: _Call, dask_worker: Any) -> tuple[Any, int]:
    """Make a call in a subprocess of a worker; return its result and the number of messages."""
    return await asyncio.to_thread(_run, call, dask_worker)


def _run(call: _Call, dask_worker: Any) -> tuple[Any, int]:
    rank, n_sent = call.workers.index(dask_worker.address), 0

    def tell(message: Mapping[str, Any]) -> None:
        nonlocal n_sent
        n_sent += 1
        dask_worker.log_event(call.topic, message)

    try:
        result = run_in_subprocess(
            _in_subprocess,
            on_message=_ignored if rank else tell,
            function=call.function,
            arguments={**call.arguments, "addresses": call.addresses, "rank": rank},
            lock=call.lock,
            log_level=call.log_level,
        )
    except BaseException:
        dask_worker.log_event(call.topic, {"over": True})
        raise
    return result, n_sent


def _in_subprocess(
    function: str,
    arguments: Mapping[str, Any],
    lock: str,
    log_level: int,
    send: Callable[[Any], None],
) -> Any:
    if not Path(lock).exists():
        raise ConfigError(
            f"{lock} is missing on {socket.gethostname()}: expected the same home folder for all workers; "
            "mount it there at the same path"
        )
    threading.Thread(target=_end_when_released, args=(lock,), daemon=True).start()
    logger = logging.getLogger("seqtag")
    logger.setLevel(log_level)
    logger.addHandler(LogForwarding(lambda **message: send(message)))
    return resolve_name(function)(**arguments, send=lambda message: send({"message": message}))


def _end_when_released(lock: str) -> None:
    with suppress(FileNotFoundError), Path(lock).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # waits until the process that holds it releases it or dies
    sys.stderr.write(f"{_OTHER_ENDED[1]}\n")
    sys.stderr.flush()
    os._exit(1)


def _pass_on(
    messages: queue.Queue[Mapping[str, Any]], on_message: Callable[[Any], None], all_there: Callable[[], bool]
) -> int:
    """Pass on messages until the calls are over or a worker is lost; return the number of messages."""
    n = 0
    while True:
        try:
            message = messages.get(timeout=_CHECK_EVERY)
        except queue.Empty:
            if not all_there():
                return n
            continue
        if "over" in message:
            return n
        n += _pass_on_one(message, on_message)


def _pass_on_one(message: Mapping[str, Any], on_message: Callable[[Any], None]) -> int:
    """Pass on a message or log record; return their number, 0 for what says that a call is over."""
    if "over" in message:
        return 0
    if "log" in message:
        name, level, text = message["log"]
        logging.getLogger(name).log(level, "%s", text)
    else:
        on_message(message["message"])
    return 1


def _all_there(client: Any, workers: Sequence[str]) -> bool:
    # not `scheduler_info`, whose answer another thread of the client replaces by one without workers (2026.8)
    return set(workers) <= set(client.nthreads())


def _error(worker: str, error: BaseException) -> BaseException:
    """Return what a call raised; if it is Dask's error for a lost worker, say so."""
    from distributed.comm import CommClosedError

    if isinstance(error, CommClosedError):
        return SubprocessKilledError(f"the Dask worker {worker} was lost: {error}")
    return error


def _is_consequence(error: BaseException) -> bool:
    """Return whether a call ended because another one did."""
    return any(words in str(error) for words in _OTHER_ENDED)


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}:{function.__qualname__}"


def _ignored(_: object) -> None:
    """Ignore a message."""
