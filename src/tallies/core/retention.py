"""Retention: until when the rows of a window are kept."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

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
