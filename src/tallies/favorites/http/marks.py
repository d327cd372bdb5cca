"""Routes of users: their favorites."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, Security
from fastapi.security import HTTPBearer
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from tallies.core.errors import InvalidTime
from tallies.core.ids import check_id
from tallies.core.times import canonical_time, display_time, parse_time
from tallies.favorites.favorite import UNSET, Favorite, FavoritesStore, Unset
from tallies.favorites.http.metrics import FavoritesInstruments
from tallies.favorites.http.schemas import (
    AmongRestaurants,
    FavoriteAnswer,
    FavoriteFields,
    FavoritePage,
    Id,
    RestaurantId,
    UserId,
)
from tallies.http.questions.cursors import read_cursor, write_cursor
from tallies.http.questions.parameters import MAX_IDS, Cursor, Limit
from tallies.http.service.auth import Auth
from tallies.http.service.exact import ExactResponse
from tallies.http.service.problems import Refused, documented
from tallies.stores.clock import Clock
from tallies.stores.questions import check_groups

_ONE = "/users/{user_id:id}/favorites/{restaurant_id:id}"
_ALL = "/users/{user_id:id}/favorites"
_PAGE = 50


def shown(favorite: Favorite) -> dict[str, str]:
    """A favorite as readers get it."""
    fields = favorite._asdict()
    fields["created_at"] = display_time(favorite.created_at)
    if favorite.expires_at is not None:
        fields["expires_at"] = display_time(favorite.expires_at)
    return {name: value for name, value in fields.items() if value is not None}


def user_routes(
    store: FavoritesStore, auth: Auth, instruments: FavoritesInstruments, clock: Clock
) -> APIRouter:
    """The routes under `/users`."""
    signed_in = [401, 403] if auth.required else []
    guards = [Security(HTTPBearer(auto_error=False))] if auth.required else []
    router = APIRouter(
        tags=["favorites"], dependencies=guards, responses=documented(400, *signed_in, 503)
    )
    marked = {new: instruments.marks.labels("new" if new else "already") for new in (True, False)}
    unmarked = {was: instruments.unmarks.labels("done" if was else "none") for was in (True, False)}

    def admit(request: Request, user_id: str, restaurant_id: str | None = None) -> None:
        check_id(user_id, "user id")
        if restaurant_id is not None:
            check_id(restaurant_id, "restaurant id")
        auth.check(request, user_id)

    def expiry(text: str | None) -> str | None:
        if text is None:
            return None
        moment = parse_time(text)
        if moment <= clock():
            raise InvalidTime(f"expires_at is {text}, which is past; name a moment to come.")
        return canonical_time(moment)

    @router.put(
        _ONE,
        response_model=FavoriteAnswer,
        responses={
            201: {"model": FavoriteAnswer, "description": "It is new."},
            **documented(413, 507),
        },
    )
    def put(
        request: Request,
        user_id: UserId,
        restaurant_id: RestaurantId,
        fields: FavoriteFields | None = None,
    ) -> Response:
        """Favorite a restaurant. With a body, note and expiry become exactly what it says."""
        admit(request, user_id, restaurant_id)
        if fields is None:
            favorite, new = store.mark(user_id, restaurant_id)
        else:
            favorite, new = store.put(
                user_id, restaurant_id, note=fields.note, expires_at=expiry(fields.expires_at)
            )
        marked[new].inc()
        return ExactResponse(shown(favorite), 201 if new else 200)

    @router.patch(_ONE, response_model=FavoriteAnswer, responses=documented(404, 413, 507))
    def patch(
        request: Request, user_id: UserId, restaurant_id: RestaurantId, fields: FavoriteFields
    ) -> Response:
        """Change the given fields; null removes one."""
        admit(request, user_id, restaurant_id)
        given = fields.model_fields_set
        note: str | Unset | None = fields.note if "note" in given else UNSET
        until: str | Unset | None = UNSET
        if "expires_at" in given:
            until = expiry(fields.expires_at)
        favorite = store.update(user_id, restaurant_id, note=note, expires_at=until)
        return ExactResponse(shown(_existing(favorite)))

    @router.delete(_ONE, status_code=204)
    def delete(request: Request, user_id: UserId, restaurant_id: RestaurantId) -> Response:
        """Remove the favorite, if it exists."""
        admit(request, user_id, restaurant_id)
        unmarked[store.unmark(user_id, restaurant_id)].inc()
        return Response(status_code=204)

    @router.get(_ONE, response_model=FavoriteAnswer, responses=documented(404))
    def get(request: Request, user_id: UserId, restaurant_id: RestaurantId) -> Response:
        """Whether the user has favorited the restaurant."""
        admit(request, user_id, restaurant_id)
        return ExactResponse(shown(_existing(store.get(user_id, restaurant_id))))

    def those_among(user_id: str, ids: list[str]) -> Response:
        for id_ in ids:
            check_id(id_, "restaurant id")
        check_groups(ids, what="restaurant id")
        found = store.favorites_among(user_id, ids)
        return ExactResponse({"items": [shown(favorite) for favorite in found], "next": None})

    @router.get(_ALL, response_model=FavoritePage)
    def favorites_of(
        request: Request,
        user_id: UserId,
        limit: Limit = _PAGE,
        cursor: Cursor = None,
        ids: Annotated[
            Annotated[list[Id], Field(max_length=MAX_IDS, json_schema_extra={"uniqueItems": True})]
            | SkipJsonSchema[None],
            Query(alias="id", description="Only those of these restaurants."),
        ] = None,
    ) -> Response:
        """A user's favorites, newest first."""
        admit(request, user_id)
        about = f"favorites of {user_id}"
        after = read_cursor(cursor, about, (str, str))
        if ids is not None:
            return those_among(user_id, ids)
        # One more than asked for tells whether there is a next page.
        found = store.favorites_of(
            user_id, limit + 1, None if after is None else (str(after[0]), str(after[1]))
        )
        items, more = found[:limit], len(found) > limit
        last = items[-1] if more else None
        return ExactResponse(
            {
                "items": [shown(favorite) for favorite in items],
                "next": last and write_cursor(about, (last.created_at, last.restaurant_id)),
            }
        )

    @router.post(_ALL, response_model=FavoritePage, responses=documented(413))
    def favorites_among(request: Request, user_id: UserId, body: AmongRestaurants) -> Response:
        """Those of up to 1,000 restaurants that are the user's favorites, newest first."""
        admit(request, user_id)
        return those_among(user_id, body.among)

    return router


def _existing(favorite: Favorite | None) -> Favorite:
    if favorite is None:
        raise Refused(404, "The user has not favorited this restaurant.", "no-favorite")
    return favorite
