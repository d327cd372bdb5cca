"""Behind a reverse proxy: under a path of its own, believing only the proxies that are named."""

import ipaddress
import re

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tallies.core.errors import InvalidInput, shown

_ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def check_root_path(text: str) -> str:
    """Return `text` if it is a path that the service can live under.

    Raises:
        InvalidInput: it is not.
    """
    parts = text.split("/")
    if not _ROOT_PATH.fullmatch(text) or "." in parts or ".." in parts:
        raise InvalidInput(
            f"{shown(text)} is no root path; give one that begins with a slash and does not end in"
            " one, of letters, digits and . _ ~ - like /eat."
        )
    return text


def check_proxy(text: str) -> str:
    """Return `text` if it is the address of a proxy, or a network of them.

    Raises:
        InvalidInput: it is not.
    """
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise InvalidInput(
            f"{shown(text)} is no address of a proxy; give one like 10.0.0.7, or a network like"
            " 10.0.0.0/24."
        ) from None
    return text


class UnderPath:
    """The app under a path, whether the proxy passes that on or strips it."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if scope["path"] == self._root:  # the page's own addresses are relative to the slash
                await RedirectResponse(f"{self._root}/", 308)(scope, receive, send)
                return
            if not scope["path"].startswith(f"{self._root}/"):
                scope["path"] = self._root + scope["path"]
                scope["raw_path"] = self._root.encode() + (scope.get("raw_path") or b"")
            scope["root_path"] = self._root
        await self._app(scope, receive, send)
