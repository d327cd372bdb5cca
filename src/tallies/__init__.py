"""Exact, live counts and leaderboards from a table's own change stream."""

from typing import TYPE_CHECKING, Any

from tallies.core.change import Change
from tallies.core.declaration.declaration import Declaration, read_declaration
from tallies.core.errors import InvalidInput, StoreError, TalliesError
from tallies.core.fold import Folder, fold
from tallies.core.source.conditions import Condition
from tallies.core.source.row_time import Time
from tallies.core.source.values import Value
from tallies.core.tally import Average, Count, Sum, Tally
from tallies.core.windows import Window

if TYPE_CHECKING:
    from tallies.library import open_tallies as open  # noqa: A004 - tallies.open(url)

__version__ = "0.1.0"

__all__ = [
    "Average",
    "Change",
    "Condition",
    "Count",
    "Declaration",
    "Folder",
    "InvalidInput",
    "StoreError",
    "Sum",
    "TalliesError",
    "Tally",
    "Time",
    "Value",
    "Window",
    "fold",
    "open",
    "read_declaration",
]


def __getattr__(name: str) -> Any:
    # Only when it is asked for: a function that folds needs no store.
    if name == "open":
        from tallies.library import open_tallies

        return open_tallies
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
