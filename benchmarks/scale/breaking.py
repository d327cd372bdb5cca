"""Where a setting stops to keep up, found by halving."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.scale.facts import PARTITION_UNITS
from benchmarks.scale.outcome import Outcome
from benchmarks.scale.settings import Settings
from benchmarks.scale.simulate import OFTEN, simulate

LEAST_WRITES = 7_000 / 86_400
"""A second: 7,000 a day."""
MOST_WRITES = 1_000_000.0
NARROW = 1.06
"""The rate is known when it lies between two that differ by this factor."""
STEP = 4.0

Simulate = Callable[[Settings, float], Outcome]


@dataclass(frozen=True, slots=True)
class Breaking:
    """The rate that a setting carries, and what is in the way of more."""

    settings: Settings
    carries: Outcome
    """The run at the highest rate that was seen to keep up."""
    fails: Outcome | None
    """The run at the lowest rate that was not; None when the highest of all is carried."""

    @property
    def binding(self) -> str:
        """What is in the way: the fullest partition, conflicts, the function's processor, or a
        shard's own time.

        A shard's time fills whatever the reason is, so the others are asked first.
        """
        run = self.fails or self.carries
        fullest = max(("index", "item"), key=lambda name: run.utilisation[name])
        if run.throttles > OFTEN and run.utilisation[fullest] > _FULL:
            return fullest
        if run.conflicts > OFTEN:
            return "conflicts"
        return "processor" if run.utilisation["processor"] > _MOSTLY else "shard"

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "settings": self.settings.name,
            "in_product": self.settings.in_product,
            "carries": self.carries.data(),
            "fails": self.fails.data() if self.fails else None,
            "binding": self.binding,
        }


def fullest_shards(settings: Settings) -> float:
    """The highest rate at which the source has no more partitions than at the lowest."""
    return settings.least_shards * PARTITION_UNITS.value / settings.headroom


_FULL = 0.97
_MOSTLY = 0.9


def breaking_point(settings: Settings, run: Simulate = simulate) -> Breaking:
    """The rate at which the tallies begin to fall behind, to a few percent.

    A shard has the most to do right before its table has more partitions. So it begins at such a
    rate, and goes up from one to the next but one until a run fails, and then between the two: what
    is carried there is carried at every rate below.
    """
    good, bad = None, None
    rate = fullest_shards(settings)
    while bad is None:
        outcome = run(settings, rate)
        if outcome.keeps_up:
            good = outcome
            if rate >= MOST_WRITES:
                return Breaking(settings, good, None)
            rate = min(rate * STEP, MOST_WRITES)
        else:
            bad = outcome
    while good is None:
        rate = max(rate / STEP, LEAST_WRITES)
        outcome = run(settings, rate)
        if outcome.keeps_up or rate == LEAST_WRITES:
            good = outcome
        else:
            bad = outcome
    while bad.writes_a_second / good.writes_a_second > NARROW:
        outcome = run(settings, math.sqrt(bad.writes_a_second * good.writes_a_second))
        if outcome.keeps_up:
            good = outcome
        else:
            bad = outcome
    return Breaking(settings, good, bad)
