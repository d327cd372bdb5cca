"""The Lambda function behind an HTTP API: `tallies.favorites.aws_api.handler`.

The same application as `tallies serve`: favorites, or the tallies of a table of your own.
Configured by the environment variable TALLIES_STORE (dynamodb://REGION/PREFIX). The gateway's JWT
authorizer checks tokens before the function is called; what remains here is to see that users touch
only their own favorites.
"""

# ruff: noqa: E402 - the garbage collector is off while the modules below load
import gc

# They make some hundred thousand objects that stay; searching those again and again for what could
# be freed takes a sixth of a cold start.
gc.disable()

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from mangum import Mangum
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tallies.core.errors import InvalidStoreUrl
from tallies.favorites.http import create_app as favorites_app
from tallies.favorites.open import favorites_in, open_any
from tallies.http.app import create_app
from tallies.http.service.problems import Refused

STORE = "TALLIES_STORE"
TEXT = ["application/json", "application/problem+json"]
"""Sent as it is; the adapter sends what it does not know as text in base64."""


class GatewayAuth:
    """The gateway has checked the token; `sub` of its claims is the user.

    A function with this must be reached through the gateway only: it believes the event.
    """

    required = True

    def check(self, request: Request, user_id: str) -> None:
        """Pass when the token was this user's."""
        if self._subject(request) != user_id:
            raise Refused(403, "The token is another user's; act for its own.", "forbidden")

    def admit(self, request: Request) -> None:
        """Pass when there was a token."""
        self._subject(request)

    def _subject(self, request: Request) -> str:
        event: Mapping[str, Any] = request.scope.get("aws.event", {})
        authorizer = event.get("requestContext", {}).get("authorizer", {})
        subject: str | None = authorizer.get("jwt", {}).get("claims", {}).get("sub")
        if subject is None:
            raise Refused(
                401,
                "Send a bearer token in the Authorization header.",
                "unauthorized",
                {"WWW-Authenticate": "Bearer"},
            )
        return subject


class GatewayPath:
    """Passes the path on as the gateway gave it, for the application to split and then decode once.

    An HTTP API decodes all but the percent sign itself, so an id may hold that, but no slash; the
    adapter would decode everything once more.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw: str = scope["aws.event"].get("rawPath", "/")
        await self._app({**scope, "raw_path": raw.encode()}, receive, send)


@cache
def _application() -> Mangum:
    """The application of this environment, made once.

    Raises:
        InvalidStoreUrl: TALLIES_STORE is missing or wrong.
    """
    url = os.environ.get(STORE)
    if not url:
        raise InvalidStoreUrl(f"Set {STORE} for this function, like dynamodb://REGION/PREFIX.")
    # No start and stop: they would run around every single request.
    # A rebuild may have changed to another layout since the stack was deployed.
    store = open_any(url, strictly=False)
    favorites = favorites_in(store)
    app = (
        create_app(store, auth=GatewayAuth(), follows=False)
        if favorites is None
        else favorites_app(favorites, auth=GatewayAuth(), follows=False)
    )
    return Mangum(GatewayPath(app), lifespan="off", text_mime_types=TEXT)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request of the HTTP API (payload format 2.0).

    Raises:
        InvalidStoreUrl: TALLIES_STORE is missing or wrong.
    """
    answer: dict[str, Any] = _application()(event, context)
    return answer


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ and os.environ.get(STORE):
    _application()  # while the environment starts there is more CPU than later
    gc.freeze()  # what is there now stays, and no request waits for a look through it
gc.enable()
