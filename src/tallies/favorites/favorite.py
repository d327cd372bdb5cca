"""A favorite, an event that makes or removes one, and the five operations of their table."""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Literal, NamedTuple, Protocol

from tallies.stores.protocol import Store


class Unset(Enum):
    """The value of a field that a partial update leaves alone (None removes it)."""

    UNSET = "unset"


UNSET = Unset.UNSET


class Favorite(NamedTuple):
    """A row of the source: user U favorited restaurant R. Times are canonical RFC 3339 in UTC."""

    user_id: str
    restaurant_id: str
    created_at: str
    note: str | None = None
    expires_at: str | None = None


class Event(NamedTuple):
    """One line of a log of marks and unmarks, its time in canonical form."""

    user_id: str
    restaurant_id: str
    created_at: str
    op: Literal["mark", "unmark"] = "mark"


class Favorites(Protocol):
    """The source: a key-value table of favorites. Ids have been checked by the caller."""

    def mark(
        self, user_id: str, restaurant_id: str, *, created_at: str | None = None
    ) -> tuple[Favorite, bool]:
        """Favorite a restaurant: the row, and whether it is new. An existing row stays as it is.

        `created_at` is canonical; the present moment when None.
        """

    def put(
        self, user_id: str, restaurant_id: str, *, note: str | None, expires_at: str | None
    ) -> tuple[Favorite, bool]:
        """Like `mark`, and the row's note and expiry become exactly these."""

    def get(self, user_id: str, restaurant_id: str) -> Favorite | None:
        """The row; None when there is none or it is past its expiry."""

    def update(
        self,
        user_id: str,
        restaurant_id: str,
        *,
        note: str | Unset | None = UNSET,
        expires_at: str | Unset | None = UNSET,
    ) -> Favorite | None:
        """Change only the given fields; None when there is no such row."""

    def unmark(self, user_id: str, restaurant_id: str) -> bool:
        """Remove the row. Whether there was one."""

    def favorites_of(
        self, user_id: str, limit: int, after: tuple[str, str] | None = None
    ) -> list[Favorite]:
        """A user's rows, newest first (then by restaurant id), after (created_at, restaurant)."""

    def favorites_among(self, user_id: str, restaurant_ids: Sequence[str]) -> list[Favorite]:
        """The user's rows of these restaurants (all different), in the order of `favorites_of`."""

    def load(self, events: Iterable[Event]) -> Iterator[int]:
        """Apply events in their order; yields after each part how many have been applied so far."""


class FavoritesStore(Favorites, Store, Protocol):
    """A store whose source is the table of favorites."""

    @property
    def favorites_table(self) -> str:
        """The name of that table."""
