"""Retention: until when the rows of a window are kept."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tallies.core.errors import InvalidInput
from tallies.core.tally import Tally
from tallies.core.windows import parse_window, window_end


def expiry(tally: Tally, window: str) -> datetime | None:
    """When the rows of a window are no longer kept; None for ever."""
    if not tally.retention:
        return None
    named = parse_window(window)
    kept = tally.retention.get(named.kind)
    zone = UTC if tally.zone == "UTC" else ZoneInfo(tally.zone)
    end = window_end(named, zone) if kept is not None else None
    if kept is None or end is None:
        return None
    try:
        return end + kept
    except OverflowError:  # past the end of the calendar
        return None


def is_kept(tally: Tally, window: str, now: datetime) -> bool:
    """Whether the rows of a window are still kept."""
    end = expiry(tally, window)
    return end is None or end > now


def gone(tally: Tally, window: str) -> InvalidInput:
    """The error of a question about a window that is no longer kept."""
    kind = parse_window(window).kind
    days = tally.retention[kind] / timedelta(days=1)
    return InvalidInput(
        f"{window} is no longer kept: retention_days of {kind} is {days:g}; ask for a later one."
    )
