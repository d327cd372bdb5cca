"""Methods that every path has (RFC 9110): HEAD wherever there is GET, OPTIONS, and `Allow`.

The router knows methods one route at a time; here they are those of the whole path.
"""

from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""Those that a route may declare."""


def allowed(routes: list[BaseRoute], scope: Scope) -> list[str]:
    """All methods of the path of a request; none where there is no such path."""
    found = [
        method
        for method in METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    if "GET" in found:
        found.insert(found.index("GET") + 1, "HEAD")
    return [*found, "OPTIONS"] if found else []


class AnswerMethods:
    """Answers OPTIONS, answers HEAD by what GET would say, and lists all methods with a 405.

    It is next to the router, inside everything that looks at the method itself.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        routes: list[BaseRoute] = scope["app"].routes
        if scope["method"] == "OPTIONS" and (methods := allowed(routes, scope)):
            await Response(status_code=204, headers={"Allow": ", ".join(methods)})(
                scope, receive, send
            )
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 405:
                MutableHeaders(scope=message)["Allow"] = ", ".join(allowed(routes, scope))
            await send(message)

        if scope["method"] == "HEAD":
            await _head(self._app, scope, receive, told)
        else:
            await self._app(scope, receive, told)


async def _head(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """GET's answer without its body, which ends even where the body never does (live events)."""
    over = False

    async def until_over() -> Message:
        return {"type": "http.disconnect"} if over else await receive()

    async def headers_only(message: Message) -> None:
        nonlocal over
        if over:
            return
        await send(message)
        if message["type"] == "http.response.start":
            over = True
            await send({"type": "http.response.body", "body": b""})

    as_get: MutableMapping[str, Any] = {**scope, "method": "GET"}
    await app(as_get, until_over, headers_only)
    if "route" in as_get:
        scope["route"] = as_get["route"]  # the layers outside this one tell routes apart by it
