"""Errors as `application/problem+json` (RFC 9457), mapped here and nowhere else."""

import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tallies.core.errors import (
    InvalidInput,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
    TalliesError,
    UnknownTally,
)
from tallies.http.service.metrics import route_of

RETRY_AFTER_SECONDS = 1

log = logging.getLogger(__name__)


_MUST = {
    "missing": "is missing",
    "extra_forbidden": "is unknown here",
    "string_type": "must be a text",
    "string_unicode": "must be a text in UTF-8",
    "list_type": "must be a list",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} item",
    "too_long": "must have at most {max_length} items",
    "value_error": "cannot be used: {error}",
}
"""What a part of a request must be, by the type of pydantic's error."""


class Problem(BaseModel):
    """What every error answers with."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str


class ProblemResponse(JSONResponse):
    """A problem; `headers` go with it."""

    media_type = "application/problem+json"

    def __init__(
        self, status: int, detail: str, code: str, headers: dict[str, str] | None = None
    ) -> None:
        body = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "code": code,
        }
        super().__init__(body, status, {"Cache-Control": "no-store", **(headers or {})})


class Refused(TalliesError):
    """A request that is understood but not granted."""

    code = "refused"

    def __init__(
        self, status: int, detail: str, code: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.response = ProblemResponse(status, detail, code, headers)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of these error answers."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in statuses
    }


def problem_of(request: Request, error: TalliesError) -> ProblemResponse:
    """The problem that answers an error of ours."""
    match error:
        case Refused():
            return error.response
        case UnknownTally():
            return ProblemResponse(404, str(error), error.code)
        case InvalidInput():
            return ProblemResponse(400, str(error), error.code)
        case StoreUnavailable():
            wait = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            return ProblemResponse(503, str(error), error.code, wait)
        case StoreFull():
            return ProblemResponse(507, "The store is full.", error.code)
        case StoreReadOnly():
            return ProblemResponse(503, "The store is read-only.", error.code)
    log.error("%s %s: %s", request.method, route_of(request.scope), error)
    return ProblemResponse(500, "The store failed; the service's log says why.", error.code)


def problem_of_input(error: RequestValidationError) -> ProblemResponse:
    """The problem for a request whose parts do not have the shape that a route takes."""
    first = error.errors()[0]
    kind, (source, *path) = first["type"], first["loc"]
    if kind == "json_invalid":
        return ProblemResponse(400, "The body is no JSON.", "invalid-body")
    if source == "body" and not path:
        return ProblemResponse(
            400,
            "The body must be a JSON object, sent with Content-Type: application/json.",
            "invalid-body",
        )
    where = ".".join(map(str, path))
    must = _MUST.get(kind)
    if must is None:
        return ProblemResponse(400, f"{where}: {first['msg']}.", "invalid-input")
    return ProblemResponse(400, f"{where} {must.format(**first.get('ctx', {}))}.", "invalid-input")


class AnswersProblems(APIRoute):
    """A route that answers its errors itself, whatever application it is part of."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except TalliesError as error:
                return problem_of(request, error)
            except RequestValidationError as error:
                return problem_of_input(error)

        return answer


def answer_errors(app: FastAPI) -> None:
    """Make the app answer every error with a problem."""

    @app.exception_handler(TalliesError)
    async def ours(request: Request, error: TalliesError) -> ProblemResponse:
        return problem_of(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> ProblemResponse:
        return problem_of_input(error)

    @app.exception_handler(HTTPException)
    async def by_status(request: Request, error: HTTPException) -> ProblemResponse:
        if isinstance(error.__cause__, Refused):  # FastAPI wraps what reading the body raises
            return error.__cause__.response
        phrase = HTTPStatus(error.status_code).phrase
        detail = f"{request.method} {request.url.path}: {phrase.lower()}."
        code = phrase.lower().replace(" ", "-")
        return ProblemResponse(error.status_code, detail, code, dict(error.headers or {}))

    app.add_middleware(AnswerUnexpected)


class AnswerUnexpected:
    """Answers unforeseen errors, next to the router.

    A handler of the framework would be outside all layers that add headers, and pages of other
    origins could not read its answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:
            if begun or scope["type"] != "http":
                raise
            log.exception("%s %s", scope["method"], route_of(scope))
            problem = ProblemResponse(500, "Something broke; the service's log says what.", "error")
            await problem(scope, receive, send)
