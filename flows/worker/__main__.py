"""`python -m flows.worker`: run the worker until it is stopped."""

import asyncio
import logging
from contextlib import suppress

from flows.services.process_manager import POOL, WORKER
from flows.worker.process_worker import Worker

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    with suppress(KeyboardInterrupt):  # `stack.down` sends SIGINT
        asyncio.run(Worker(POOL, name=WORKER).start())
