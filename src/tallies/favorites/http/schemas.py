"""The shapes of requests and answers, for checking and for the OpenAPI description."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict

from tallies.stores.protocol import MAX_PAGE

MAX_NOTE_BYTES = 4096


def _short(note: str | None) -> str | None:
    try:
        size = len((note or "").encode())
    except UnicodeEncodeError:
        raise ValueError("it holds half a surrogate pair, which is no text") from None
    if size > MAX_NOTE_BYTES:
        raise ValueError(f"it has {size} bytes, at most {MAX_NOTE_BYTES} are allowed")
    return note


Note = Annotated[str | None, AfterValidator(_short)]


class FavoriteFields(BaseModel):
    """What a user may say about a favorite. A favorite past `expires_at` is gone."""

    model_config = ConfigDict(extra="forbid", strict=True)
    note: Note = None
    expires_at: str | None = None


class FavoriteAnswer(BaseModel):
    user_id: str
    restaurant_id: str
    created_at: str
    note: str | None = None
    expires_at: str | None = None


class FavoritePage(BaseModel):
    items: list[FavoriteAnswer]
    next: str | None


class TallyAnswer(BaseModel):
    restaurant_id: str
    windows: dict[str, int]


class Point(BaseModel):
    window: str
    favorites: int


class HistoryAnswer(BaseModel):
    points: list[Point]


class Place(BaseModel):
    rank: int
    restaurant_id: str
    favorites: int


class LeaderboardAnswer(BaseModel):
    window: str
    items: list[Place]
    next: str | None


class NameAnswer(BaseModel):
    name: str
    cuisine: str | None


class RestaurantAnswer(NameAnswer):
    restaurant_id: str


class RestaurantsAnswer(BaseModel):
    items: list[RestaurantAnswer]


class HealthAnswer(BaseModel):
    status: str
    lag_records: int | None
    lag_seconds: float | None
    notice: str | None = None


UserId = Annotated[str, Path(description="The user: 1 to 1,024 bytes of UTF-8.")]
RestaurantId = Annotated[str, Path(description="The restaurant: 1 to 1,024 bytes of UTF-8.")]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
Cursor = Annotated[str | None, Query(max_length=8192, description="`next` of the page before.")]
