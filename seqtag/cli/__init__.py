"""Command line interface: `seqtag --help`.

Exit codes: 0 success, 1 refused by data or policy, 2 usage error.
"""

from seqtag.cli.main import app, main

__all__ = ["app", "main"]
