"""The verbs on the command line: `seqtag --help`.

Exit codes: 0 done, 1 refused by data or policy, 2 wrong use.
"""

from seqtag.cli.main import app, main

__all__ = ["app", "main"]
