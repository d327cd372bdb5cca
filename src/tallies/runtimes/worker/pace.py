"""Pace: how long to pause before asking again a shard that had nothing."""

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 1.0
"""A quiet table costs one request a second and shard: 2.6 million a month."""
GROWTH = 1.5


class Pace:
    """Pauses that grow while nothing comes, and begin anew when something does."""

    def __init__(self, first: float = FIRST_SECONDS, longest: float = LONGEST_SECONDS) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def news(self) -> None:
        """Something came."""
        self._next = self._first

    def pause(self) -> float:
        """Seconds to wait now."""
        now = self._next
        self._next = min(now * GROWTH, self._longest)
        return now
