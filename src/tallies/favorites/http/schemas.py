"""The shapes of requests and answers, for checking and for the OpenAPI description."""

from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from tallies.core.windows import Window
from tallies.http.questions.descriptions import ID, TIME, windows
from tallies.stores.protocol import MAX_GROUPS

MAX_NOTE_BYTES = 4096


def _short(note: str | None) -> str | None:
    try:
        size = len((note or "").encode())
    except UnicodeEncodeError:
        raise ValueError("it holds half a surrogate pair, which is no text") from None
    if size > MAX_NOTE_BYTES:
        raise ValueError(f"it has {size} bytes, at most {MAX_NOTE_BYTES} are allowed")
    return note


WindowName = Annotated[str, Field(json_schema_extra=windows(Window, current=False))]
SpanName = Annotated[
    str, Field(description="A window or span by its name, its ends where it hangs on the clock.")
]
Id = Annotated[str, Field(json_schema_extra=ID)]
Time = Annotated[str, WithJsonSchema(TIME)]
Note = Annotated[
    str | None,
    AfterValidator(_short),
    Field(
        description=f"At most {MAX_NOTE_BYTES} bytes of UTF-8.",
        json_schema_extra={"maxLength": MAX_NOTE_BYTES},
    ),
]


class FavoriteFields(BaseModel):
    """What a user may say about a favorite. A favorite past `expires_at` is gone."""

    model_config = ConfigDict(extra="forbid", strict=True)
    note: Note = None
    expires_at: Annotated[Time | None, Field(description="A moment to come, RFC 3339.")] = None


class FavoriteAnswer(BaseModel):
    user_id: Id
    restaurant_id: Id
    created_at: Time
    note: str | None = None
    expires_at: Time | None = None


class FavoritePage(BaseModel):
    items: list[FavoriteAnswer]
    next: str | None


class TallyAnswer(BaseModel):
    restaurant_id: Id
    windows: dict[WindowName, int]


class Point(BaseModel):
    window: WindowName
    favorites: int


class HistoryAnswer(BaseModel):
    points: list[Point]


class Place(BaseModel):
    rank: int
    restaurant_id: Id
    favorites: int | float


class LeaderboardAnswer(BaseModel):
    window: SpanName
    items: list[Place]
    next: str | None


class RankAnswer(Place):
    window: SpanName
    of: int
    items: list[Place]


class TalliesAnswer(BaseModel):
    items: list[TallyAnswer]


Ids = Annotated[
    list[Id],
    Field(min_length=1, max_length=MAX_GROUPS, json_schema_extra={"uniqueItems": True}),
]


class AmongRestaurants(BaseModel):
    """The restaurants of the question, each once."""

    model_config = ConfigDict(extra="forbid", strict=True)
    among: Ids


class NameAnswer(BaseModel):
    name: str
    cuisine: str | None


class RestaurantAnswer(NameAnswer):
    restaurant_id: Id


class RestaurantsAnswer(BaseModel):
    items: list[RestaurantAnswer]


class CuisineAnswer(BaseModel):
    cuisine: str
    restaurants: int


class CuisinesAnswer(BaseModel):
    items: list[CuisineAnswer]


UserId = Annotated[
    str, Path(description="The user: 1 to 1,024 bytes of UTF-8.", json_schema_extra=ID)
]
RestaurantId = Annotated[
    str, Path(description="The restaurant: 1 to 1,024 bytes of UTF-8.", json_schema_extra=ID)
]
