"""Billing: stream + Lambda on demand or by provisioned capacity, and which is cheaper where."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tallies.operate.plan.designs import Bill, looks_by_hour, noted
from tallies.operate.plan.provisioned import Capacity, Need, Terms, fixed, scaled
from tallies.operate.plan.setting import Setting
from tallies.operate.plan.units import (
    board_reads,
    board_row_reads,
    index_units,
    row_reads,
    table_units,
)
from tallies.operate.plan.workload.batches import SECONDS_OF_AN_HOUR, Batching, a_day
from tallies.operate.plan.workload.folding import Growth, Mix
from tallies.operate.plan.workload.load import DAYS_OF_A_MONTH, Load

ON_DEMAND = "on demand"
FIXED = "provisioned, fixed"
SCALED = "provisioned, auto scaling"


@dataclass(frozen=True, slots=True)
class Billing:
    """One way to pay for the units of the tallies' table and its index."""

    name: str
    writes_usd: float
    """A month, as is the next."""
    reads_usd: float
    writes: Capacity | None = None
    """None on demand."""
    reads: Capacity | None = None

    @property
    def usd_a_month(self) -> float:
        return self.writes_usd + self.reads_usd

    @property
    def late_seconds(self) -> float:
        """The longest time that a write of an ordinary day waits for capacity."""
        return self.writes.late_seconds if self.writes else 0.0


@dataclass(frozen=True, slots=True)
class Cheapest:
    """From this many writes a day, this billing is the cheapest."""

    writes_a_day: float
    name: str


def billings(load: Load, mix: Mix, setting: Setting, bill: Bill) -> list[Billing]:
    """All ways to pay for the units of stream + Lambda."""
    writes, reads = _writes(load, mix, setting), _reads(load, mix, setting)
    prices, free = bill.list.prices, bill.free
    of_writes = Terms(prices.write_unit_hour, prices.alarm_month, int(free.write_units))
    of_reads = Terms(prices.read_unit_hour, prices.alarm_month, int(free.read_units))
    cheaper = fixed_reads = fixed(reads, of_reads)
    if fixed_reads.usd_a_month:
        cheaper = min(fixed_reads, scaled(reads, of_reads), key=lambda each: each.usd_a_month)
    return [
        Billing(ON_DEMAND, bill.writes(_a_month(writes)), bill.reads(_a_month(reads))),
        _provisioned(FIXED, fixed(writes, of_writes), fixed_reads),
        _provisioned(SCALED, scaled(writes, of_writes), cheaper),
    ]


def _provisioned(name: str, writes: Capacity, reads: Capacity) -> Billing:
    return Billing(name, writes.usd_a_month, reads.usd_a_month, writes, reads)


def _writes(load: Load, mix: Mix, setting: Setting) -> Need:
    batching = Batching(setting.batching_window, setting.batch_size)

    def in_index(records: float) -> float:
        return index_units(
            mix.touched(records), doubled_index=setting.doubled_index, guard=setting.guard
        )

    in_table = a_day(
        load, batching, lambda records: table_units(mix.touched(records), setting.guard)
    )
    notes = noted(load, setting, in_table.batches) / len(in_table.by_hour)
    return Need(
        [(each + notes) / SECONDS_OF_AN_HOUR for each in in_table.by_hour],
        [each / SECONDS_OF_AN_HOUR for each in a_day(load, batching, in_index).by_hour],
    )


def _reads(load: Load, mix: Mix, setting: Setting) -> Need:
    """Assumed to come when the writes come."""
    shares = [rate / load.writes_a_day for rate in load.rates()]
    rows = row_reads(load) + board_row_reads(load, setting.ranking)
    batching = Batching(setting.batching_window, setting.batch_size)
    looks = looks_by_hour(load, mix, setting, batching)
    return Need(
        [
            rows * share + look / SECONDS_OF_AN_HOUR
            for share, look in zip(shares, looks, strict=True)
        ],
        [board_reads(load) * share for share in shares],
    )


def _a_month(need: Need) -> float:
    return (sum(need.table) + sum(need.index)) * SECONDS_OF_AN_HOUR * DAYS_OF_A_MONTH


def parameters(way: Billing) -> dict[str, str | int]:
    """The template's parameters for it; none on demand, which is the default."""
    if way.writes is None or way.reads is None:
        return {}
    found: dict[str, str | int] = {
        "BillingMode": "PROVISIONED",
        "WriteUnits": way.writes.table,
        "RankingWriteUnits": way.writes.index,
        "ReadUnits": way.reads.table,
        "RankingReadUnits": way.reads.index,
    }
    most = {"MaxWriteUnits": way.writes.most, "MaxReadUnits": way.reads.most}
    return found | {name: units for name, units in most.items() if units}


def best_of(ways: Sequence[Billing], stalest_seconds: float) -> Billing:
    """The cheapest of those that keep no write of an ordinary day waiting for longer."""
    prompt = [each for each in ways if each.late_seconds <= stalest_seconds]
    return min(prompt, key=lambda each: each.usd_a_month)


def cheapest(
    grow: Growth, setting: Setting, bill: Bill, grid: Sequence[float], stalest_seconds: float
) -> list[Cheapest]:
    """The best billing from the grid's fewest writes upward, restaurants and readers fixed."""

    def best(writes: float) -> str:
        load, mix = grow(writes)
        return best_of(billings(load, mix, setting, bill), stalest_seconds).name

    names = [best(writes) for writes in grid]
    found = [Cheapest(grid[0], names[0])]
    for (low, before), (high, after) in pairwise(zip(grid, names, strict=True)):
        if before == after:
            continue
        while high / low > 1.001:
            middle = (low * high) ** 0.5
            low, high = (middle, high) if best(middle) == before else (low, middle)
        found.append(Cheapest(high, after))
    return found
