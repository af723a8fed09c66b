"""Arguments that name taggers, their versions and runs, with completion; see `seqtag.steps.lookup`."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from seqtag.project import default_home, tagger_files
from seqtag.run_dir import Home


def complete_tagger(incomplete: str) -> list[str]:
    """Return the taggers with a file in the project or with runs; settings are not checked, to be fast."""
    home = Home(Path(os.environ.get("SEQTAG_HOME") or default_home(Path.cwd())))
    names = {*tagger_files(Path.cwd()), *home.taggers()}
    return sorted(name for name in names if name.startswith(incomplete))


TAGGER = typer.Argument(
    help="A tagger: its name, or its TOML file.", metavar="TAGGER", autocompletion=complete_tagger
)
VERSION = typer.Argument(
    help="A tagger for its champion, or a version: `sample@previous`, `sample@7`.",
    metavar="TAGGER[@VERSION]",
    autocompletion=complete_tagger,
)
JSON = typer.Option("--json", help="Print all values as JSON.")
RUN = typer.Argument(
    help="A run id or directory, a tagger for its newest run, or TAGGER@VERSION for that version's run.",
    metavar="RUN",
    autocompletion=complete_tagger,
)
ALIAS = typer.Option("--alias", hidden=True)  # older spelling of TAGGER@ALIAS
