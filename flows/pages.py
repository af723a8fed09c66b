"""Reports and data docs over HTTP, so that the dashboard can link to them: `python -m flows.pages PORT`.

Nothing else of $SEQTAG_HOME is served: not the registry, not the corpora.
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from flows.services import HOST
from seqtag.config import Settings
from seqtag.rundir import Home, RunDir
from seqtag.steps import Place


def application(home: Home) -> Starlette:
    """Return the application that serves /runs/TAGGER/RUN/report/... and .../validation/data_docs/..."""

    def page(request: Request) -> Response:
        parts = request.path_params
        path = _page(RunDir(home.runs(parts["tagger"]) / parts["run"]), parts["path"])
        if path is None:
            raise HTTPException(404, "a page of a report or of data docs was required")
        return FileResponse(path, headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"})

    def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    return Starlette(
        routes=[Route("/health", health), Route("/runs/{tagger}/{run}/{path:path}", page)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
    )


def _page(run: RunDir, wanted: str) -> Path | None:
    """Return the file of a run's report or data docs, however many `..` and links the address holds."""
    try:
        path = (run.path / wanted).resolve()
        folders = (run.report_dir.resolve(), run.data_docs.parent.resolve())
        return path if path.is_file() and any(path.is_relative_to(folder) for folder in folders) else None
    except (OSError, ValueError):  # too long a name, or one with a NUL
        return None


if __name__ == "__main__":
    home = Place.of(Settings()).home
    uvicorn.run(application(home), host=HOST, port=int(sys.argv[1]), log_level="warning")
