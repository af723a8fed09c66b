"""Requests to an ASGI app in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx


def ask(app: Any, use: Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]) -> Any:
    """Return what a coroutine function returns that gets a client of the app."""

    async def asked() -> Any:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await use(client)

    return asyncio.run(asked())


def get(app: Any, path: str) -> httpx.Response:
    answer: httpx.Response = ask(app, lambda client: client.get(path))
    return answer


def post(app: Any, path: str, **options: Any) -> httpx.Response:
    answer: httpx.Response = ask(app, lambda client: client.post(path, **options))
    return answer
