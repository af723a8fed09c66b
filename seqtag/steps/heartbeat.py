"""Lines in the log that show that a long step is still running."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context

logger = logging.getLogger(__name__)

_FIRST, _LONGEST = 3.0, 60.0  # seconds


@contextmanager
def heartbeat(name: str) -> Iterator[None]:
    """Log that `name` is running after 3, 9, 21, 45 seconds, then once a minute, until the block ends."""
    ended, started = threading.Event(), time.monotonic()

    def beat() -> None:
        pause = _FIRST
        while not ended.wait(pause):
            logger.info("%s: running, %.0f s so far", name, time.monotonic() - started)
            pause = min(2 * pause, _LONGEST)

    context = copy_context()  # a handler of Prefect finds the flow run in it
    thread = threading.Thread(target=context.run, args=(beat,), name=f"heartbeat of {name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
