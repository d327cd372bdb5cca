"""Replaying a log: at its own pace, sped up, with a clock that shows the log's time."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from tallies.core.times import parse_time
from tallies.favorites.favorite import Event


class ReplayClock:
    """A clock that shows the replay's time, so that its months and days are the current ones."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.moment


def replay(events: Iterable[Event], speed: float) -> Iterator[tuple[float, Event]]:
    """Each event with the seconds to wait before it, when life runs `speed` times as fast."""
    before: datetime | None = None
    for event in events:
        moment = parse_time(event.created_at)
        # A log that is not in order of time has steps back; these take no time.
        wait = max(0.0, (moment - before).total_seconds()) / speed if before else 0.0
        before = max(moment, before) if before else moment
        yield wait, event
