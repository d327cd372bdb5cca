"""Exact, live counts and leaderboards from a table's own change stream."""

from tallies.core.change import Change
from tallies.core.conditions import Condition
from tallies.core.fold import Folder, fold
from tallies.core.row_time import Time
from tallies.core.tally import Average, Count, Sum, Tally
from tallies.core.values import Value
from tallies.core.windows import Window

__version__ = "0.1.0"

__all__ = [
    "Average",
    "Change",
    "Condition",
    "Count",
    "Folder",
    "Sum",
    "Tally",
    "Time",
    "Value",
    "Window",
    "fold",
]
