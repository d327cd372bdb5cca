"""What the side-by-side benchmark asks of each store."""

from typing import Protocol


class Missing(Exception):
    """A peer is not installed here. The sentence says which, and what would bring it."""


class Peer(Protocol):
    """A store of favorites with leaderboards, with one client."""

    def mark(self, user_id: str, restaurant_id: str, created_at: str) -> None:
        """Favorite a restaurant; returns when the store has it."""

    def settle(self) -> None:
        """Returns when every mark is in the leaderboards."""

    def top(self, limit: int) -> list[tuple[str, int]]:
        """The restaurants with the most favorites of all time."""
