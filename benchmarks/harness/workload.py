"""The work: marks of restaurants whose popularity follows Zipf's law, the same in every run."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random

from tallies.core.times import canonical_time
from tallies.favorites.favorite import Event

RESTAURANTS = 10_000
LAST_DAY = datetime(2026, 11, 23, tzinfo=UTC)
_ODD = 2_654_435_761  # multiplied modulo 2**32 it visits every number once, in scattered order
_CHUNK = 10_000


def user(number: int) -> str:
    """A user of their own for each number, not in the order of the alphabet."""
    return f"user-{number * _ODD % 2**32:08x}"


def zipf_restaurants(count: int, restaurants: int = RESTAURANTS, seed: int = 1) -> Iterator[str]:
    """Restaurant ids; the one of rank k comes up in proportion to 1/k."""
    random = Random(seed)
    ids = [f"restaurant-{number:07d}" for number in range(restaurants)]
    random.shuffle(ids)
    weights = list(accumulate(1 / rank for rank in range(1, restaurants + 1)))
    while count > 0:
        yield from random.choices(ids, cum_weights=weights, k=min(count, _CHUNK))
        count -= _CHUNK


def marks(
    count: int, *, days: float, restaurants: int = RESTAURANTS, seed: int = 1, first_user: int = 0
) -> Iterator[Event]:
    """Marks in the order of time, spread evenly over the last `days`; none is a repeat."""
    step = timedelta(days=days) / count
    start = LAST_DAY + timedelta(days=1) - timedelta(days=days)
    for number, restaurant in enumerate(zipf_restaurants(count, restaurants, seed)):
        yield Event(user(first_user + number), restaurant, canonical_time(start + step * number))
