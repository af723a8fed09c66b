"""App of the model server: limits, readiness and metrics around the current version's scoring app."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Message, Receive, Scope, Send

from seqtag.serving.metrics import ServingMetrics
from seqtag.serving.served_version import ServedVersion

_SECONDS_FOR_BODY = 30.0


@dataclass(frozen=True)
class Limits:
    """Limits on requests."""

    requests: int  # that are answered or wait at a time
    body_bytes: int


def gateway(
    current: Callable[[], ServedVersion],
    limits: Limits,
    metrics: ServingMetrics,
    *,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]],
) -> Starlette:
    """Return the app. `/invocations` and the rest of MLflow's API are those of the current version.

    `/ready` names the version in service, and `/metrics` is for Prometheus.
    """

    def ready(_: Request) -> Response:
        version = current()
        return JSONResponse({"model_name": version.tagger, "model_version": version.version})

    def measured(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    routes = [
        Route("/ready", ready),
        Route("/metrics", measured),
        Mount("/", _Scoring(current, limits, metrics)),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


class _RefusedError(Exception):
    """A request that is not passed on; the arguments are the status and the reason."""


class _Scoring:
    """Passes requests to the version that is current when their body has arrived."""

    def __init__(self, current: Callable[[], ServedVersion], limits: Limits, metrics: ServingMetrics) -> None:
        self._current, self._limits, self._metrics = current, limits, metrics
        self._n_requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/invocations"):
            await self._current().app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        self._n_requests += 1
        try:
            if self._n_requests > self._limits.requests:
                raise _RefusedError(503, f"more than {self._limits.requests} requests at a time; try again")
            body = await self._body(scope, receive)
            await self._current().app(scope, _again(body, receive), noted)
        except _RefusedError as error:
            code, reason = error.args
            headers = {"Retry-After": "1"} if code == 503 else {"Connection": "close"}  # body was not read
            await PlainTextResponse(reason + "\n", code, headers)(scope, receive, noted)
        finally:
            self._n_requests -= 1
            self._metrics.requests.labels(str(status)).inc()
            self._metrics.seconds.observe(time.perf_counter() - started)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """Read the body, and refuse one that is too long or too slow.

        Raises:
            _RefusedError: it is.
        """
        most = self._limits.body_bytes
        too_long = _RefusedError(413, f"body is too long: expected at most {most:,} bytes")
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > most:
            raise too_long
        body = bytearray()
        try:
            async with asyncio.timeout(_SECONDS_FOR_BODY):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _RefusedError(400, "body is incomplete")
                    body += message.get("body", b"")
                    if len(body) > most:
                        raise too_long
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise _RefusedError(408, f"body took more than {_SECONDS_FOR_BODY:.0f} s") from None


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what receives a body that was read already."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return messages.pop() if messages else await receive()

    return received
