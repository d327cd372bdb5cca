"""A change of one row: what it was, what it is, and where in its stream it stands."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Image = Mapping[str, Any]
"""A row: attribute name to str, int, Decimal, bool, None, or anything that no tally reads."""


class Change(NamedTuple):
    """One change record. Who wrote it and how it got here is not its concern.

    An insert has no old image, a removal (expiry included) no new one, a rewrite has both.
    """

    old: Image | None
    new: Image | None
    position: str = ""
    """Where the record stands in its shard, as text that orders like the stream does."""
