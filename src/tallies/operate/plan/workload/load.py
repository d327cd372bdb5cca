"""The load: what comes in a day, and how it spreads over restaurants and hours."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from math import cos, exp, pi

from tallies.core.errors import InvalidInput
from tallies.core.windows import Window
from tallies.favorites.favorite import Event

HOURS = 24
DAYS_OF_A_MONTH = 365 / 12
SECONDS_OF_A_DAY = 86_400
MAX_WRITES = 1e12
_LIMITS = {
    "writes_a_day": (1e-3, MAX_WRITES),
    "removals": (0, 0.5),
    "restaurants": (1, 1e9),
    "skew": (0, 3),
    "peak": (1, HOURS),
    "favorites": (0, 1e15),
    "item_bytes": (50, 400_000),
    "board_reads_a_day": (0, MAX_WRITES),
    "row_reads_a_day": (0, MAX_WRITES),
}
"""The ranges in which a plan makes sense."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What an application asks for.

    Raises:
        InvalidInput: a number is out of its range, or windows are ranked that are not kept.
    """

    writes_a_day: float = 7_000
    """Marks and unmarks that change something."""
    removals: float = 0.1
    """The share of unmarks among them."""
    restaurants: float = 1_000
    skew: float = 1.0
    """Exponent of Zipf's law: the restaurant of rank k has a share in proportion to k^-skew."""
    peak: float = 3.0
    """The busiest hour as a multiple of the day's mean."""
    windows: Sequence[Window] = (Window.ALL, Window.MONTH, Window.DAY)
    ranked: Sequence[Window] = (Window.ALL, Window.MONTH, Window.DAY)
    favorites: float | None = None
    """Rows of the source; those of a year if not given."""
    item_bytes: float = 200
    board_reads_a_day: float = 1_000
    """Pages of a hundred lines."""
    row_reads_a_day: float = 5_000

    def __post_init__(self) -> None:
        for name, (least, most) in _LIMITS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                what = name.replace("_", " ")
                raise InvalidInput(f"{what} is {value:g}; give {least:g} to {most:g}.")
        if not self.windows:
            raise InvalidInput("There is no window; give all, month, day or others.")
        if extra := [each for each in self.ranked if each not in self.windows]:
            raise InvalidInput(f"{extra[0]} is ranked but not among the windows.")

    @property
    def rows_of_source(self) -> float:
        if self.favorites is not None:
            return self.favorites
        return self.writes_a_day * 365 * (1 - 2 * self.removals)

    def rates(self) -> Sequence[float]:
        """Writes a second in each hour of the day: calm nights, and one evening peak."""
        weights = _day(self.peak)
        mean = self.writes_a_day / SECONDS_OF_A_DAY
        return [mean * weight for weight in weights]


@lru_cache
def _day(peak: float) -> list[float]:
    """Hours of a day, of mean one, whose largest is `peak`: bell-shaped around the clock."""

    def hours(sharp: float) -> list[float]:
        return [exp(sharp * (cos(2 * pi * hour / HOURS) - 1)) for hour in range(HOURS)]

    low, high = 0.0, 400.0
    for _ in range(60):
        sharp = (low + high) / 2
        low, high = (sharp, high) if HOURS / sum(hours(sharp)) < peak else (low, sharp)
    found = hours(low)
    return [each * HOURS / sum(found) for each in found]


def load_of_events(events: Iterable[Event], **others: object) -> tuple[Load, list[Event]]:
    """The load that a log shows, and the log.

    Raises:
        InvalidInput: the log has no events, or all of them are at one moment.
    """
    log = sorted(events, key=lambda event: event.created_at)
    if len(log) < 2:
        raise InvalidInput("The log has too few events to plan by; give one of a day at least.")
    first, last = (datetime.fromisoformat(log[end].created_at) for end in (0, -1))
    days = (last - first).total_seconds() / SECONDS_OF_A_DAY
    if days <= 0:
        raise InvalidInput("All events of the log have one time; there is no rate in that.")
    counts = Counter(event.restaurant_id for event in log)
    hours = Counter(event.created_at[11:13] for event in log)
    removed = sum(event.op == "unmark" for event in log) / len(log)
    found = Load(
        writes_a_day=len(log) / max(days, 1 / HOURS),
        removals=min(removed, 0.5),
        restaurants=len(counts),
        skew=_fitted_skew(sorted(counts.values(), reverse=True)),
        peak=max(1.0, max(hours.values()) * HOURS / len(log)),
        **others,  # type: ignore[arg-type] # fields of Load, as the command has read them
    )
    return found, log


def _fitted_skew(counts: Sequence[int]) -> float:
    """The exponent that gives the hottest restaurant its share."""
    share = counts[0] / sum(counts)
    low, high = 0.0, 3.0
    for _ in range(50):
        skew = (low + high) / 2
        hottest = 1 / sum(rank**-skew for rank in range(1, len(counts) + 1))
        low, high = (skew, high) if hottest < share else (low, skew)
    return low
