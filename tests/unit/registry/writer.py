"""Process that promotes: `python writer.py URL ARTIFACTS`, one order per line on standard input.

An order is JSON: version and the champion it was judged against. The answer is a line, `won` or `lost`.
"""

import json
import sys
from pathlib import Path

from seqtag.errors import PromotionConflictError
from seqtag.registry import Registry
from tests.registry_decisions import promote


def main(url: str, artifacts: str) -> None:
    registry = Registry(url, Path(artifacts))
    registry.create()
    print("ready", flush=True)  # noqa: T201 - the test reads it
    for line in sys.stdin:
        version, against = json.loads(line)
        try:
            promote(registry, "sample", version, expected_champion=against)
        except PromotionConflictError:
            print("lost", flush=True)  # noqa: T201
        else:
            print("won", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
