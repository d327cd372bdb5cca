"""Limits: at how many writes a day each of them binds, and which setting moves it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tallies.operate.plan.durations import ROW_SECONDS, TRANSACTION_SECONDS, invocation
from tallies.operate.plan.setting import Setting
from tallies.operate.plan.units import IN_TRANSACTION, INDEX_MOVE, bucket_units, transactions
from tallies.operate.plan.workload.batches import PARTITION_UNITS, Batching, a_day, shards
from tallies.operate.plan.workload.folding import Mix
from tallies.operate.plan.workload.load import MAX_WRITES, Load

TOLERATED_CONFLICTS = 0.5
"""Transactions under way for the hottest row, on average: beyond, retries cause more retries."""


@dataclass(frozen=True)
class Limit:
    """A limit of stream + Lambda."""

    what: str
    used: float
    """Share of it at the busiest hour of the load."""
    binds_at: float | None
    """Writes a day; None for never within the range of the plan."""
    moves: str
    """The setting that moves it."""


def limits_of(load: Load, mix: Mix, setting: Setting) -> list[Limit]:
    """All limits, the first to bind first."""
    kinds: list[tuple[str, Callable[[Load], float], str]] = [
        (
            "a shard's function keeps up",
            lambda each: _keeps_up(each, mix, setting),
            "BatchSize up: a larger batch folds to fewer rows",
        ),
        (
            "partition of the hottest row",
            lambda each: _hot_row(each, mix, setting),
            "BatchingWindow up: the row is written once a batch",
        ),
        (
            "partition of the ranking index",
            lambda each: _ranking(each, mix, setting),
            "ranking_shards up; ranking=buckets; BatchingWindow up"
            if setting.ranking == "measure"
            else "ranking_shards up; BatchingWindow up",
        ),
        (
            "conflicts of shards on the hottest row",
            lambda each: _conflicts(each, mix, setting),
            "BatchingWindow up: fewer transactions at a time",
        ),
    ]
    found = [Limit(what, used(load), _binds(load, used), moves) for what, used, moves in kinds]
    return sorted(found, key=lambda limit: limit.binds_at or MAX_WRITES)


def _binds(load: Load, used: Callable[[Load], float]) -> float | None:
    low, high = load.writes_a_day / 1e6, MAX_WRITES
    if used(replace(load, writes_a_day=high)) < 1:
        return None
    for _ in range(50):
        middle = (low * high) ** 0.5
        if used(replace(load, writes_a_day=middle)) < 1:
            low = middle
        else:
            high = middle
    return high


def _busiest(load: Load, setting: Setting) -> tuple[float, float]:
    """Batches a second of all shards in the busiest hour, and records of each."""
    rate = max(load.rates()) / shards(load)
    day = a_day(load, Batching(setting.batching_window, setting.batch_size), lambda _: 0.0)
    return shards(load) * rate / day.largest, day.largest


def _keeps_up(load: Load, mix: Mix, setting: Setting) -> float:
    largest = Batching(setting.batching_window, setting.batch_size).largest
    rate = max(load.rates()) / shards(load)
    return rate / largest * invocation(mix, setting)(largest)


def _hot_row(load: Load, mix: Mix, setting: Setting) -> float:
    batches, records = _busiest(load, setting)
    written = batches * _in_batch(mix.hottest, records) * len(load.windows)
    # All windows of a group are under one partition key.
    each = IN_TRANSACTION if setting.guard == "transactions" else 1
    return written * each / PARTITION_UNITS


def _ranking(load: Load, mix: Mix, setting: Setting) -> float:
    if not load.ranked:
        return 0.0
    batches, records = _busiest(load, setting)
    touched = mix.touched(records)
    if touched.moves is None:
        units = touched.ranked / len(load.ranked) * INDEX_MOVE
    else:  # the window that is youngest on average moves most
        each = touched.moves.values()
        units = max(bucket_units(one, doubled_index=setting.doubled_index) for one in each)
    return batches * units / PARTITION_UNITS / setting.ranking_shards


def _conflicts(load: Load, mix: Mix, setting: Setting) -> float:
    if setting.guard == "rows":
        return 0.0  # each row by itself: shards wait for each other, and none is refused
    batches, records = _busiest(load, setting)
    touched = mix.touched(records)
    rows = touched.rows / transactions(touched)
    lasts = TRANSACTION_SECONDS + rows * ROW_SECONDS
    others = (shards(load) - 1) / shards(load)
    wanted = batches * _in_batch(mix.hottest, records) * lasts * others
    return wanted / TOLERATED_CONFLICTS


def _in_batch(share: float, records: float) -> float:
    """How likely the hottest restaurant is in a batch."""
    return float(1 - (1 - share) ** records)
