"""The application for a table of your own: `/tallies`, and a page of its boards."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI

from tallies.http.page import serve_page
from tallies.http.questions.answers import Content
from tallies.http.questions.live import Board, Live
from tallies.http.questions.routes import leaderboard_of, tally_routes
from tallies.http.service.auth import Auth, NoAuth
from tallies.http.service.caching import REMEMBER_SECONDS, Memory
from tallies.http.service.metrics import Instruments
from tallies.http.service.service import service
from tallies.stores.clock import Clock, utc_now
from tallies.stores.protocol import Store

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider


def create_app(
    store: Store,
    *,
    auth: Auth | None = None,
    instruments: Instruments | None = None,
    background: AbstractContextManager[object] | None = None,
    notice: str | None = None,
    clock: Clock = utc_now,
    remember_seconds: float = REMEMBER_SECONDS,
    origins: Sequence[str] = (),
    root_path: str = "",
    follows: bool = True,
    tracer_provider: "TracerProvider | None" = None,
) -> FastAPI:
    """The ASGI application over a store of any table.

    With an `auth` that requires sign-in, all questions need a valid token. `background` (an
    aggregation loop) is entered when the service starts and left when it stops; `notice` is a
    sentence that the page shows; `clock` says which month and day are current; `remember_seconds`
    is how long an answer may be repeated without reading the store, where the store cannot tell
    that nothing has changed. Pages of `origins` may use the service; `root_path` is the path that a
    proxy has put it under. Without `follows` there are no live leaderboards, for a gateway that
    waits for an answer's end. `tracer_provider`, of OpenTelemetry, makes a span of each request.

    Raises:
        InvalidInput: an origin or the root path is not valid.
    """
    metrics = instruments or Instruments()

    return service(
        store,
        [_routes(store, auth, metrics, clock, remember_seconds, follows=follows)],
        summary="Exact counts of a table, live.",
        instruments=metrics,
        described=lambda: [tallies.of for tallies in store.tallies().values()],
        serve_page=serve_page,
        background=background,
        notice=notice,
        origins=origins,
        root_path=root_path,
        tracer_provider=tracer_provider,
    )


def create_router(
    store: Store,
    *,
    auth: Auth | None = None,
    background: AbstractContextManager[object] | None = None,
    clock: Clock = utc_now,
) -> APIRouter:
    """The routes under `/tallies`, to include in an application of your own.

    `background` is entered when that application starts and left when it stops. The routes answer
    errors themselves.
    """

    @asynccontextmanager
    async def life(_: object) -> AsyncIterator[None]:
        with background or nullcontext():
            yield

    router = APIRouter(lifespan=life)
    routes = _routes(store, auth, Instruments(), clock, REMEMBER_SECONDS, follows=True)
    router.include_router(routes)
    return router


def _routes(
    store: Store,
    auth: Auth | None,
    metrics: Instruments,
    clock: Clock,
    remember_seconds: float,
    *,
    follows: bool,
) -> APIRouter:
    def read(board: Board) -> Content:
        return leaderboard_of(store.reading(board.tally), board.window, board.limit, clock)

    memory = Memory(store.version, seconds=remember_seconds)
    live = Live(store, read, clock) if follows else None
    return tally_routes(store, auth or NoAuth(), live, clock, memory, metrics)
