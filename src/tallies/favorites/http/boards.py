"""Routes that anyone may read: tallies, histories, leaderboards of restaurants."""

from typing import Annotated, Literal

import anyio
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from tallies.core import naming
from tallies.core.ids import check_id
from tallies.core.windows import Window
from tallies.favorites.http.schemas import (
    AmongRestaurants,
    HistoryAnswer,
    Id,
    Ids,
    LeaderboardAnswer,
    RankAnswer,
    RestaurantId,
    TalliesAnswer,
    TallyAnswer,
)
from tallies.http.questions.answers import Content, by_names, leaderboard, order_among, place_of
from tallies.http.questions.descriptions import Schema, spans, windows
from tallies.http.questions.live import Board, Live, followed
from tallies.http.questions.parameters import (
    MAX_IDS,
    Cursor,
    Limit,
    LiveLimit,
    Offset,
    live_documented,
)
from tallies.http.service.caching import REVALIDATED, Memory, revalidated
from tallies.http.service.exact import ExactResponse
from tallies.http.service.problems import Refused, documented
from tallies.stores.clock import Clock
from tallies.stores.protocol import Store
from tallies.stores.questions import MAX_AROUND, check_groups


def board_of(store: Store, window: str, limit: int, clock: Clock) -> Content:
    """The first page of a leaderboard of restaurants, as these routes answer it."""
    span = naming.ranked_span(store.of, window, clock())
    return leaderboard(store, span, limit, naming=by_names)


def board_routes(store: Store, live: Live | None, clock: Clock, memory: Memory) -> APIRouter:
    """The routes under `/restaurants` and `/leaderboards`.

    Without `live` no leaderboard can be followed.
    """
    router = APIRouter(tags=["tallies"], responses=documented(400, 503))

    def describe_board(schema: Schema) -> None:
        schema |= spans([store.of])

    def describe_windows(schema: Schema) -> None:
        schema["items"] = {"type": "string", **windows(store.of.windows, current=True)}

    Name = Annotated[  # noqa: N806 - a type
        str,
        Path(
            description="all, month, day (the current ones), one like 2026-11, a span like"
            " 2026-11-01..2026-11-15 or last-7-days, or trending."
        ),
        Field(json_schema_extra=describe_board),
    ]
    End = Annotated[  # noqa: N806 - a type
        str | SkipJsonSchema[None],
        Field(json_schema_extra=windows((Window.DAY, Window.MONTH), current=False)),
    ]
    Windows = Annotated[  # noqa: N806 - a type
        list[str], Field(min_length=1, max_length=100, json_schema_extra=describe_windows)
    ]

    class WantedTallies(BaseModel):
        """The restaurants whose tallies are asked for, each once, and the windows: the current
        ones unless they are named."""

        model_config = ConfigDict(extra="forbid", strict=True)
        ids: Ids
        windows: Windows = Field(default_factory=list)

    def checked(ids: list[str], names: list[str] | None) -> list[str]:
        """Check the ids of a question; return the windows that it asks for."""
        for id_ in ids:
            check_id(id_, "restaurant id")
        now = clock()
        of = store.of
        found = naming.kept_windows(of, names, now) if names else naming.current_windows(of, now)
        check_groups(ids, len(found), "restaurant id")
        return found

    def tallies_of(ids: list[str], names: list[str]) -> Content:
        of = store.of
        found = store.many(ids, names)
        return {"items": [{**by_names(of, id_), "windows": found[id_]} for id_ in ids]}

    @router.get(
        "/restaurants/{restaurant_id:id}/tally", response_model=TallyAnswer, responses=REVALIDATED
    )
    def tally(request: Request, restaurant_id: RestaurantId) -> Response:
        """Favorites of a restaurant: all time, this month, today."""
        check_id(restaurant_id, "restaurant id")
        now = naming.current_windows(store.of, clock())

        def read() -> object:
            return {"restaurant_id": restaurant_id, "windows": store.tally(restaurant_id, now)}

        return revalidated(request, memory.answer(("tally", restaurant_id, *now), read))

    @router.get("/restaurants/tallies", response_model=TalliesAnswer, responses=REVALIDATED)
    def some(
        request: Request,
        ids: Annotated[
            list[Id],
            Query(alias="id", min_length=1, max_length=MAX_IDS),
            Field(json_schema_extra={"uniqueItems": True}),
        ],
        names: Annotated[Windows | SkipJsonSchema[None], Query(alias="window")] = None,
    ) -> Response:
        """Favorites of several restaurants, in the order asked for; those of none too."""
        wanted = checked(ids, names)
        key = ("tallies", tuple(ids), tuple(wanted))
        return revalidated(request, memory.answer(key, lambda: tallies_of(ids, wanted)))

    @router.post("/restaurants/tallies", response_model=TalliesAnswer, responses=documented(413))
    def many(wanted: WantedTallies) -> Response:
        """The same for up to 1,000 restaurants."""
        return ExactResponse(tallies_of(wanted.ids, checked(wanted.ids, wanted.windows)))

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
        kind, names = naming.stretch(store.of, by, first, last, clock())

        def read() -> object:
            found = dict(store.history(restaurant_id, kind, names[0], names[-1]))
            points = [{"window": name, "favorites": found.get(name, 0)} for name in names]
            return {"points": points}

        key = ("history", restaurant_id, kind, names[0], names[-1])
        return revalidated(request, memory.answer(key, read))

    @router.get(
        "/leaderboards/{window:id}", response_model=LeaderboardAnswer, responses=REVALIDATED
    )
    def board(
        request: Request,
        window: Name,
        limit: Limit = 10,
        cursor: Cursor = None,
        offset: Offset = 0,
    ) -> Response:
        """Restaurants by favorites, most first, ties by id."""
        span = naming.ranked_span(store.of, window, clock())

        def read() -> object:
            return leaderboard(store, span, limit, cursor=cursor, offset=offset, naming=by_names)

        return revalidated(
            request, memory.answer(("leaderboard", span, limit, cursor, offset), read)
        )

    @router.post(
        "/leaderboards/{window:id}", response_model=LeaderboardAnswer, responses=documented(413)
    )
    def among(window: Name, body: AmongRestaurants) -> Response:
        """Those of up to 1,000 restaurants that are on the leaderboard, in its order."""
        span = naming.ranked_span(store.of, window, clock())
        for id_ in body.among:
            check_id(id_, "restaurant id")
        return ExactResponse(order_among(store, span, body.among, naming=by_names))

    @router.get(
        "/leaderboards/{window:id}/ranks/{restaurant_id:id}",
        response_model=RankAnswer,
        responses={**REVALIDATED, **documented(404)},
    )
    def rank(
        request: Request,
        window: Name,
        restaurant_id: RestaurantId,
        around: Annotated[int, Query(ge=0, le=MAX_AROUND)] = 5,
    ) -> Response:
        """The place of a restaurant in the order that pages have, and its neighbours."""
        check_id(restaurant_id, "restaurant id")
        span = naming.ranked_span(store.of, window, clock())

        def read() -> object:
            found = place_of(store, span, restaurant_id, around, naming=by_names)
            if found is None:
                raise Refused(404, "The restaurant is not on this leaderboard.", "no-place")
            return found

        return revalidated(request, memory.answer(("rank", span, restaurant_id, around), read))

    if live is None:
        return router

    from sse_starlette import EventSourceResponse  # slow to load, and not needed without `live`

    @router.get(
        "/leaderboards/{window:id}/live",
        response_class=EventSourceResponse,
        responses=live_documented(),
    )
    async def follow(window: Name, limit: LiveLimit = 10) -> EventSourceResponse:
        """The same as server-sent events, sent whenever it changes."""
        await anyio.to_thread.run_sync(naming.ranked_span, store.of, window, clock())
        return followed(live, Board(window, limit))

    return router
