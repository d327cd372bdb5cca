"""The whole study: every setting over the range of rates, and where each breaks."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.scale.breaking import LEAST_WRITES, MOST_WRITES, Breaking, breaking_point
from benchmarks.scale.facts import FACTS
from benchmarks.scale.outcome import Outcome
from benchmarks.scale.settings import (
    LADDER,
    MIDNIGHT,
    MIDNIGHT_WRITES,
    OTHERWISE,
    SINGLE,
    Settings,
)
from benchmarks.scale.simulate import SEED, Simulation, simulate

RATES = (LEAST_WRITES, 1, 10, 100, 300, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, MOST_WRITES)
MIDNIGHT_SECONDS = 1_800.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What of it is done."""

    rates: Sequence[float] = RATES
    ladder: Sequence[Settings] = LADDER
    single: Sequence[Settings] = SINGLE
    otherwise: Sequence[Settings] = OTHERWISE
    midnight: Sequence[Settings] = MIDNIGHT


def study(plan: Plan, note: Callable[[str], None], seed: int = SEED) -> dict[str, Any]:
    """Run it; the result is plain data, as the JSON file has it."""
    found: dict[str, Breaking] = {}

    def breaking(each: Settings) -> dict[str, Any]:
        if each.name not in found:

            def run(settings: Settings, rate: float) -> Outcome:
                note(f"{settings.name}: where it breaks; at {rate:,.0f} a second")
                return simulate(settings, rate, seed=seed)

            found[each.name] = breaking_point(each, run=run)
        return found[each.name].data()

    ladder = [breaking(each) for each in plan.ladder]
    points = [
        [outcome.data() for outcome in _curve(each, plan.rates, found[each.name], note, seed)]
        for each in plan.ladder
    ]
    return {
        "seed": seed,
        "facts": [
            {
                "what": fact.what,
                "value": fact.value,
                "unit": fact.unit,
                "kind": fact.kind,
                "source": fact.source,
            }
            for fact in FACTS
        ],
        "ladder": [{**broken, "points": some} for broken, some in zip(ladder, points, strict=True)],
        "single": [breaking(each) for each in plan.single],
        "otherwise": [breaking(each) for each in plan.otherwise],
        "midnight": [_midnight(each, note, seed) for each in plan.midnight],
    }


PARTS = ("ladder", "single", "otherwise", "midnight")


def names_of(plan: Plan) -> list[str]:
    """Its settings, each once."""
    return list(dict.fromkeys(each.name for part in PARTS for each in getattr(plan, part)))


def only(names: Collection[str]) -> Plan:
    """Nothing but the settings of these names."""
    whole = Plan()
    return Plan(
        **{part: [each for each in getattr(whole, part) if each.name in names] for part in PARTS}
    )


def renewed(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Results with those settings in their place that were run again; others stay as they were.

    Raises KeyError for a setting that neither has.
    """
    parts = {}
    for part in PARTS:
        known = {each["settings"]: each for each in (*before[part], *now[part])}
        parts[part] = [known[each.name] for each in getattr(Plan(), part)]
    return {**now, **parts}


def _midnight(settings: Settings, note: Callable[[str], None], seed: int) -> dict[str, Any]:
    """How old the oldest record of a batch gets while a day begins, and for how long."""
    note(f"{settings.name}: the first half hour of a day")
    simulation = Simulation(settings, MIDNIGHT_WRITES, seed=seed)
    simulation.run(MIDNIGHT_SECONDS)
    usual = 3 * simulation.staleness.quantile(0.5)
    return {
        "settings": settings.name,
        "writes_a_second": MIDNIGHT_WRITES,
        "oldest_seconds": round(max(lag for _, lag in simulation.lags), 1),
        "late_until_seconds": round(max([at for at, lag in simulation.lags if lag > usual] + [0])),
    }


def _curve(
    settings: Settings,
    rates: Iterable[float],
    broken: Breaking,
    note: Callable[[str], None],
    seed: int,
) -> list[Outcome]:
    """Outcomes at all rates that the setting carries, its breaking point last."""
    last = broken.carries
    outcomes = []
    for rate in rates:
        if rate < last.writes_a_second:
            note(f"{settings.name}: {rate:,.2f} a second")
            outcomes.append(simulate(settings, rate, seed=seed))
    return [*outcomes, last]
