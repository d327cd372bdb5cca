"""Provisioned capacity: what it costs, how it follows a day, and what it takes at once."""

from dataclasses import replace
from itertools import pairwise

import pytest

from tallies.core.windows import Window
from tallies.operate.plan.billing import FIXED, ON_DEMAND, SCALED, best_of, billings, cheapest
from tallies.operate.plan.designs import Bill, with_lambda
from tallies.operate.plan.plan import make_plan
from tallies.operate.plan.prices import PriceList, read_prices
from tallies.operate.plan.provisioned import (
    BURST_SECONDS,
    Need,
    Terms,
    by_minute,
    fixed,
    follow,
    scaled,
)
from tallies.operate.plan.setting import Setting
from tallies.operate.plan.workload.folding import Zipf, growth
from tallies.operate.plan.workload.load import DAYS_OF_A_MONTH, HOURS, Load

HOURS_OF_A_MONTH = HOURS * DAYS_OF_A_MONTH
DECREASES_A_DAY = 27
"""Most that the service allows: four, and one more for each hour without any."""
PAID = Terms(unit_hour=0.00065, alarm_month=0.10, free_units=0)
FREE = replace(PAID, free_units=25)
NOTHING = [0.0] * HOURS


@pytest.fixture(scope="module")
def prices() -> PriceList:
    return read_prices("us-east-1")


def _need(load: Load, table: float = 8, index: float = 6) -> Need:
    """So many units a write."""
    return Need([rate * table for rate in load.rates()], [rate * index for rate in load.rates()])


def test_a_steady_load_is_provisioned_at_the_target() -> None:
    """A hundred units a second at 70 percent take 143."""
    for consumed, provisioned in ((100, 143), (80, 115)):
        need = Need([float(consumed)] * HOURS, NOTHING)
        units = provisioned + 1  # of the index, which takes one at least
        bought, followed = fixed(need, PAID), scaled(need, PAID)
        assert (bought.table, bought.index) == (provisioned, 1)
        assert bought.usd_a_month == pytest.approx(units * 0.00065 * HOURS_OF_A_MONTH)
        assert followed.usd_a_month == pytest.approx(bought.usd_a_month + 8 * 0.10)
        assert (bought.waits, followed.waits) == (0, 0)


def test_free_units_are_used_up_before_any_is_paid() -> None:
    small, large = _need(Load()), _need(Load(writes_a_day=100_000))
    for buy in (fixed, scaled):
        found = buy(small, FREE)
        assert found.table + found.index == 25
        assert (found.table, found.index) == (14, 11)
    assert fixed(small, FREE).usd_a_month == 0
    assert scaled(small, FREE).usd_a_month == pytest.approx(8 * 0.10)
    bought = fixed(large, FREE)
    assert bought.usd_a_month == pytest.approx(
        (bought.table + bought.index - 25) * 0.00065 * HOURS_OF_A_MONTH
    )
    one_only = fixed(Need(small.table, NOTHING), FREE)
    assert (one_only.table, one_only.index) == (24, 1)


@pytest.mark.parametrize("peak", [1.0, 3.0, 5.0])
def test_capacity_follows_a_day_without_throttling_anything(peak: float) -> None:
    load = by_minute([1000 * rate for rate in Load(writes_a_day=86_400, peak=peak).rates()])
    assert sum(load) / len(load) == pytest.approx(1000)
    day = follow(load, 1, 100_000)
    assert (day.waited, day.late_seconds) == (0, 0)
    used = sum(load) / sum(day.capacity)
    assert 0.5 < used <= 0.7
    falls = sum(later < now for now, later in pairwise([*day.capacity, day.capacity[0]]))
    assert falls <= DECREASES_A_DAY


def test_a_day_of_one_busy_hour_is_throttled_where_capacity_has_to_follow() -> None:
    need = _need(Load(writes_a_day=1e6, peak=24))
    found = scaled(need, FREE)
    assert found.waits > 0.1
    assert found.late_seconds > 60
    assert fixed(need, FREE).late_seconds == 0


@pytest.mark.parametrize(("share", "throttled"), [(0.9, False), (1.1, True)])
def test_a_jump_is_taken_up_to_what_is_said_and_no_further(share: float, throttled: bool) -> None:
    steady = Need([700.0] * HOURS, [70.0] * HOURS)
    holds = scaled(steady, PAID).holds
    assert holds is not None
    load = [700.0] * (60 * HOURS)
    load[600:660] = [700.0 * holds * share] * 60
    day = follow(load, 1, 100_000)
    assert bool(day.waited) is throttled
    # Two minutes to see it and five until it is there, on what was saved of five.
    assert holds == pytest.approx(1 / 0.7 * (1 + BURST_SECONDS / (7 * 60)), rel=0.01)


def test_fixed_capacity_takes_more_than_the_busiest_hour_for_good() -> None:
    need = _need(Load(writes_a_day=1e6))
    holds = fixed(need, PAID).holds
    assert holds == pytest.approx(1 / 0.7, rel=0.01)
    assert fixed(Need(NOTHING, NOTHING), FREE).holds is None


@pytest.mark.slow
def test_on_demand_is_the_bill_of_the_design(prices: PriceList) -> None:
    for load in (Load(), Load(writes_a_day=1e6, ranked=()), Load(ranked=(Window.ALL,))):
        setting = Setting(doubled_index=True)
        bill = Bill(setting, prices)
        design = with_lambda(load, Zipf(load, setting.ranking), setting, bill)
        on_demand, *_ = billings(load, Zipf(load, setting.ranking), setting, bill)
        assert on_demand.writes_usd == pytest.approx(design.lines["write units of tallies"])
        reads = design.lines["reads of rows"] + design.lines["reads of leaderboards"]
        assert on_demand.reads_usd == pytest.approx(reads)
        plan = make_plan(load, setting, prices)
        assert plan.usd_a_month(plan.billings[0]) == pytest.approx(design.total)


def test_each_billing_is_the_cheapest_somewhere(prices: PriceList) -> None:
    load = Load()

    def names(load: Load, setting: Setting) -> list[str]:
        bill = Bill(setting, prices)
        grid = [10.0**power for power in range(2, 10)]
        return [
            each.name for each in cheapest(growth(load, setting.ranking), setting, bill, grid, 60)
        ]

    assert names(load, Setting()) == [FIXED, SCALED]
    assert names(load, Setting(free_tier=False)) == [ON_DEMAND, SCALED]
    # All in one hour: capacity would come when it is over.
    assert names(replace(load, peak=24), Setting())[-1] == ON_DEMAND


def test_where_another_gets_cheaper_they_cost_the_same(prices: PriceList) -> None:
    load, setting = Load(), Setting()
    bill = Bill(setting, prices)
    _, change = cheapest(growth(load, setting.ranking), setting, bill, [100, 1e6], 60)
    ways = {}
    for writes in (change.writes_a_day / 1.002, change.writes_a_day):
        grown = replace(load, writes_a_day=writes)
        ways[writes] = best_of(
            billings(grown, Zipf(grown, setting.ranking), setting, bill), 60
        ).name
    assert list(ways.values()) == [FIXED, SCALED]
