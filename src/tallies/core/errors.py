"""Every error that a user of tallies can meet: a code for machines, a sentence for people.

The sentence says what is wrong and what to do. Edges (HTTP, CLI) map a class to a status or an
exit code; nothing below them knows about either.
"""

from decimal import Decimal
from typing import ClassVar


class TalliesError(Exception):
    """The root of all errors that tallies raises on purpose."""

    code: ClassVar[str] = "error"


class InvalidInput(TalliesError):
    """Something that a person or a program gave us cannot be used."""

    code = "invalid-input"


class InvalidId(InvalidInput):
    """A user id or restaurant id that breaks the rules of `tallies.core.ids`."""

    code = "invalid-id"


class InvalidTime(InvalidInput):
    """A timestamp that is not RFC 3339 with a zone, or lies outside the years 0001 to 9999."""

    code = "invalid-time"


class UnknownWindow(InvalidInput):
    """A window name that names no window."""

    code = "unknown-window"


class UnknownTally(InvalidInput):
    """A name that no tally of the store has."""

    code = "unknown-tally"


class InvalidCursor(InvalidInput):
    """A page cursor that this service did not issue."""

    code = "invalid-cursor"


class InvalidTally(InvalidInput):
    """A declaration of a tally that contradicts itself."""

    code = "invalid-tally"


class InvalidStoreUrl(InvalidInput):
    """A store URL of an unknown form."""

    code = "invalid-store-url"


class Unfoldable(TalliesError):
    """A change record that cannot be folded to deltas. It is parked, never dropped."""

    code = "unfoldable"


class StoreError(TalliesError):
    """A store cannot do its work."""

    code = "store-error"


class StoreUnavailable(StoreError):
    """The store is there but cannot serve now (busy, throttled, out of reach): try again later."""

    code = "store-unavailable"


class StoreFull(StoreError):
    """The store has no room for another write."""

    code = "store-full"


class StoreReadOnly(StoreError):
    """The store may be read but not written."""

    code = "store-read-only"


class WrongStore(StoreError):
    """The store URL points at no store of ours, or at one that this version cannot use."""

    code = "wrong-store"


class NotInitialised(StoreError):
    """The store has no tables yet."""

    code = "not-initialised"


def shown(value: object) -> str:
    """A value as an error message quotes it: short, whatever it is."""
    try:
        text = str(value) if isinstance(value, Decimal) else repr(value)
    except ValueError:  # Python does not print whole numbers of more than 4,300 digits
        text = f"of type {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."


def counted(count: int, noun: str) -> str:
    """So many of something, for a sentence.

    >>> counted(1, "event"), counted(1_000, "event")
    ('1 event', '1,000 events')
    """
    return f"{count:,} {noun}{'s'[: count != 1]}"
