"""Routes that all may read: tallies, histories, leaderboards."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import anyio
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from sse_starlette import EventSourceResponse

from tallies.core.errors import InvalidInput, UnknownWindow
from tallies.core.ids import check_id
from tallies.core.tally import Tally
from tallies.core.windows import (
    NamedWindow,
    Window,
    find_window,
    parse_window,
    window_name,
    windows_between,
)
from tallies.favorites.http.schemas import (
    Cursor,
    HistoryAnswer,
    LeaderboardAnswer,
    Limit,
    RestaurantId,
    TallyAnswer,
)
from tallies.http.caching import REVALIDATED, Memory, revalidated
from tallies.http.cursors import read_cursor, write_cursor
from tallies.http.descriptions import Schema, windows
from tallies.http.live import Live
from tallies.http.problems import documented
from tallies.stores.protocol import Clock, Ranked, Store

MAX_POINTS = 1000
PING_SECONDS = 15
GRACE_SECONDS = 2
_DEFAULT_SPAN = {Window.DAY: timedelta(days=29), Window.MONTH: timedelta(days=335)}


def ranked_window(store: Store, name: str, now: datetime) -> NamedWindow:
    """The window of a leaderboard.

    Raises:
        UnknownWindow: it names no window, or one without a leaderboard.
    """
    tally = store.of
    window = find_window(name, _local(tally, now))
    if window.kind not in tally.ranked:
        kinds = ", ".join(tally.ranked) or "none"
        raise UnknownWindow(
            f"There is no leaderboard by {window.kind}; use {kinds}, or one like 2026-11."
        )
    return window


def leaderboard(store: Store, window: str, limit: int, cursor: str | None = None) -> dict[str, Any]:
    """A page of a leaderboard; ranks go on from page to page."""
    about = f"leaderboard {window}"
    after = read_cursor(cursor, about, (int, int, str))
    rank = int(after[0]) if after else 0
    before = Ranked(str(after[2]), int(after[1])) if after else None
    found = store.leaderboard(window, limit + 1, before)
    items = [
        {"rank": rank + place, "restaurant_id": line.group, "favorites": line.amount}
        for place, line in enumerate(found[:limit], 1)
    ]
    last = found[limit - 1] if len(found) > limit else None
    following = last and write_cursor(about, (rank + limit, int(last.amount), last.group))
    return {"window": window, "items": items, "next": following}


def board_routes(store: Store, live: Live, clock: Clock, memory: Memory) -> APIRouter:
    """The routes under `/restaurants` and `/leaderboards`."""
    router = APIRouter(tags=["tallies"], responses=documented(400, 503))

    def describe(schema: Schema) -> None:
        schema |= windows(store.of.ranked, current=True)

    Board = Annotated[  # noqa: N806 - a type
        str,
        Path(description="A window that is ranked, by its name; or the current one of a kind."),
        Field(json_schema_extra=describe),
    ]
    End = Annotated[  # noqa: N806 - a type
        str | SkipJsonSchema[None],
        Field(json_schema_extra=windows(_DEFAULT_SPAN, current=False)),
    ]

    @router.get(
        "/restaurants/{restaurant_id:id}/tally", response_model=TallyAnswer, responses=REVALIDATED
    )
    def tally(request: Request, restaurant_id: RestaurantId) -> Response:
        """Favorites of a restaurant: all time, this month, today."""
        check_id(restaurant_id, "restaurant id")
        of = store.of
        now = _local(of, clock())
        windows = [window_name(kind, now) for kind in of.windows]

        def read() -> object:
            found = store.tally(restaurant_id, windows)
            return {"restaurant_id": restaurant_id, "windows": found}

        return revalidated(request, memory.answer(("tally", restaurant_id, *windows), read))

    @router.get(
        "/restaurants/{restaurant_id:id}/history",
        response_model=HistoryAnswer,
        responses=REVALIDATED,
    )
    def history(
        request: Request,
        restaurant_id: RestaurantId,
        by: Literal["day", "month"] = "day",
        first: Annotated[End, Query(alias="from", description="First window.")] = None,
        last: Annotated[End, Query(alias="to", description="Last window.")] = None,
    ) -> Response:
        """Favorites of a restaurant by day or month; the last 30 days or 12 months by default."""
        check_id(restaurant_id, "restaurant id")
        kind = Window(by)
        end = _of_kind(last, kind) or find_window(kind, _local(store.of, clock()))
        start = _of_kind(first, kind) or _back(end, kind)
        names = list(islice(windows_between(start, end), MAX_POINTS + 1))
        if not names:
            raise InvalidInput(f"from {start.name} comes after to {end.name}; swap them.")
        if len(names) > MAX_POINTS:
            raise InvalidInput(f"The span has more than {MAX_POINTS} points; ask for less.")

        def read() -> object:
            found = dict(store.history(restaurant_id, kind, start.name, end.name))
            points = [{"window": name, "favorites": found.get(name, 0)} for name in names]
            return {"points": points}

        key = ("history", restaurant_id, kind, start.name, end.name)
        return revalidated(request, memory.answer(key, read))

    @router.get(
        "/leaderboards/{window:id}", response_model=LeaderboardAnswer, responses=REVALIDATED
    )
    def board(
        request: Request, window: Board, limit: Limit = 10, cursor: Cursor = None
    ) -> Response:
        """Restaurants by favorites, most first, ties by id. Window: all, month, day, 2026-11, …"""
        name = ranked_window(store, window, clock()).name
        key = ("leaderboard", name, limit, cursor)
        answer = memory.answer(key, lambda: leaderboard(store, name, limit, cursor))
        return revalidated(request, answer)

    @router.get(
        "/leaderboards/{window:id}/live",
        response_class=EventSourceResponse,
        responses={
            200: {
                "content": {"text/event-stream": {}},
                "description": "A leaderboard whenever it changes; events `status` tell the lag.",
            }
        },
    )
    async def follow(
        window: Board, limit: Annotated[int, Query(ge=1, le=100)] = 10
    ) -> EventSourceResponse:
        """The same as server-sent events, sent whenever it changes."""
        ranked_window(store, window, clock())
        closing = anyio.Event()
        return EventSourceResponse(
            live.follow(window, limit, closing),
            ping=PING_SECONDS,
            shutdown_event=closing,
            shutdown_grace_period=GRACE_SECONDS,
        )

    return router


def _local(tally: Tally, now: datetime) -> datetime:
    return now.astimezone(UTC if tally.zone == "UTC" else ZoneInfo(tally.zone))


def _of_kind(name: str | None, kind: Window) -> NamedWindow | None:
    if name is None:
        return None
    window = parse_window(name)
    if window.kind != kind:
        raise UnknownWindow(f"{name!r} is no {kind}; from and to name windows of that kind.")
    return window


def _back(end: NamedWindow, kind: Window) -> NamedWindow:
    assert end.start is not None  # noqa: S101 - only `all` has no start
    try:
        return parse_window(window_name(kind, end.start - _DEFAULT_SPAN[kind]))
    except OverflowError:
        return end
