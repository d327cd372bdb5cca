"""The real service over a real store, on a loopback port, in this process."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Event, Thread
from typing import Any, Generic, TypeVar

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tallies.favorites.catalogue import Restaurant
from tallies.favorites.http import Auth, NoAuth, create_app
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop
from tallies.stores.sqlite import SqliteStore

PATIENCE_SECONDS = 60
Store = TypeVar("Store", bound=SqliteStore)
Running = TypeVar("Running", bound="Served[Any]")


class Hitch:
    """Stands in front of the application: it holds, then refuses, marks and unmarks on demand."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open = Event()
        self._open.set()
        self.refusing = False

    def hold(self) -> None:
        self._open.clear()

    def let_go(self) -> None:
        self._open.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("PUT", "DELETE"):
            await run_in_threadpool(self._open.wait, PATIENCE_SECONDS)
            if self.refusing:
                problem = {"title": "Service Unavailable", "detail": "The store is full."}
                await JSONResponse(problem, 503)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Served(Generic[Store]):
    """A running service over any store: its address, and how to disturb it."""

    def __init__(self, store: Store, app: ASGIApp) -> None:
        self.store = store
        self._port = 0
        self._public: str | None = None
        self.hitch = Hitch(app)

    @property
    def url(self) -> str:
        """Where browsers find it."""
        return self._public or f"http://127.0.0.1:{self._port}/"

    def behind(self, url: str) -> None:
        """Have browsers go through a proxy, which hands on what is under `url`."""
        self._public = url

    def aggregating(self) -> AbstractContextManager[object]:
        """The loop that carries marks into the tallies, for a `with` statement."""
        return EmbeddedLoop(self.store)

    def drain(self) -> None:
        """Carry all marks so far into the tallies."""
        aggregator = self.store.aggregator()
        while aggregator.step().records:
            pass

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer requests; a second time on the same port."""
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self._port))
            self._port = listener.getsockname()[1]
            config = uvicorn.Config(
                self.hitch, log_level="warning", timeout_graceful_shutdown=1, lifespan="on"
            )
            server = uvicorn.Server(config)
            thread = Thread(target=server.run, args=([listener],), daemon=True)
            thread.start()
            try:
                yield
            finally:
                server.should_exit = True
                thread.join(PATIENCE_SECONDS)
                assert not thread.is_alive(), "the service does not stop"


class Service(Served[SqliteFavorites]):
    """The service of favorites, over an empty store."""

    def __init__(
        self,
        folder: Path,
        *,
        names: Mapping[str, Restaurant] | None = None,
        auth: Auth | None = None,
        notice: str | None = None,
        root_path: str = "",
    ) -> None:
        store = SqliteFavorites(folder / "tallies.db")
        store.init()
        app = create_app(
            store, auth=auth or NoAuth(), names=names or {}, notice=notice, root_path=root_path
        )
        super().__init__(store, app)


@contextmanager
def running(service: Running, *, aggregate: bool = True) -> Iterator[Running]:
    """A service that answers and, unless told otherwise, aggregates."""
    with service.aggregating() if aggregate else nullcontext(), service.serving():
        yield service
