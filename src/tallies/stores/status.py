"""How a store reports on itself: how far aggregation has come, and what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Status:
    """How far the aggregation has come."""

    source: str
    """The table that is tallied."""
    source_rows: int | None
    """How many rows it has; None where counting them is not cheap."""
    lag_records: int | None
    """Change records that are not in the tallies yet; None if the service does not report it."""
    lag_seconds: float | None
    """Age of the oldest of them; 0 when there is none."""
    parked: int
    aggregator: str | None
    """The processes that aggregate now; None when there is none."""
    details: Mapping[str, Any]
    """What only this kind of store reports."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a check of the store itself finds; cheap enough for every second."""

    troubles: Sequence[str] = ()
    """What is wrong, one sentence each."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """What only this kind of store measures, by the name that its metric ends with."""
