"""HTTP server for the fleet page, reports and data docs, so that the dashboard can link to them.

Run it with `python -m flows.services.report_server PORT`.

It serves nothing else in $SEQTAG_HOME: no registry, corpora, configurations or checkpoints.
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from seqtag.config import HOST, Settings
from seqtag.reporting import fleet_html
from seqtag.run_dir import RunDir
from seqtag.steps import Workspace, fleet

_RUN: Final = re.compile(r"[a-z0-9][a-z0-9-]*/\d{4}-\d\d-\d\d-[a-z0-9-]+")  # tagger and run directory
_DATA_DOC: Final = re.compile(r"[a-z_]+\.html")
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    # pages embed their styles and pictures; they run no scripts, load nothing and must not be framed
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def application(workspace: Workspace) -> Starlette:
    """Return the application that serves the fleet page and the public files of runs."""
    home = workspace.home

    def overview(_: Request) -> Response:  # not a coroutine: it reads files, and runs in a thread
        now = datetime.now(UTC)
        return HTMLResponse(fleet_html(fleet(workspace, now=now), now=now))

    async def page(request: Request) -> Response:
        tagger, run_id, path = (request.path_params[name] for name in ("tagger", "run", "path"))
        run = RunDir(home.runs(tagger) / run_id)
        if not _RUN.fullmatch(f"{tagger}/{run_id}") or not _is_public(run, path):
            raise HTTPException(404)
        return await StaticFiles(directory=run.path, check_dir=False).get_response(path, request.scope)

    def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    served = Starlette(
        routes=[
            Route("/", overview),
            Route("/health", health),
            Route("/runs/{tagger}/{run}/{path:path}", page),
        ],
        middleware=[
            Middleware(BaseHTTPMiddleware, dispatch=_with_safe_headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"]),
        ],
    )
    served.router.redirect_slashes = False  # otherwise it redirects browsers to pages that do not exist
    return served


def _is_public(run: RunDir, path: str) -> bool:
    """Tell whether a path is public: the report, changed sequences, metrics, decision and data docs.

    A path that leads through a symbolic link is not public.
    """
    folder, _, name = path.rpartition("/")
    public = (run.report, run.changed_sequences, run.metrics, run.decision)
    pages = {str(page.relative_to(run.path)) for page in public}
    is_data_doc = folder == str(run.data_docs.parent.relative_to(run.path)) and _DATA_DOC.fullmatch(name)
    if path not in pages and not is_data_doc:
        return False
    try:
        return (run.path / path).resolve(strict=True) == run.path.resolve() / path
    except (OSError, RuntimeError):  # missing, or a symbolic link to itself
        return False


async def _with_safe_headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
    response = await call_next(request)
    response.headers.update(_HEADERS)
    return response


if __name__ == "__main__":
    uvicorn.run(application(Workspace.of(Settings())), host=HOST, port=int(sys.argv[1]), log_level="warning")
