"""A change of one row: what it was, what it is, and its place in the stream."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Image = Mapping[str, Any]
"""A row: attribute name to str, int, Decimal, bool, None, or anything that no tally reads."""


class Change(NamedTuple):
    """One change record, whoever wrote it and however it got here.

    An insert has no old image, a removal (expiry included) no new one, a rewrite has both.
    """

    old: Image | None
    new: Image | None
    position: str = ""
    """The record's place in its shard, as text that sorts in the order of the stream."""
