"""The four designs: what each costs in a month, how stale it is, what it adds to a write."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from tallies.operate.plan.durations import (
    ROW_SECONDS,
    TRANSACTION_SECONDS,
    UPDATE_SECONDS,
    invocation,
)
from tallies.operate.plan.prices import Free, PriceList
from tallies.operate.plan.setting import Setting
from tallies.operate.plan.units import (
    IN_TRANSACTION,
    INDEX_MOVE,
    batch_units,
    board_reads,
    board_row_reads,
    look_reads,
    notes,
    row_reads,
)
from tallies.operate.plan.workload.batches import Batching, a_day, shards
from tallies.operate.plan.workload.folding import Mix
from tallies.operate.plan.workload.load import DAYS_OF_A_MONTH, HOURS, SECONDS_OF_A_DAY, Load
from tallies.stores.layout import Ranking

MILLION = 1e6
HOURS_OF_A_MONTH = DAYS_OF_A_MONTH * HOURS
GB = 1024.0**3

POLL_SECONDS = 0.25
"""Lambda polls a shard four times a second."""
INVOKE_SECONDS = 0.01
INDEX_SECONDS = 0.05
"""A leaderboard's index follows its table within this time (assumed)."""
ROW_BYTES = 250
"""A row of the tallies, and again in the index if it is ranked."""
SCAN_PAGE_BYTES, SCAN_PAGE_SECONDS = 1024.0**2, 0.1
SCAN_RECORD_SECONDS = 0.00001
WORKER_VCPU, WORKER_GB = 0.25, 0.5
"""The smallest task of Fargate."""
WORKER_SHARDS = 50
"""Shards that one such task keeps up with."""
WORKER_LOOK_SECONDS = 1.0
"""Between its polls of a quiet shard (runtimes/worker/pace.py)."""
SYNCHRONOUS_SECONDS = TRANSACTION_SECONDS + 4 * ROW_SECONDS - UPDATE_SECONDS


@dataclass(frozen=True)
class Design:
    """The result for one design."""

    name: str
    lines: Mapping[str, float]
    """USD a month, line by line."""
    staleness_seconds: float
    """Of a count, on average."""
    worst_seconds: float
    """At the planned load, when nothing is broken."""
    write_latency_ms: float
    """Added to each write of the application."""
    note: str
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return sum(self.lines.values())


@dataclass(frozen=True)
class Bill:
    """Quantities of a month, priced."""

    setting: Setting
    list: PriceList

    @property
    def free(self) -> Free:
        return self.list.free if self.setting.free_tier else Free()

    def writes(self, units: float) -> float:
        return units / MILLION * self.list.prices.write_million

    def reads(self, units: float) -> float:
        return units / MILLION * self.list.prices.read_million

    def functions(self, requests: float, seconds: float) -> tuple[float, float]:
        prices = self.list.prices
        each = (
            prices.lambda_gb_second_arm64
            if self.setting.architecture == "arm64"
            else prices.lambda_gb_second_x86_64
        )
        gb_seconds = seconds * self.setting.memory_mb / 1024
        return (
            max(0.0, requests - self.free.lambda_requests) / MILLION * prices.lambda_million,
            max(0.0, gb_seconds - self.free.lambda_gb_seconds) * each,
        )

    def stored(self, gb: float, *, with_backups: bool) -> tuple[float, float]:
        prices = self.list.prices
        backups = gb * prices.backup_gb if with_backups and self.setting.backups else 0.0
        return max(0.0, gb - self.free.storage_gb) * prices.storage_gb, backups


def with_lambda(load: Load, mix: Mix, setting: Setting, bill: Bill) -> Design:
    """Stream and function."""
    batching = Batching(setting.batching_window, setting.batch_size)
    day = a_day(load, batching, _units(mix, setting))
    units = day.value + noted(load, setting, day.batches)
    seconds = a_day(load, batching, invocation(mix, setting)).value
    requests = day.batches * DAYS_OF_A_MONTH
    for_requests, for_seconds = bill.functions(requests, seconds * DAYS_OF_A_MONTH)
    of_rows = sum(looks_by_hour(load, mix, setting, batching))
    longest = invocation(mix, setting)(day.largest)
    traced = max(0.0, requests - bill.free.traces) / MILLION * bill.list.prices.trace_million
    return Design(
        "stream + Lambda",
        {
            "write units of tallies": bill.writes(units * DAYS_OF_A_MONTH),
            "Lambda requests": for_requests,
            "Lambda GB-seconds": for_seconds,
            "traces": traced if setting.traces else 0.0,
            "stream reads": 0.0,
            **_kept(load, mix, bill, of_rows, setting.ranking),
        },
        day.wait_seconds + POLL_SECONDS / 2 + INVOKE_SECONDS + longest + INDEX_SECONDS,
        setting.batching_window + POLL_SECONDS + INVOKE_SECONDS + 2 * longest + INDEX_SECONDS,
        0.0,
        "exact; nothing runs when nothing comes",
        _figures(load, units, day.batches, shards(load)),
    )


def with_worker(load: Load, mix: Mix, setting: Setting, bill: Bill) -> Design:
    """Stream and a constantly running worker."""
    batching = Batching(WORKER_LOOK_SECONDS / 2, 1000)
    day = a_day(load, batching, _units(mix, setting))
    units = day.value + noted(load, setting, day.batches)
    tasks = ceil(shards(load) / WORKER_SHARDS)
    prices = bill.list.prices
    task = WORKER_VCPU * prices.fargate_vcpu_hour + WORKER_GB * prices.fargate_gb_hour
    looks = shards(load) * SECONDS_OF_A_DAY / WORKER_LOOK_SECONDS + day.batches
    paid = max(0.0, looks * DAYS_OF_A_MONTH - bill.free.stream_reads)
    of_rows = sum(looks_by_hour(load, mix, setting, batching))
    longest = invocation(mix, setting)(day.largest)
    return Design(
        "stream + worker",
        {
            "write units of tallies": bill.writes(units * DAYS_OF_A_MONTH),
            f"Fargate, {tasks} task{'s' if tasks > 1 else ''}": tasks * task * HOURS_OF_A_MONTH,
            "stream reads": paid / MILLION * prices.stream_read_million,
            **_kept(load, mix, bill, of_rows, setting.ranking),
        },
        day.wait_seconds + longest + INDEX_SECONDS,
        WORKER_LOOK_SECONDS + 2 * longest + INDEX_SECONDS,
        0.0,
        "exact; one task is one failure away from a pause, two share the shards",
        _figures(load, units, day.batches, shards(load)),
    )


def with_scan(load: Load, mix: Mix, _: Setting, bill: Bill) -> Design:
    """A scan of the whole source each day."""
    size = load.rows_of_source * load.item_bytes
    units = size / 4096 / 2  # eventually consistent
    pages = max(1.0, size / SCAN_PAGE_BYTES)
    seconds = pages * SCAN_PAGE_SECONDS + load.rows_of_source * SCAN_RECORD_SECONDS
    requests = ceil(seconds / 600)  # a function ends after fifteen minutes
    for_requests, for_seconds = bill.functions(
        requests * DAYS_OF_A_MONTH, seconds * DAYS_OF_A_MONTH
    )
    touched = mix.touched(load.writes_a_day)
    written = touched.rows + touched.ranked * INDEX_MOVE
    return Design(
        "daily full scan",
        {
            "read units of the scan": bill.reads(units * DAYS_OF_A_MONTH),
            "write units of tallies": bill.writes(written * DAYS_OF_A_MONTH),
            "Lambda requests": for_requests,
            "Lambda GB-seconds": for_seconds,
            **_kept(load, mix, bill),
        },
        SECONDS_OF_A_DAY / 2 + seconds,
        SECONDS_OF_A_DAY + seconds,
        0.0,
        "a day stale; its cost grows with the table, whatever is written",
        {"read units a scan": units, "seconds a scan": seconds},
    )


def with_second_write(load: Load, mix: Mix, setting: Setting, bill: Bill) -> Design:
    """The application writes the counts, in one transaction with the favorite."""
    index = INDEX_MOVE * (IN_TRANSACTION if setting.doubled_index else 1)
    units = 1 + len(load.windows) * IN_TRANSACTION + len(load.ranked) * index
    busiest = max(load.rates()) * mix.hottest
    return Design(
        "synchronous second write",
        {
            "write units of tallies": bill.writes(units * load.writes_a_day * DAYS_OF_A_MONTH),
            **_kept(load, mix, bill),
        },
        INDEX_SECONDS,
        INDEX_SECONDS,
        SYNCHRONOUS_SECONDS * 1000 * (1 + min(busiest * SYNCHRONOUS_SECONDS, 50)),
        "exact only as one transaction; marks of a hot restaurant collide with each other",
        {"write units a write": units},
    )


Make = Callable[[Load, Mix, Setting, Bill], Design]
DESIGNS: Sequence[Make] = (with_lambda, with_worker, with_scan, with_second_write)


def _units(mix: Mix, setting: Setting) -> Callable[[float], float]:
    return lambda records: batch_units(
        mix.touched(records), doubled_index=setting.doubled_index, guard=setting.guard
    )


def noted(load: Load, setting: Setting, batches: float) -> float:
    """Write units of a day's notes of positions; none where a transaction moves the position."""
    return notes(batches, shards(load)) if setting.guard == "rows" else 0.0


def looks_by_hour(load: Load, mix: Mix, setting: Setting, batching: Batching) -> Sequence[float]:
    """Read units of each hour that the apply uses to read rows that it has written."""
    if setting.ranking == "measure" and setting.guard == "transactions":
        return [0.0] * HOURS
    reads = a_day(load, batching, lambda records: look_reads(mix.touched(records), setting.guard))
    return reads.by_hour


def _kept(
    load: Load, mix: Mix, bill: Bill, looks: float = 0.0, ranking: Ranking = "measure"
) -> dict[str, float]:
    """Storage of a year's tallies, and reading them. `looks` are the read units of a day that the
    apply itself needs."""
    day = mix.touched(load.writes_a_day)
    copies = 1 + (len(load.ranked) / len(load.windows))
    gb = day.rows * 365 / 2 * ROW_BYTES * copies / GB
    stored, backed_up = bill.stored(gb, with_backups=True)
    return {
        "storage": stored,
        "backups": backed_up,
        "reads of rows": bill.reads((row_reads(load) + looks) * DAYS_OF_A_MONTH),
        "reads of leaderboards": bill.reads(
            (board_reads(load) + board_row_reads(load, ranking)) * DAYS_OF_A_MONTH
        ),
    }


def _figures(load: Load, units: float, batches: float, count: int) -> dict[str, float]:
    return {
        "write units a write": units / load.writes_a_day,
        "records a batch": load.writes_a_day / batches,
        "batches a day": batches,
        "shards": count,
    }
