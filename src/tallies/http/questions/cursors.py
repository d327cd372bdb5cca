"""Page cursors: opaque to clients, and bound to the list that they were issued for.

A cursor holds the sort key of the last line that was sent, not an offset: lines whose own counts do
not change are neither repeated nor skipped, whatever happens to the others.
"""

import base64
import json
from collections.abc import Sequence

from tallies.core.errors import InvalidCursor

BROKEN = "The cursor is broken or belongs to another list; begin again without one."


def write_cursor(about: str, values: Sequence[str | int]) -> str:
    """A cursor for the list `about`."""
    text = json.dumps([about, *values], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(
    cursor: str | None, about: str, types: Sequence[type[str] | type[int]]
) -> list[str | int] | None:
    """The values of a cursor; None without one.

    Raises:
        InvalidCursor: it was not issued for this list.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise InvalidCursor(BROKEN) from None
    if not isinstance(found, list) or found[:1] != [about] or len(found) != len(types) + 1:
        raise InvalidCursor(BROKEN)
    values: list[str | int] = found[1:]
    for value, kind in zip(values, types, strict=True):
        if type(value) is not kind or (isinstance(value, int) and not 0 <= value < 2**63):
            raise InvalidCursor(BROKEN)
        if isinstance(value, str) and not _encodable(value):
            raise InvalidCursor(BROKEN)
    return values


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can spell and no store can hold
        return False
    return True
