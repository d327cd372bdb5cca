"""What the side-by-side benchmark asks of each store."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from benchmarks.harness.board_rows import BoardRow


class Missing(Exception):
    """A peer is not installed here. The sentence says which, and what would bring it."""


class Place(NamedTuple):
    """Where a group stands on a leaderboard, beginning with 1, and of how many."""

    rank: int
    of: int


class Peer(Protocol):
    """A store of favorites with leaderboards, with one client."""

    def mark(self, user_id: str, restaurant_id: str, created_at: str) -> None:
        """Favorite a restaurant; returns when the store has it."""

    def settle(self) -> None:
        """Returns when every mark is in the leaderboards."""

    def top(self, limit: int) -> list[tuple[str, int]]:
        """The restaurants with the most favorites of all time."""

    def fill(self, rows: Iterable[BoardRow]) -> None:
        """Take in rows as they are, in place of everything that is there."""

    def many(self, groups: Sequence[str], windows: Sequence[str]) -> dict[str, list[int]]:
        """The favorites of some restaurants in each of the windows, zeros included."""

    def place(self, group: str) -> Place:
        """The place of a restaurant among all by favorites of all time, as each breaks ties."""
