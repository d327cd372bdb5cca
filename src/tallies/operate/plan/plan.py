"""The plan as a whole: designs side by side, crossovers, limits, a recommendation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

from tallies.favorites.favorite import Event
from tallies.operate.plan.billing import Billing, Cheapest, best_of, billings, cheapest
from tallies.operate.plan.designs import DESIGNS, Bill, Design, Make
from tallies.operate.plan.limits import Limit, limits_of
from tallies.operate.plan.prices import PriceList
from tallies.operate.plan.setting import Setting
from tallies.operate.plan.workload.folding import Growth, Log, Mix, Zipf, growth
from tallies.operate.plan.workload.load import Load

FEWEST, MOST = 100.0, 1e10
"""Writes a day between which crossovers are looked for."""
STEPS_OF_TEN = 8
LONGEST_WINDOW = 300.0
"""Seconds that an event source mapping gathers at most."""


@dataclass(frozen=True)
class Crossover:
    """From here another design is cheaper."""

    writes_a_day: float
    cheaper: str
    than: str


@dataclass(frozen=True)
class Plan:
    """Everything that a design review asks."""

    load: Load
    setting: Setting
    prices: PriceList
    designs: Sequence[Design]
    crossovers: Sequence[Crossover]
    limits: Sequence[Limit]
    savings: Sequence[tuple[str, float, float]]
    """(what to change, added USD a month then, mean staleness then in seconds), of the stream."""
    billings: Sequence[Billing]
    """Ways to pay for the units of stream + Lambda; the designs are billed in the first."""
    best_billing: Billing
    cheapest_billing: Sequence[Cheapest]
    recommendation: str

    def usd_a_month(self, billing: Billing) -> float:
        """Stream + Lambda in all, billed so."""
        return self.designs[0].total - self.billings[0].usd_a_month + billing.usd_a_month


def make_plan(
    load: Load,
    setting: Setting,
    prices: PriceList,
    *,
    events: Sequence[Event] = (),
    stalest_seconds: float = 60.0,
) -> Plan:
    """Plan for a load, by its model or by real events."""
    mix: Mix = Log(load, events, setting.ranking) if events else Zipf(load, setting.ranking)
    bill = Bill(setting, prices)
    designs = [make(load, mix, setting, bill) for make in DESIGNS]
    grow = growth(load, setting.ranking)
    limits = limits_of(load, mix, setting)
    ways = billings(load, mix, setting, bill)
    return Plan(
        load,
        setting,
        prices,
        designs,
        list(_crossovers(load, grow, setting, bill)),
        limits,
        list(_savings(load, mix, setting, prices)),
        ways,
        best_of(ways, stalest_seconds),
        cheapest(grow, setting, bill, grid()[::2], stalest_seconds),
        _recommendation(designs, limits, stalest_seconds),
    )


def cost_at(grow: Growth, setting: Setting, bill: Bill, make: Make) -> Callable[[float], float]:
    """USD a month of one design as a function of writes a day, as `grow` makes the load of them."""

    def cost(writes: float) -> float:
        load, mix = grow(writes)
        return make(load, mix, setting, bill).total

    return cost


def grid() -> list[float]:
    """Writes a day, evenly spaced on a logarithmic axis."""
    points = []
    at = FEWEST
    while at <= MOST * 1.001:
        points.append(at)
        at *= 10 ** (1 / STEPS_OF_TEN)
    return points


def _crossovers(load: Load, grow: Growth, setting: Setting, bill: Bill) -> "list[Crossover]":
    # Each pair asks for the same points again.
    costs = {make: cache(cost_at(grow, setting, bill, make)) for make in DESIGNS}
    names = {make: make(load, Zipf(load, setting.ranking), setting, bill).name for make in DESIGNS}
    points = grid()
    found: list[Crossover] = []
    for index, first in enumerate(DESIGNS):
        for second in DESIGNS[index + 1 :]:
            signs = [costs[first](at) < costs[second](at) for at in points]
            for at, (before, after) in zip(points, pairwise(signs), strict=False):
                if before != after:
                    low, high = at, at * 10 ** (1 / STEPS_OF_TEN)
                    for _ in range(30):
                        middle = (low * high) ** 0.5
                        same = (costs[first](middle) < costs[second](middle)) == before
                        low, high = (middle, high) if same else (low, middle)
                    cheaper, than = (second, first) if before else (first, second)
                    found.append(Crossover(high, names[cheaper], names[than]))
    return sorted(found, key=lambda each: each.writes_a_day)


def _savings(
    load: Load, mix: Mix, setting: Setting, prices: PriceList
) -> "list[tuple[str, float, float]]":
    """What can be given up to save money, one thing after the other, and all together."""
    make = DESIGNS[0]
    found = []
    choices: list[tuple[str, Load, Setting]] = [("as planned", load, setting)]
    for seconds in (5.0, 60.0, LONGEST_WINDOW):
        if seconds > setting.batching_window:
            longer = replace(setting, batching_window=seconds)
            choices.append((f"BatchingWindow={seconds:g}", load, longer))
    fewer = replace(load, ranked=load.ranked[:1])
    thinned = replace(setting, traces=False, backups=False, batching_window=LONGEST_WINDOW)
    if len(load.ranked) > 1:
        choices.append((f"rank {load.ranked[0]} only", fewer, setting))
    if setting.traces:
        choices.append(("no traces of the aggregator", load, replace(setting, traces=False)))
    choices += [
        (
            "no backups (a rebuild makes tallies anew)",
            load,
            replace(setting, backups=False),
        ),
        ("all of these", fewer, thinned),
    ]
    for what, chosen, tuned in choices:
        design = make(chosen, mix.of(chosen), tuned, Bill(tuned, prices))
        found.append((what, design.total, design.staleness_seconds))
    return found


def _recommendation(designs: Sequence[Design], limits: Sequence[Limit], stalest: float) -> str:
    fresh = [each for each in designs if each.staleness_seconds <= stalest]
    if not fresh:
        best = min(designs, key=lambda each: each.total)
        return (
            f"No design is as fresh as {stalest:g} s at this load; the cheapest is"
            f" {best.name} (USD {best.total:,.2f} a month)."
        )
    # Users pay for a slower write, at every mark.
    best = min(fresh, key=lambda each: (each.write_latency_ms > 1, each.total))
    binding = next((each for each in limits if each.used >= 1), None)
    if binding is not None and best.name.startswith("stream"):
        return (
            f"{best.name} (USD {best.total:,.2f} a month), but not as it is set: {binding.what}"
            f" binds at {binding.binds_at:,.0f} writes a day; {binding.moves}."
        )
    return (
        f"{best.name}: USD {best.total:,.2f} a month, counts {best.staleness_seconds:,.1f} s"
        " behind on average, nothing added to a write."
        if best.write_latency_ms <= 1
        else f"{best.name}: USD {best.total:,.2f} a month, each write"
        f" {best.write_latency_ms:.0f} ms slower."
    )
