"""The application as a whole: routes, middleware, life."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime

from fastapi import FastAPI, Response, Security
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer

import tallies
from tallies.favorites.catalogue import Catalogue
from tallies.favorites.favorite import FavoritesStore
from tallies.favorites.http.boards import board_routes, leaderboard, ranked_window
from tallies.favorites.http.marks import user_routes
from tallies.favorites.http.metrics import FavoritesInstruments
from tallies.favorites.http.page import name_routes, serve_page
from tallies.favorites.http.schemas import HealthAnswer
from tallies.http.auth import Auth
from tallies.http.caching import REMEMBER_SECONDS, Memory
from tallies.http.cors import allow_origins
from tallies.http.descriptions import describe
from tallies.http.limits import Limits
from tallies.http.live import Live
from tallies.http.methods import AnswerMethods
from tallies.http.metrics import MeasureRequests
from tallies.http.paths import SplitBeforeDecoding
from tallies.http.problems import answer_errors, documented
from tallies.http.proxies import UnderPath, check_root_path
from tallies.stores.protocol import Clock


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    store: FavoritesStore,
    *,
    auth: Auth,
    names: Catalogue | None = None,
    instruments: FavoritesInstruments | None = None,
    background: AbstractContextManager[object] | None = None,
    notice: str | None = None,
    clock: Clock = _utc_now,
    remember_seconds: float = REMEMBER_SECONDS,
    origins: Sequence[str] = (),
    root_path: str = "",
) -> FastAPI:
    """The ASGI application over a store.

    `background` (an aggregation loop) is entered when the service starts and left when it stops;
    `notice` is a sentence that the page shows; `clock` says which month and day are current;
    `remember_seconds` is how long an answer to all may be given again without a look at the store,
    where the store cannot tell that nothing has changed. Pages of `origins` may use the service;
    `root_path` is the path that a proxy has put it under.

    Raises:
        InvalidInput: an origin is none, or the root path.
    """
    metrics = instruments or FavoritesInstruments()

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        with background or nullcontext():
            yield

    app = FastAPI(
        title="tallies",
        version=tallies.__version__,
        summary="Favorites of restaurants, counted live.",
        lifespan=life,
        docs_url=None,  # those pages load scripts from elsewhere
        redoc_url=None,
    )

    def read(window: str, limit: int) -> dict[str, object]:
        return leaderboard(store, ranked_window(store, window, clock()).name, limit)

    memory = Memory(store.version, seconds=remember_seconds)
    guarded = [Security(HTTPBearer(auto_error=False))] if auth.required else []
    app.include_router(user_routes(store, auth, metrics, clock), dependencies=guarded)
    app.include_router(board_routes(store, Live(store, read, clock), clock, memory))
    app.include_router(name_routes(names or {}))

    @app.get("/health", response_model=HealthAnswer, responses=documented(503), tags=["operation"])
    def health() -> Response:
        """Whether the store answers, and how far the aggregation is behind."""
        records, seconds = store.lag()
        body = {"status": "ok", "lag_records": records, "lag_seconds": seconds}
        return JSONResponse(body | ({"notice": notice} if notice else {}))

    @app.get("/metrics", include_in_schema=False)
    def expose() -> Response:
        return Response(metrics.exposition(store.lag()), media_type=metrics.content_type)

    serve_page(app)
    answer_errors(app)
    app.add_middleware(AnswerMethods)
    app.add_middleware(SplitBeforeDecoding)
    app.add_middleware(Limits)
    app.add_middleware(MeasureRequests, instruments=metrics)
    if origins:
        allow_origins(app, origins)
    if root_path:
        app.add_middleware(UnderPath, root_path=check_root_path(root_path))
    describe(app, lambda: store.of)
    return app
