"""The model server of a tagger: a process that answers over HTTP and follows the registry."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import uvicorn
from starlette.applications import Starlette

from seqtag.bundle_description import Bundle
from seqtag.registry import ScoringModel
from seqtag.serving.follower import Follower
from seqtag.serving.gateway import Limits, gateway
from seqtag.serving.metrics import ServingMetrics
from seqtag.serving.sequence_log import ANSWERS, DISAGREEMENTS, SequenceLog
from seqtag.serving.served_version import Observer, ServedVersion, load_tested, served_version
from seqtag.serving.shadow import Shadow
from seqtag.steps import Workspace

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

_FLUSH_SECONDS = 60.0  # between parts of the logs
_SHUTDOWN_SECONDS = 20  # for requests in progress, and then for the logs
_MAX_CONNECTIONS = 1000
_MAX_BACKOFF = 5  # doublings of the time between polls while they fail


@dataclass(frozen=True)
class ServerOptions:
    """Options of a server."""

    limits: Limits
    poll_seconds: float | None  # between polls of the registry; None to keep the first version
    log: Path | None  # folder of the logs
    shadow: float  # share of the sequences that the challenger tags as well


def serve_tagger(
    tagger: str, version: str, workspace: Workspace, options: ServerOptions, *, listener: socket.socket
) -> None:
    """Serve a version until the process is interrupted, and the champions after it.

    Args:
        listener: a bound socket.

    Raises:
        BundleError: the version fails its smoke test on this host.
        RegistryError: the registry could not be read, or the version's files changed.
        SubprocessFailedError: the smoke test was killed, or failed by an error that may not be the model's.
    """
    importlib.import_module("seqtag.neural._tensorflow")  # before MLflow does, so that it does not log
    registry, metrics, observers = workspace.registry(), ServingMetrics(), list[Observer]()
    observers.append(lambda frame, _: metrics.tokens.inc(sum(map(len, frame["tokens"]))))
    logs: list[SequenceLog] = []
    shadow = None
    if options.log is not None:
        answers = _log(options.log / "answers", ANSWERS, metrics)
        observers.append(lambda frame, found: answers.add(_logged(frame, found)))
        logs.append(answers)
        if options.shadow:
            disagreements = _log(options.log / "disagreements", DISAGREEMENTS, metrics)
            shadow = Shadow(options.shadow, disagreements, metrics)
            observers.append(shadow.offer)
            logs.append(disagreements)

    def load(number: str) -> ScoringModel:
        return load_tested(tagger, number, workspace, registry)

    def serve(model: ScoringModel, number: str) -> ServedVersion:
        return served_version(
            model,
            tagger,
            number,
            output_scheme=Bundle.load(registry.checked_version(tagger, number).bundle).output_scheme,
            observers=observers,
            observe_batch=metrics.batch.observe,
        )

    follower = Follower(
        serve(load(version), version), registry, load=load, serve=serve, metrics=metrics, shadow=shadow
    )

    def flush_logs() -> None:
        for log in logs:
            log.flush()

    app = gateway(
        lambda: follower.current,
        options.limits,
        metrics,
        lifespan=_lifespan(follower, options, flush_logs),
    )
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    host, port = listener.getsockname()
    logger.info("version %s of %s answers at http://%s:%d/invocations", version, tagger, host, port)
    uvicorn.Server(config).run(sockets=[listener])


def _log(folder: Path, schema: pa.Schema, metrics: ServingMetrics) -> SequenceLog:
    folder.mkdir(parents=True, exist_ok=True)  # raises now if that is not possible
    return SequenceLog(folder, schema, lost=metrics.lost.labels(folder.name).inc)


def _logged(frame: pd.DataFrame, answers: pd.DataFrame) -> list[dict[str, object]]:
    columns = (frame["tokens"], answers["tags"], answers["confidence"], answers["model_version"])
    return [dict(zip(ANSWERS.names, row, strict=True)) for row in zip(*columns, strict=True)]


def _lifespan(
    follower: Follower, options: ServerOptions, flush_logs: Callable[[], None]
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Return the lifespan of the app: it starts its threads, and flushes the logs at the end."""
    is_stopping = threading.Event()

    def poll_registry() -> None:
        wait = options.poll_seconds
        while wait is not None and not is_stopping.wait(wait * 2 ** min(follower.n_failures, _MAX_BACKOFF)):
            follower.poll()

    def flush_regularly() -> None:
        while not is_stopping.wait(_FLUSH_SECONDS):
            flush_logs()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        threads = ThreadPoolExecutor(options.limits.requests, thread_name_prefix="request")
        asyncio.get_running_loop().set_default_executor(threads)  # MLflow's app predicts in its threads
        for target in (poll_registry, flush_regularly):
            threading.Thread(target=target, name=target.__name__, daemon=True).start()
        yield
        is_stopping.set()
        last = threading.Thread(target=flush_logs, daemon=True)
        last.start()
        last.join(_SHUTDOWN_SECONDS)
        # A prediction cannot be interrupted, and the interpreter would wait for its thread.
        end = threading.Timer(_SHUTDOWN_SECONDS, os._exit, [1])
        end.daemon = True
        end.start()

    return lifespan
