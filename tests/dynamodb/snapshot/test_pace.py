"""How fast the source is read."""

from typing import Any

import pytest

from tallies.stores.dynamodb.snapshot.read.scan import Pace


def test_the_rate_of_reads_is_kept() -> None:
    now = [100.0]

    def rest(seconds: float) -> None:
        now[0] += seconds

    def page(rows: int, units: float) -> dict[str, Any]:
        return {"ScannedCount": rows, "ConsumedCapacity": {"CapacityUnits": units}}

    pace = Pace(50, clock=lambda: now[0], rest=rest)
    for _ in range(10):
        pace.spend(page(500, 25))
    assert now[0] == pytest.approx(105.0)
    assert pace.limit() == {"Limit": 160}  # eight units
    pace.spend(page(0, 0))  # the empty end of a segment says nothing of the rows
    assert pace.limit() == {"Limit": 160}
    pace.spend(page(1, 100))
    assert pace.limit() == {"Limit": 1}
    faster = Pace(5_000, clock=lambda: now[0], rest=rest)
    faster.spend(page(500, 25))
    assert faster.limit() == {"Limit": 2_000}  # fifty times a second
    moment = now[0]
    unbounded = Pace(None, clock=lambda: now[0], rest=rest)
    unbounded.spend(page(1, 1e9))
    assert (now[0], unbounded.limit()) == (moment, {})
