"""The routes under `/tallies`: what a store keeps, and the questions to each tally by its name.

Group values are in queries and bodies, never in paths, so that none can collide with a route.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, Path, Query, Request, Response, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from tallies.core import naming
from tallies.core.tally import Tally
from tallies.http.questions import descriptions
from tallies.http.questions.answers import (
    Content,
    by_names_and_values,
    description,
    history_of,
    leaderboard,
    order_among,
    place_of,
    tallies_of,
)
from tallies.http.questions.descriptions import Schema
from tallies.http.questions.live import Board, Live, followed
from tallies.http.questions.parameters import Cursor, Limit, LiveLimit, Offset, live_documented
from tallies.http.questions.schemas import (
    HistoryAnswer,
    LeaderboardAnswer,
    ManyAnswer,
    RankAnswer,
    TalliesAnswer,
    TallyAnswer,
)
from tallies.http.service.auth import Auth
from tallies.http.service.caching import REVALIDATED, Memory, as_answer, revalidated
from tallies.http.service.exact import ExactResponse
from tallies.http.service.metrics import Instruments
from tallies.http.service.problems import AnswersProblems, Refused, documented
from tallies.stores.clock import Clock
from tallies.stores.protocol import MAX_GROUPS, Store, Tallies
from tallies.stores.questions import MAX_AROUND, check_groups


def leaderboard_of(
    tallies: Tallies,
    window: str,
    limit: int,
    clock: Clock,
    cursor: str | None = None,
    offset: int = 0,
) -> Content:
    """A page of a tally's leaderboard, as these routes answer it."""
    span = naming.ranked_span(tallies.of, window, clock())
    return leaderboard(
        tallies, span, limit, cursor=cursor, offset=offset, naming=by_names_and_values
    )


def tally_routes(
    store: Store, auth: Auth, live: Live | None, clock: Clock, memory: Memory, metrics: Instruments
) -> APIRouter:
    """The routes. Where sign-in is required they need a valid token.

    Without `live` no leaderboard can be followed.
    """

    def admit(request: Request) -> None:
        auth.admit(request)

    guards = [Depends(admit), Security(HTTPBearer(auto_error=False))] if auth.required else []
    signed_in = [401] if auth.required else []
    router = APIRouter(
        prefix="/tallies",
        tags=["tallies"],
        route_class=AnswersProblems,
        dependencies=guards,
        responses=documented(400, *signed_in, 503),
    )

    def described(by: Callable[[Sequence[Tally]], Schema]) -> Callable[[Schema], None]:
        """Describes a parameter by the tallies that there are when the document is made."""

        def describe(schema: Schema) -> None:
            schema |= by([tallies.of for tallies in store.tallies().values()])

        return describe

    Values = Annotated[list[str], Field(json_schema_extra=described(descriptions.groups))]  # noqa: N806 - a type
    ListOfGroups = Annotated[  # noqa: N806 - a type
        list[Values],
        Field(min_length=1, max_length=MAX_GROUPS, json_schema_extra={"uniqueItems": True}),
    ]

    class Among(BaseModel):
        """The groups that are to be ordered: the values of each, in the order declared."""

        model_config = ConfigDict(extra="forbid", strict=True)
        among: ListOfGroups

    class Wanted(BaseModel):
        """The groups whose tallies are asked for; the windows, the current ones unless given."""

        model_config = ConfigDict(extra="forbid", strict=True)
        groups: ListOfGroups
        windows: Annotated[
            list[str],
            Field(
                default_factory=list,
                min_length=1,
                max_length=100,
                json_schema_extra=described(descriptions.kept_windows),
            ),
        ]

    Name = Annotated[  # noqa: N806 - a type
        str,
        Path(description="The tally's name."),
        Field(json_schema_extra=described(descriptions.names)),
    ]
    Group = Annotated[  # noqa: N806 - a type
        list[str],
        Query(
            alias="group",
            description="One value for each attribute of the group, in the order declared.",
            default_factory=list,
        ),
        Field(json_schema_extra=described(descriptions.groups)),
    ]
    WindowName = Annotated[  # noqa: N806 - a type
        str,
        Path(
            description="A window (all, 2026-11), the current one of a kind (month), or a span"
            " (2026-11-01..2026-11-15, last-7-days, trending)."
        ),
        Field(json_schema_extra=described(descriptions.spans)),
    ]
    End = Annotated[  # noqa: N806 - a type
        str | SkipJsonSchema[None], Field(json_schema_extra=described(descriptions.dated_windows))
    ]
    By = Annotated[  # noqa: N806 - a type
        naming.By | SkipJsonSchema[None],
        Field(json_schema_extra=described(descriptions.dated_kinds)),
    ]

    def asked(name: str, question: str) -> Tallies:
        found = store.reading(name)
        metrics.questions.labels(name, question).inc()
        return found

    def answer(
        request: Request, name: str, question: str, key: Sequence[object], read: Any
    ) -> Response:
        answer = memory.answer((name, question, *key), read)
        return revalidated(request, answer, private=auth.required)

    @router.get("", response_model=TalliesAnswer, responses=REVALIDATED)
    def kept(request: Request) -> Response:
        """The tallies that the store keeps."""
        found = [description(name, each.of) for name, each in store.tallies().items()]
        answer = as_answer({"source": store.source, "items": found})
        return revalidated(request, answer, private=auth.required)

    @router.get(
        "/{name}/tally", response_model=TallyAnswer, responses={**REVALIDATED, **documented(404)}
    )
    def tally(request: Request, name: Name, values: Group) -> Response:
        """The measures of a group in the windows that hold now."""
        tallies = asked(name, "tally")
        of = tallies.of
        group = naming.group_of(of, values)
        now = naming.current_windows(of, clock())
        return answer(
            request,
            name,
            "tally",
            (group, *now),
            lambda: tallies_of(tallies, [group], now)[0],
        )

    @router.post("/{name}/tallies", response_model=ManyAnswer, responses=documented(404, 413))
    def many(name: Name, wanted: Wanted) -> Response:
        """The measures of many groups, in the order asked for."""
        tallies = asked(name, "many")
        of = tallies.of
        groups = naming.groups_of(of, wanted.groups)
        now = clock()
        names = (
            naming.kept_windows(of, wanted.windows, now)
            if wanted.windows
            else naming.current_windows(of, now)
        )
        check_groups(groups, len(names), "group")
        return ExactResponse({"items": tallies_of(tallies, groups, names)})

    @router.get(
        "/{name}/history",
        response_model=HistoryAnswer,
        responses={**REVALIDATED, **documented(404)},
    )
    def history(
        request: Request,
        name: Name,
        values: Group,
        by: By = None,
        first: Annotated[End, Query(alias="from", description="First window.")] = None,
        last: Annotated[End, Query(alias="to", description="Last window.")] = None,
    ) -> Response:
        """The measures of a group window by window, those without rows too."""
        tallies = asked(name, "history")
        of = tallies.of
        group = naming.group_of(of, values)
        kind, names = naming.stretch(of, by, first, last, clock())

        return answer(
            request,
            name,
            "history",
            (group, kind, names[0], names[-1]),
            lambda: history_of(tallies, group, kind, names),
        )

    @router.get(
        "/{name}/leaderboards/{window:id}",
        response_model=LeaderboardAnswer,
        responses={**REVALIDATED, **documented(404)},
    )
    def board(
        request: Request,
        name: Name,
        window: WindowName,
        limit: Limit = 10,
        cursor: Cursor = None,
        offset: Offset = 0,
    ) -> Response:
        """Groups by the measure that the tally is ranked by, most first, ties by group."""
        tallies = asked(name, "leaderboard")
        span = naming.ranked_span(tallies.of, window, clock())
        return answer(
            request,
            name,
            "leaderboard",
            (span, limit, cursor, offset),
            lambda: leaderboard_of(tallies, window, limit, clock, cursor, offset),
        )

    @router.post(
        "/{name}/leaderboards/{window:id}",
        response_model=LeaderboardAnswer,
        responses=documented(404, 413),
    )
    def among(name: Name, window: WindowName, body: Among) -> Response:
        """Those of the groups that are on the leaderboard, in its order."""
        tallies = asked(name, "among")
        of = tallies.of
        span = naming.ranked_span(of, window, clock())
        groups = naming.groups_of(of, body.among)
        return ExactResponse(order_among(tallies, span, groups, naming=by_names_and_values))

    @router.get(
        "/{name}/leaderboards/{window:id}/rank",
        response_model=RankAnswer,
        responses={**REVALIDATED, **documented(404)},
    )
    def rank(
        request: Request,
        name: Name,
        window: WindowName,
        values: Group,
        around: Annotated[int, Query(ge=0, le=MAX_AROUND)] = 5,
    ) -> Response:
        """The place of a group, in the order that pages have, and its neighbours."""
        tallies = asked(name, "rank")
        of = tallies.of
        span = naming.ranked_span(of, window, clock())
        group = naming.group_of(of, values)

        def read() -> Content:
            found = place_of(tallies, span, group, around, naming=by_names_and_values)
            if found is None:
                raise Refused(404, "The group is not on this leaderboard.", "no-place")
            return found

        return answer(request, name, "rank", (span, group, around), read)

    if live is None:
        return router

    from sse_starlette import EventSourceResponse  # slow to load, and not needed without `live`

    @router.get(
        "/{name}/leaderboards/{window:id}/live",
        response_class=EventSourceResponse,
        responses={**live_documented(), **documented(404)},
    )
    async def follow(name: Name, window: WindowName, limit: LiveLimit = 10) -> EventSourceResponse:
        """The leaderboard as server-sent events, sent whenever it changes."""
        await anyio.to_thread.run_sync(
            lambda: naming.ranked_span(asked(name, "live").of, window, clock())
        )
        return followed(live, Board(window, limit, name))

    return router
