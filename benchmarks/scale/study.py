"""The whole study: every setting over the range of rates, and where each breaks."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.scale.breaking import LEAST_WRITES, MOST_WRITES, Breaking, breaking_point
from benchmarks.scale.facts import FACTS
from benchmarks.scale.outcome import Outcome
from benchmarks.scale.settings import LADDER, OTHERWISE, SINGLE, Settings
from benchmarks.scale.simulate import SEED, simulate

RATES = (
    LEAST_WRITES,
    1,
    10,
    30,
    100,
    200,
    400,
    600,
    1e3,
    3e3,
    6e3,
    1e4,
    3e4,
    1e5,
    3e5,
    MOST_WRITES,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What of it is done."""

    rates: Sequence[float] = RATES
    ladder: Sequence[Settings] = LADDER
    single: Sequence[Settings] = SINGLE
    otherwise: Sequence[Settings] = OTHERWISE


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
