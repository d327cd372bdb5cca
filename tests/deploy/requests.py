"""Events as an HTTP API sends them (payload format 2.0)."""

import json
from typing import Any

from tallies.favorites.aws_api import handler


def ask(
    method: str, path: str, *, user: str | None = None, query: str = "", body: Any = None
) -> Any:
    """Status and body (None if empty) of a request; `user` has a token that the gateway checked."""
    context: dict[str, Any] = {"http": {"method": method, "path": path, "sourceIp": "192.0.2.1"}}
    if user is not None:
        context["authorizer"] = {"jwt": {"claims": {"sub": user}, "scopes": None}}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "api.example", "content-type": "application/json"},
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if body is not None:
        event["body"] = json.dumps(body)
    answer = handler(event, None)
    assert not answer["isBase64Encoded"], "every answer of the API is text"
    return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None
