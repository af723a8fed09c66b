"""Commands for a new tagger, which need neither a home folder nor a registry: `check`."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from seqtag import steps
from seqtag.cli.common import log_to_standard_error, open_tagger
from seqtag.cli.names import TAGGER
from seqtag.config import redirect_library_caches
from seqtag.errors import CorpusRejectedError


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("check")(check)


def check(tagger: Annotated[str, TAGGER]) -> None:
    """Say what a run would refuse, and how to fix it: read the sources, validate and split them.

    Of large sources only the beginning is read. Nothing is written, and no home folder or registry is needed.
    Exits with 0 if a run would accept the corpus.

    Example: `seqtag check sample`
    """
    config, _ = open_tagger(tagger)
    log_to_standard_error(logging.ERROR)  # the report has all of it
    with tempfile.TemporaryDirectory(prefix="seqtag-caches-") as caches:
        redirect_library_caches(Path(caches))
        found = steps.check(config)
    typer.echo(steps.check_text(found))
    if found.fault is not None:
        raise CorpusRejectedError(found.fault)
