"""Durations: how long the apply of one batch takes, measured or assumed."""

from collections.abc import Callable
from math import ceil

from tallies.operate.plan.setting import CORE_MB, Setting
from tallies.operate.plan.units import transactions
from tallies.operate.plan.workload.folding import Mix, Touched
from tallies.stores.dynamodb.apply.in_rows.apply import ROWS_AT_ONCE

# Measured by `python -m benchmarks --only handler`, 2026-11-23, on two shared cores: 5 ms of the
# processor for a batch of one record, 0.01 ms for each more.
FIRST_RECORD_SECONDS = 0.005
RECORD_SECONDS = 0.00001
# Assumed of the service: a transaction of a few rows takes 8 ms, one of a hundred 20 ms (that is
# what DynamoDB Local needs), an update 4 ms.
TRANSACTION_SECONDS, ROW_SECONDS, UPDATE_SECONDS = 0.008, 0.00012, 0.004
REQUEST_SECONDS = 0.0011
"""Of the processor, for a row that is written by itself (measured on DynamoDB Local)."""
MAX_KEYS, MAX_AT_ONCE = 100, 16
"""Rows in one read of written rows, and requests that are under way together."""


def invocation(mix: Mix, setting: Setting) -> Callable[[float], float]:
    """Seconds of a batch."""
    share = min(1.0, setting.memory_mb / CORE_MB)

    def seconds(records: float) -> float:
        touched = mix.touched(records)
        processor = (FIRST_RECORD_SECONDS + records * RECORD_SECONDS) / share
        if setting.guard == "rows":
            rounds = 2 + ceil(touched.rows / ROWS_AT_ONCE)
            return processor + touched.rows * REQUEST_SECONDS / share + rounds * UPDATE_SECONDS
        return (
            processor
            + transactions(touched) * TRANSACTION_SECONDS
            + touched.rows * ROW_SECONDS
            + _second_writes(touched)
        )

    return seconds


def _second_writes(touched: Touched) -> float:
    """Seconds to read rows, and to move them to their buckets, many at once."""
    if touched.moves is None:
        return 0.0
    moved = sum(each.moved for each in touched.moves.values())
    requests = touched.ranked / MAX_KEYS + moved
    return 2 * UPDATE_SECONDS + requests / MAX_AT_ONCE * UPDATE_SECONDS
