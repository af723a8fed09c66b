"""Load on a model server: connections that each send a request as soon as the last one is answered.

The client is aiohttp, which MLflow requires. Its parser is in C: it takes at most a seventh of the CPU time
of httpx, which on a machine with two cores would be taken from the server.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import aiohttp

from peers.measuring import SECONDS, Watch

_ACTIONS = (
    "log_in",
    "scroll",
    "open_link",
    "read_specs",
    "view_item",
    "apply_coupon",
    "view_cart",
    "go_back",
)
_LENGTHS = range(5, 16)  # tokens
_N_SEQUENCES = 256
_TIMEOUT = 60  # seconds
_JSON = {"Content-Type": "application/json"}


def sequences() -> list[list[str]]:
    """Return short sequences of the sample's actions, always the same."""
    draw = random.Random(1)
    return [draw.choices(_ACTIONS, k=draw.choice(_LENGTHS)) for _ in range(_N_SEQUENCES)]


def request_body(tokens: Sequence[str]) -> bytes:
    return json.dumps({"dataframe_records": [{"tokens": tokens}]}).encode()


def load(
    url: str, connections: int, seconds: float, warm_up: float = 2.0, until: str | None = None
) -> dict[str, Any]:
    """Send one sequence per request and return answers per second, their latencies in ms, and counts.

    An answer is an error if its status is not 200, or if it has not one tag for each token. Errors count
    neither in the answers per second nor in the latencies.

    Args:
        until: path of a file that ends the load as soon as it exists.
    """
    seen = _Seen()
    spent = asyncio.run(_drive(url, connections, seconds, warm_up, until and Path(until), seen))
    latencies = sorted(seen.latencies)
    n = len(latencies)
    return {
        "requests": n / spent[SECONDS],
        **{f"p{share}": 1000 * latencies[min(n - 1, n * share // 100)] for share in (50, 95, 99, 100)},
        "errors": sum(seen.errors.values()),
        "kinds": dict(seen.errors),
        "versions": dict(seen.versions),
        "answers": seen.warm_up + n,
        **spent,
    }


@dataclass
class _Seen:
    warm_up: int = 0  # requests
    latencies: list[float] = field(default_factory=list)  # seconds, of answers without an error
    errors: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)


async def _drive(
    url: str, connections: int, seconds: float, warm_up: float, until: Path | None, seen: _Seen
) -> dict[str, float]:
    """Drive the server; return the seconds of the load, and this process' CPU seconds, which bound it."""
    limits = {"connector": aiohttp.TCPConnector(limit=connections)}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(_TIMEOUT), **limits) as client:
        warming = _Seen()
        await _connections(client, url, connections, _Ending(warm_up), warming)
        seen.warm_up = len(warming.latencies)
        watch = Watch()
        await _connections(client, url, connections, _Ending(seconds, until), seen)
        return watch.read()


class _Ending:
    """End of a load: after some seconds, or when a file exists."""

    def __init__(self, seconds: float, until: Path | None = None) -> None:
        self._at = time.perf_counter() + seconds
        self._until = until

    def has_come(self) -> bool:
        return time.perf_counter() >= self._at or (self._until is not None and self._until.exists())


async def _connections(client: Any, url: str, n: int, ending: _Ending, seen: _Seen) -> None:
    bodies = [(len(tokens), request_body(tokens)) for tokens in sequences()]
    turned = [bodies[start:] + bodies[:start] for start in range(n)]  # each starts with another one
    await asyncio.gather(*(_connection(client, url, cycle(each), ending, seen) for each in turned))


async def _connection(
    client: Any, url: str, bodies: Iterator[tuple[int, bytes]], ending: _Ending, seen: _Seen
) -> None:
    while not ending.has_come():
        n_tokens, body = next(bodies)
        started = time.perf_counter()
        try:
            async with client.post(url, data=body, headers=_JSON) as response:
                text = await response.read()
        except (aiohttp.ClientError, TimeoutError) as fault:
            seen.errors[type(fault).__name__] += 1
            continue
        if response.status != 200:
            seen.errors[f"status {response.status}"] += 1
            continue
        answer = json.loads(text)
        rows = answer["predictions"] if isinstance(answer, dict) else answer
        if [len(row["tags"]) for row in rows] != [n_tokens]:
            seen.errors["other tags"] += 1
            continue
        seen.latencies.append(time.perf_counter() - started)
        seen.versions[str(rows[0]["model_version"])] += 1
