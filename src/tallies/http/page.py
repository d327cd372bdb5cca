"""The page of any table, and how every page is served."""

import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

SHARED = Path(str(files("tallies.http"))) / "page"


class PageFiles(StaticFiles):
    """The page's files: browsers ask again each time (by ETag), so that all are of one version."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(directory=folders[0])
        self.all_directories = list(folders)

    def get_path(self, scope: Scope) -> str:
        """The file that the route names."""
        file: str = scope["path_params"]["file"]
        return os.path.normpath(file)

    def file_response(self, *args: Any, **options: Any) -> Response:
        response = super().file_response(*args, **options)
        response.headers["Cache-Control"] = "no-cache"
        return response


def serve_page(app: FastAPI, own: Path | None = None) -> None:
    """The page at `/`, its files under `/static`, compressed on the way.

    `own` is a folder whose files come before the shared ones.
    """
    folders = [SHARED] if own is None else [own, SHARED]

    @app.get("/", include_in_schema=False)
    async def index() -> FileResponse:
        return FileResponse(folders[0] / "index.html", headers={"Cache-Control": "no-cache"})

    # Not around the whole app: compression would hold live events back. A route, not a mount, so
    # that the path has methods like any other.
    packed = GZipMiddleware(PageFiles(folders))
    app.router.routes.append(Route("/static/{file:path}", packed, methods=["GET"]))
