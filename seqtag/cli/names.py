"""Arguments that name taggers, their versions and runs, with completion; see `seqtag.steps.lookup`."""

from __future__ import annotations

import typer

from seqtag.config import Settings
from seqtag.run_dir import Home, absolute
from seqtag.steps.lookup import known_taggers


def _complete(incomplete: str) -> list[str]:
    return sorted(
        name for name in known_taggers(Home(absolute(Settings().home))) if name.startswith(incomplete)
    )


TAGGER = typer.Argument(
    help="A tagger: its name, or its TOML file.", metavar="TAGGER", autocompletion=_complete
)
VERSION = typer.Argument(
    help="A tagger for its champion, or a version: `sample@previous`, `sample@7`.",
    metavar="TAGGER[@VERSION]",
    autocompletion=_complete,
)
JSON = typer.Option("--json", help="Print all values as JSON.")
RUN = typer.Argument(
    help="A run id or directory, a tagger for its newest run, or TAGGER@VERSION for that version's run.",
    metavar="RUN",
    autocompletion=_complete,
)
ALIAS = typer.Option("--alias", hidden=True)  # older spelling of TAGGER@ALIAS
