"""A service over a store: what every application has around its routes."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

import tallies
from tallies.http.questions.descriptions import describe
from tallies.http.questions.paths import SplitBeforeDecoding
from tallies.http.service.cors import allow_origins
from tallies.http.service.limits import Limits
from tallies.http.service.methods import AnswerMethods
from tallies.http.service.metrics import Instruments, MeasureRequests
from tallies.http.service.problems import answer_errors, documented
from tallies.http.service.proxies import UnderPath, check_root_path
from tallies.http.service.tracing import telemetry
from tallies.stores.protocol import Store

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider


class HealthAnswer(BaseModel):
    status: str
    lag_records: int | None
    lag_seconds: float | None
    troubles: list[str] = []
    notice: str | None = None


def service(
    store: Store,
    routers: Iterable[APIRouter],
    *,
    summary: str,
    instruments: Instruments,
    described: Callable[[], object],
    serve_page: Callable[[FastAPI], None] = lambda _: None,
    background: AbstractContextManager[object] | None = None,
    notice: str | None = None,
    origins: Sequence[str] = (),
    root_path: str = "",
    tracer_provider: "TracerProvider | None" = None,
) -> FastAPI:
    """An ASGI application of these routes, with health, metrics, and errors as problems.

    `background` (an aggregation loop) is entered when the service starts and left when it stops;
    `notice` is a sentence that the page shows; `described` gives what the OpenAPI document depends
    on: when that changes, the document is made anew. Pages of `origins` may use the service;
    `root_path` is the path that a proxy has put it under; `tracer_provider` makes a span of each
    request.

    Raises:
        InvalidInput: an origin or the root path is not valid.
    """

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        with background or nullcontext():
            yield

    app = FastAPI(
        title="tallies",
        version=tallies.__version__,
        summary=summary,
        lifespan=life,
        docs_url=None,  # those pages load scripts from elsewhere
        redoc_url=None,
        telemetry=telemetry(tracer_provider, root_path),
    )
    for router in routers:
        app.include_router(router)

    @app.get("/health", response_model=HealthAnswer, responses=documented(503), tags=["operation"])
    def health() -> Response:
        """Whether the store answers, how far the aggregation is behind, and what troubles it."""
        records, seconds = store.lag()
        body = {"status": "ok", "lag_records": records, "lag_seconds": seconds}
        troubles = list(store.condition().troubles)
        return JSONResponse(
            body
            | ({"troubles": troubles} if troubles else {})
            | ({"notice": notice} if notice else {})
        )

    instruments.watch(store)

    @app.get("/metrics", include_in_schema=False)
    def expose() -> Response:
        return Response(instruments.exposition(), media_type=instruments.content_type)

    serve_page(app)
    answer_errors(app)
    app.add_middleware(AnswerMethods)
    app.add_middleware(SplitBeforeDecoding)
    app.add_middleware(Limits)
    app.add_middleware(MeasureRequests, instruments=instruments)
    if origins:
        allow_origins(app, origins)
    if root_path:
        app.add_middleware(UnderPath, root_path=check_root_path(root_path))
    describe(app, described)
    return app
