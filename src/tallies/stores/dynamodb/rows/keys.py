"""Keys: how rows are named in the tables, and which names no user of them can take."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tallies.core.errors import InvalidTally
from tallies.core.fold import Folder
from tallies.stores.layout import OLDEST, Layout

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Key = dict[str, AttributeValueTypeDef]

_RESERVED = "\x1f"
"""Begins every key of our own in the tallies table. Groups hold no control characters, so no group
can equal such a key; and the first character shows a scan what is a tally."""

POSITION, MARKER, PARKED, SETTINGS, LEASE = "position", "marker", "parked", "settings", "lease"
PAUSED, SLOTS = "paused", "slots"


@dataclass(frozen=True)
class TableNames:
    """The tables of one source and its tallies."""

    source: str
    tallies: str
    """Holds the positions, markers and parked records too."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Tally name -> table, for tallies that are not kept in `tallies`."""
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    """Tally name -> how its rows are kept, where not as in the oldest layout."""

    @classmethod
    def of(cls, prefix: str, source: str) -> "TableNames":
        """The names that `tallies init` gives."""
        return cls(source, f"{prefix}-tallies")

    def rows(self, tally: str) -> str:
        """The table that holds the rows of a tally."""
        return self.others.get(tally, self.tallies)

    def layout(self, tally: str) -> Layout:
        """How the rows of a tally are kept."""
        return self.layouts.get(tally, OLDEST)

    def check(self, folders: "tuple[Folder, ...]") -> None:
        """Check that each tally has a table to itself.

        Raises:
            InvalidTally: two would add to the same rows.
        """
        homes: dict[str, str] = {}
        for name in (folder.tally.name for folder in folders):
            table = self.rows(name)
            if table in homes:
                raise InvalidTally(
                    f"Tallies {homes[table]!r} and {name!r} would share the table {table!r};"
                    " give one of them a table of its own."
                )
            homes[table] = name


def reserved_group(kind: str, name: str = "") -> str:
    """A value of `group` that no tally can have."""
    return f"{_RESERVED}{kind}#{name}" if name else f"{_RESERVED}{kind}"


def is_reserved(group: str) -> bool:
    """Whether a row of the tallies table is one of our own."""
    return group.startswith(_RESERVED)


def reserved_key(kind: str, name: str = "") -> "Key":
    """The whole key of a row of our own that stands alone."""
    return row_key(reserved_group(kind, name), "-")


def row_key(group: str, time_window: str) -> "Key":
    """The whole key of a row of the tallies table."""
    return {"group": {"S": group}, "time_window": {"S": time_window}}
