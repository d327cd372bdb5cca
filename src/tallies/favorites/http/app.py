"""The application as a whole: favorites, and the tallies that its store keeps."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from fastapi import FastAPI

from tallies.favorites.catalogue import Catalogue
from tallies.favorites.favorite import FavoritesStore
from tallies.favorites.http.boards import board_of, board_routes
from tallies.favorites.http.marks import user_routes
from tallies.favorites.http.metrics import FavoritesInstruments
from tallies.favorites.http.page import name_routes, serve_page
from tallies.http.questions.answers import Content
from tallies.http.questions.live import Board, Live
from tallies.http.questions.routes import leaderboard_of, tally_routes
from tallies.http.service.auth import Auth
from tallies.http.service.caching import REMEMBER_SECONDS, Memory
from tallies.http.service.service import service
from tallies.stores.clock import Clock, utc_now

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider


def create_app(
    store: FavoritesStore,
    *,
    auth: Auth,
    names: Catalogue | None = None,
    instruments: FavoritesInstruments | None = None,
    background: AbstractContextManager[object] | None = None,
    notice: str | None = None,
    clock: Clock = utc_now,
    remember_seconds: float = REMEMBER_SECONDS,
    origins: Sequence[str] = (),
    root_path: str = "",
    follows: bool = True,
    tracer_provider: "TracerProvider | None" = None,
) -> FastAPI:
    """The ASGI application over a store.

    `background` (an aggregation loop) is entered when the service starts and left when it stops;
    `notice` is a sentence that the page shows; `clock` says which month and day are current;
    `remember_seconds` is how long an answer to all may be repeated without reading the store, where
    the store cannot tell that nothing has changed. Pages of `origins` may use the service;
    `root_path` is the path that a proxy has put it under. Without `follows` there are no live
    leaderboards, for a gateway that waits for an answer's end. `tracer_provider`, of OpenTelemetry,
    makes a span of each request.

    Raises:
        InvalidInput: an origin or the root path is not valid.
    """
    metrics = instruments or FavoritesInstruments()

    def read(board: Board) -> Content:
        if board.tally is not None:
            return leaderboard_of(store.reading(board.tally), board.window, board.limit, clock)
        return board_of(store, board.window, board.limit, clock)

    memory = Memory(store.version, seconds=remember_seconds)
    live = Live(store, read, clock) if follows else None
    return service(
        store,
        [
            user_routes(store, auth, metrics, clock),
            board_routes(store, live, clock, memory),
            name_routes(names or {}),
            tally_routes(store, auth, live, clock, memory, metrics),
        ],
        summary="Favorites of restaurants, counted live.",
        instruments=metrics,
        described=lambda: store.of,
        serve_page=serve_page,
        background=background,
        notice=notice,
        origins=origins,
        root_path=root_path,
        tracer_provider=tracer_provider,
    )
