"""Live leaderboards: every follower gets every change, for one look at the store."""

import asyncio
import json
from typing import Any

import anyio

from tallies.core.errors import StoreUnavailable
from tallies.favorites.http.boards import board_of
from tallies.http.questions.live import Board, Live
from tests.conformance.backend import ManualClock
from tests.http.conftest import AnyStore, settle


async def next_board(stream: Any) -> dict[str, Any]:
    async for event in stream:
        if "event" not in event:
            board: dict[str, Any] = json.loads(event["data"])
            return board
    raise AssertionError("the stream ended")


async def end(*streams: Any) -> None:
    for stream in streams:
        await stream.aclose()


def test_followers_share_one_look_and_see_each_change(store: AnyStore, clock: ManualClock) -> None:
    reads = 0

    def read(board: Board) -> dict[str, Any]:
        nonlocal reads
        reads += 1
        return board_of(store, board.window, board.limit, clock)

    async def scenario() -> None:
        live = Live(store, read, clock)
        closing = anyio.Event()
        streams = [live.follow(Board("all", 10), closing) for _ in range(20)]
        firsts = await asyncio.gather(*map(next_board, streams))
        assert all(board["items"] == [] for board in firsts)
        waiting = [asyncio.create_task(next_board(stream)) for stream in streams]
        before = reads
        store.mark("ann", "noodles")
        await asyncio.to_thread(settle, store)
        boards = await asyncio.wait_for(asyncio.gather(*waiting), 20)
        assert all(board == boards[0] for board in boards)
        assert boards[0]["items"] == [{"rank": 1, "restaurant_id": "noodles", "favorites": 1}]
        assert reads - before < len(streams)
        await end(*streams)
        assert live._watcher is not None
        await asyncio.wait_for(live._watcher, 20)  # it ends with the last follower

    asyncio.run(scenario())


def test_a_board_that_cannot_be_read_holds_up_no_other(store: AnyStore, clock: ManualClock) -> None:
    broken = False

    def read(board: Board) -> dict[str, Any]:
        if broken and board.window == "day":
            raise StoreUnavailable("out of reach")
        return board_of(store, board.window, board.limit, clock)

    async def scenario() -> None:
        nonlocal broken
        live = Live(store, read, clock)
        closing = anyio.Event()
        streams = [live.follow(Board(window, 10), closing) for window in ("day", "all")]
        for stream in streams:
            await next_board(stream)
        broken = True
        waiting = [asyncio.create_task(next_board(stream)) for stream in streams]
        store.mark("ann", "noodles")
        await asyncio.to_thread(settle, store)
        board = await asyncio.wait_for(waiting[1], 20)
        assert board["items"][0]["favorites"] == 1
        assert not waiting[0].done()
        broken = False
        board = await asyncio.wait_for(waiting[0], 20)
        assert board["items"][0]["favorites"] == 1
        await end(*streams)

    asyncio.run(scenario())


def test_a_stream_ends_when_the_service_does(store: AnyStore, clock: ManualClock) -> None:
    async def scenario() -> None:
        live = Live(store, lambda board: board_of(store, board.window, board.limit, clock), clock)
        closing = anyio.Event()
        stream = live.follow(Board("all", 10), closing)
        await next_board(stream)
        rest = asyncio.create_task(_drain(stream))
        closing.set()
        await asyncio.wait_for(rest, 20)

    asyncio.run(scenario())


async def _drain(stream: Any) -> None:
    async for _ in stream:
        pass


def test_the_current_day_changes_at_midnight(store: AnyStore, clock: ManualClock) -> None:
    def read(board: Board) -> dict[str, Any]:
        return board_of(store, board.window, board.limit, clock)

    async def scenario() -> None:
        stream = Live(store, read, clock).follow(Board("day", 10), anyio.Event())
        assert (await next_board(stream))["window"] == "2082-11-23"
        clock.move(hours=12)
        assert (await asyncio.wait_for(next_board(stream), 20))["window"] == "2082-11-24"
        await end(stream)

    asyncio.run(scenario())
