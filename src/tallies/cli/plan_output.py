"""A plan as tables, and as JSON."""

from dataclasses import asdict
from typing import Any

from tallies.cli.output import out, print_table
from tallies.operate.plan.billing import parameters
from tallies.operate.plan.plan import Plan
from tallies.operate.plan.provisioned import Capacity


def plan_json(made: Plan) -> dict[str, Any]:
    """All of a plan, for `--json`."""
    found = asdict(made)
    prices = found.pop("prices")
    for design, one in zip(found["designs"], made.designs, strict=True):
        design["total"] = one.total
    ways = zip(found.pop("billings"), made.billings, strict=True)
    found["billing"] = {
        "ways": [{**way, "total": made.usd_a_month(one)} for way, one in ways],
        "best": found.pop("best_billing")["name"],
        "cheapest": found.pop("cheapest_billing"),
        "parameters": parameters(made.best_billing),
    }
    found["savings"] = [
        {"change": what, "usd_a_month": cost, "staleness_seconds": behind}
        for what, cost, behind in made.savings
    ]
    found["prices"] = {key: prices[key] for key in ("region", "collected", "source", "recalled")}
    return found


def print_plan(made: Plan) -> None:
    """Tables for a terminal."""
    load = made.load
    out.print(
        f"{load.writes_a_day:,.0f} writes a day, {load.restaurants:,.0f} restaurants, skew"
        f" {load.skew:.2f}, peak {load.peak:.1f}; {made.prices.region}, prices of"
        f" {made.prices.collected}, free tier {'used' if made.setting.free_tier else 'not used'}",
    )
    if made.prices.recalled:
        out.print(
            f"Prices that nobody looked up, worth a look: {', '.join(made.prices.recalled)}.",
        )
    names = list(dict.fromkeys(name for design in made.designs for name in design.lines))
    names.sort(key=lambda name: name.startswith("reads"))
    rows: list[tuple[str, ...]] = [
        (name, *(_money(design.lines.get(name)) for design in made.designs)) for name in names
    ]
    rows += [
        ("USD a month", *(f"{design.total:,.2f}" for design in made.designs)),
        ("behind, on average", *(_time(each.staleness_seconds) for each in made.designs)),
        ("behind, at worst", *(_time(each.worst_seconds) for each in made.designs)),
        ("added to a write", *(f"{each.write_latency_ms:.0f} ms" for each in made.designs)),
    ]
    out.print()
    print_table(("", *(design.name for design in made.designs)), rows, prose=("",))
    lines = [f"{design.name}: {design.note}." for design in made.designs]
    figures = made.designs[0].figures
    lines.append(
        f"Lambda: {figures['shards']:.0f} shards, so many calls at a time at most;"
        f" {figures['records a batch']:,.1f} records a batch, {figures['write units a write']:.2f}"
        " write units a write."
    )
    out.print()
    for line in lines:
        out.print(line)
    out.print()
    print_table(
        ("limit of stream + Lambda", "used", "binds at", "what moves it"),
        [
            (
                limit.what,
                f"{limit.used:.2%}",
                "never" if limit.binds_at is None else f"{limit.binds_at:,.0f} writes a day",
                limit.moves,
            )
            for limit in made.limits
        ],
        prose=("limit of stream + Lambda", "binds at", "what moves it"),
    )
    out.print()
    print_table(
        ("to save", "USD a month", "behind"),
        [(what, f"{cost:,.2f}", _time(behind)) for what, cost, behind in made.savings],
        prose=("to save",),
    )
    out.print()
    _print_billing(made)
    out.print()
    for crossover in made.crossovers:
        out.print(
            f"Above {crossover.writes_a_day:,.0f} writes a day {crossover.cheaper} is cheaper than"
            f" {crossover.than}.",
        )
    out.print(made.recommendation, style="bold")


def _print_billing(made: Plan) -> None:
    print_table(
        (
            "billing of stream + Lambda",
            "USD a month",
            "write units",
            "read units",
            "takes at once",
            "waits for",
        ),
        [
            (
                each.name,
                f"{made.usd_a_month(each):,.2f}",
                _units(each.writes),
                _units(each.reads),
                _holds(each.writes),
                _time(each.late_seconds),
            )
            for each in made.billings
        ],
        prose=("billing of stream + Lambda", "takes at once"),
    )
    out.print()
    first, *others = made.cheapest_billing
    more = (f"; from {each.writes_a_day:,.0f} writes a day, {each.name}" for each in others)
    out.print(f"The cheapest billing at few writes: {first.name}{''.join(more)}.")
    if given := parameters(made.best_billing):
        words = " ".join(f"{name}={value}" for name, value in given.items())
        name = made.best_billing.name
        out.print(f"Parameters of the stack for {name}: {words} (beside those that it has).")
    free = made.prices.free
    if made.setting.free_tier and free.write_units:
        out.print(
            f"Free are {free.write_units:.0f} write and {free.read_units:.0f} read units, to all"
            " provisioned tables of the account in the region together."
        )


def _holds(capacity: Capacity | None) -> str:
    if capacity is None or capacity.holds is None:
        return ""
    return f"{capacity.holds:,.1f} x the busiest hour"


def _units(capacity: Capacity | None) -> str:
    """Of the table and of its index."""
    if capacity is None:
        return ""
    most = f" to {capacity.most:,}" if capacity.most else ""
    return f"{capacity.table:,} + {capacity.index:,}{most}"


def _money(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.2f}" if value >= 0.005 or not value else "<0.01"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
