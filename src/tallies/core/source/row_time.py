"""The time of a row: which value holds it, and in which form."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tallies.core.declaration.short_forms import Given
from tallies.core.errors import InvalidTally, shown
from tallies.core.source.time_formats import FORMATS
from tallies.core.source.values import Value, value_of


@dataclass(frozen=True)
class Time:
    """The time of a row.

    `as_` is `rfc3339` (text with its zone), `epoch-s`, `epoch-ms`, `epoch-us` or `epoch-ns` (a
    number since 1970), `date` (begins that day in the tally's zone) or `sql` (text without a zone,
    as SQLite and its ORMs write it).

    Raises:
        InvalidTally: when made with parts that contradict each other.
    """

    value: Given[Value | str, Value] = Given(value_of)
    as_: str = "rfc3339"
    naive_zone: str = "UTC"
    """IANA name of the zone of `sql` texts that name none."""

    def __post_init__(self) -> None:
        if self.value.each:
            raise InvalidTally("a time is one value; each is for group_by.")
        if self.as_ not in FORMATS:
            raise InvalidTally(f"{shown(self.as_)} is no form of a time; use {', '.join(FORMATS)}.")
        if self.naive_zone != "UTC" and self.as_ != "sql":
            raise InvalidTally(
                f"naive_zone is for times written as sql; {self.as_} says itself what it means."
            )
        if not is_zone(self.naive_zone):
            raise InvalidTally(f"{shown(self.naive_zone)} is no time zone; use an IANA name.")


def time_of(given: "Time | Value | str | None") -> Time | None:
    """The time that a declaration means; a value alone holds RFC 3339 text.

    Raises:
        InvalidTally: it means none.
    """
    return given if isinstance(given, Time | None) else Time(given)


def is_zone(name: object) -> bool:
    """Whether the IANA time zone database has the name."""
    try:
        return isinstance(name, str) and bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
