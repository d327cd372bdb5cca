"""What the suite needs to know of a store. A new backend is one subclass and one fixture."""

from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta

from tallies.favorites.favorite import FavoritesStore


class ManualClock:
    """A clock that moves when a test says so."""

    def __init__(self) -> None:
        self.moment = datetime(2082, 11, 23, 14, 5, 6, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def move(self, **by: float) -> None:
        """Go on by a span, given like the arguments of `timedelta`."""
        self.moment += timedelta(**by)


class Backend(ABC):
    """A fresh store, and how to drive what runs beside it."""

    store: FavoritesStore
    clock: ManualClock

    @abstractmethod
    def settle(self) -> None:
        """Carry every written change into the tallies."""

    @abstractmethod
    def step(self, records: int) -> None:
        """Carry at most about so many change records into the tallies."""

    @abstractmethod
    def expire(self) -> None:
        """Do what removes rows past their expiry in this store."""

    @abstractmethod
    def plant(self, group: str, window: str, favorites: int) -> None:
        """Put a number into the tallies by hand, as a fault would."""

    @abstractmethod
    def poison(self, user: str, restaurant: str) -> None:
        """Put a row into the source that no tally can take in, as another program would."""

    @abstractmethod
    def again(self) -> "Backend":
        """A backend like this one with nothing in it, for the next random example."""
