"""Run one contender in this process and print its measurements as JSON on the last line."""

import json
import sys
from importlib import import_module

from peers.measuring import MISSING

try:
    module, function, options = sys.argv[1:]
    measured = getattr(import_module(f"peers.{module}"), function)(**json.loads(options))
except ModuleNotFoundError as error:
    measured = {MISSING: f"{error.name} is not installed"}
print(json.dumps(measured))
