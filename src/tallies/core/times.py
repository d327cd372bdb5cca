"""Timestamps: RFC 3339 text in, one canonical text in UTC out."""

from datetime import UTC, datetime

from tallies.core.errors import InvalidTime, shown


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 timestamp; the result is in UTC.

    Raises:
        InvalidTime: it is no timestamp, or it names no zone.
    """
    try:
        # RFC 3339 allows the letters in either case, Python only in upper case.
        moment = datetime.fromisoformat(f"{text[:-1]}Z" if text[-1:] == "z" else text)
    except (ValueError, TypeError):
        moment = None
    # A bare date is valid ISO 8601, but no moment.
    if moment is None or len(text) < len("2026-11-23T14:05Z"):
        raise InvalidTime(
            f"{shown(text)} is no timestamp; write one like 2026-11-23T14:05:06Z (RFC 3339)."
        )
    if moment.tzinfo is None:
        raise InvalidTime(f"The timestamp {shown(text)} has no zone; end it with Z or an offset.")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidTime(
            f"The timestamp {shown(text)} is outside the years 0001 to 9999."
        ) from None


def canonical_time(moment: datetime) -> str:
    """The stored form: UTC with six decimals, 27 characters, so that text order is time order.

    >>> canonical_time(parse_time("2026-11-23T15:05:06+01:00"))
    '2026-11-23T14:05:06.000000Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def display_time(text: str) -> str:
    """The form that readers get: the canonical text without a fraction of zero.

    >>> display_time('2026-11-23T14:05:06.000000Z')
    '2026-11-23T14:05:06Z'
    """
    return text.replace(".000000Z", "Z")
