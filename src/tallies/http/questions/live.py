"""Live leaderboards: one read of the store serves every subscriber."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio

from tallies.core.errors import TalliesError
from tallies.http.service.exact import as_json
from tallies.stores.clock import Clock
from tallies.stores.protocol import Store

if TYPE_CHECKING:
    from sse_starlette import EventSourceResponse

LOOK_SECONDS = 0.2
BLIND_LOOK_SECONDS = 1.0
"""The pause where the store does not tell of changes: each look then reads all boards."""
STATUS_EVERY_LOOKS = 5
PING_SECONDS = 15
GRACE_SECONDS = 2


class Board(NamedTuple):
    """A leaderboard that somebody follows."""

    window: str
    """As it was asked for: `all`, `day`, `last-7-days`, …"""
    limit: int
    """How many places."""
    tally: str | None = None
    """The tally's name; None for the application's own."""


Message = dict[str, Any]
Read = Callable[[Board], Message]

log = logging.getLogger(__name__)


class Live:
    """Watches the boards that somebody follows, in one task that ends with the last follower."""

    def __init__(self, store: Store, read: Read, clock: Clock) -> None:
        """`read` gives a board; it is called in a thread."""
        self._store = store
        self._read = read
        self._clock = clock
        self._queues: dict[Board, set[asyncio.Queue[Message]]] = {}
        self._last: dict[Board, str] = {}
        self._unread: set[Board] = set()
        """Those that may have changed since they were read."""
        self._told: set[Board] = set()
        """Those of which the log says that they cannot be read."""
        self._watcher: asyncio.Task[None] | None = None

    async def follow(self, board: Board, closing: anyio.Event) -> AsyncIterator[Message]:
        """The board now, and again whenever it changes; in between, how far behind it is.

        Ends when `closing` is set.
        """
        # Only the newest board matters: a slow reader skips some and never makes us hold many.
        queue: asyncio.Queue[Message] = asyncio.Queue(maxsize=4)
        self._queues.setdefault(board, set()).add(queue)
        try:
            first = _board_event(await asyncio.to_thread(self._read, board))
            self._last.setdefault(board, first["data"])
            yield first
            yield _status_event(await asyncio.to_thread(self._store.lag))
            if self._watcher is None or self._watcher.done():
                self._watcher = asyncio.create_task(self._watch())
            async for event in _until(closing, queue):
                yield event
        finally:
            followers = self._queues[board]
            followers.discard(queue)
            if not followers:
                del self._queues[board]
                self._told.discard(board)
                self._last.pop(board, None)

    async def _watch(self) -> None:
        seen: Any = None
        looks = 0
        lag: tuple[int | None, float | None] | None = None
        while self._queues:
            pause = BLIND_LOOK_SECONDS
            try:
                newest = await asyncio.to_thread(self._store.version)
                pause = BLIND_LOOK_SECONDS if newest is None else LOOK_SECONDS
                # A new day, month or hour begins at a quarter of an hour in every zone.
                quarter = self._clock().timestamp() // 900
                same = newest is not None and (newest, quarter) == seen
                if not same or len(self._last) < len(self._queues):
                    seen = newest, quarter
                    self._unread = set(self._queues)
                for board in self._unread & self._queues.keys():
                    await self._renew(board)
                if looks % STATUS_EVERY_LOOKS == 0:
                    found = await asyncio.to_thread(self._store.lag)
                    if found != lag:
                        lag = found
                        for board in list(self._queues):
                            self._send(board, _status_event(found))
            except TalliesError as error:
                log.warning("live leaderboards wait: %s", error)
            except Exception:
                log.exception("live leaderboards wait")
            looks += 1
            await asyncio.sleep(pause)

    async def _renew(self, board: Board) -> None:
        """Send a board if it has changed. One that cannot be read waits; the others do not."""
        try:
            event = _board_event(await asyncio.to_thread(self._read, board))
        except TalliesError as error:
            if board not in self._told:
                log.warning("the live leaderboard %s waits: %s", board.window, error)
                self._told.add(board)
            return
        self._told.discard(board)
        self._unread.discard(board)
        if self._last.get(board) != event["data"]:
            self._last[board] = event["data"]
            self._send(board, event)

    def _send(self, board: Board, event: Message) -> None:
        for queue in self._queues.get(board, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)


def followed(live: Live, board: Board) -> "EventSourceResponse":
    """The response that continues as long as its client listens and the service runs."""
    from sse_starlette import EventSourceResponse  # brings a server and a command line with it

    closing = anyio.Event()
    return EventSourceResponse(
        live.follow(board, closing),
        ping=PING_SECONDS,
        shutdown_event=closing,
        shutdown_grace_period=GRACE_SECONDS,
    )


async def _until(closing: anyio.Event, queue: asyncio.Queue[Message]) -> AsyncIterator[Message]:
    end = asyncio.create_task(closing.wait())
    try:
        while not end.done():
            following = asyncio.create_task(queue.get())
            try:
                await asyncio.wait({following, end}, return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    yield following.result()
            finally:
                following.cancel()
    finally:
        end.cancel()


def _board_event(board: Message) -> Message:
    return {"data": as_json(board)}


def _status_event(lag: tuple[int | None, float | None]) -> Message:
    records, seconds = lag
    data = {"lag_records": records, "lag_seconds": seconds}
    return {"event": "status", "data": as_json(data)}
