"""Ids in paths. An id may hold `/`, so the path is split before it is decoded, not after."""

import re
from urllib.parse import quote_from_bytes, unquote, unquote_to_bytes

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

from tallies.http.service.problems import ProblemResponse

_NEEDS_CARE = re.compile(rb"%(2[5fF]|[89a-fA-F])")


class SplitBeforeDecoding:
    """Gives the router a path whose segments are the client's: in each, only `/` and `%` stay
    encoded, for `IdConvertor` to decode."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path") or b""
        if scope["type"] == "http" and _NEEDS_CARE.search(raw):
            try:
                segments = [unquote_to_bytes(part).decode() for part in raw.split(b"/")]
            except UnicodeDecodeError:
                problem = ProblemResponse(400, "The path is not in UTF-8.", "invalid-input")
                await problem(scope, receive, send)
                return
            path = "/".join(part.replace("%", "%25").replace("/", "%2F") for part in segments)
            scope["path"] = path  # in place: outer layers read the route from this scope
        await self._app(scope, receive, send)


class IdConvertor(Convertor[str]):
    """`{name:id}` in a route: one segment, even an empty one, so that it gets a proper error."""

    regex = "[^/]*"

    def convert(self, value: str) -> str:
        return unquote(value) if "%" in value else value

    def to_string(self, value: str) -> str:
        return quote_from_bytes(value.encode(), safe="")


register_url_convertor("id", IdConvertor())
