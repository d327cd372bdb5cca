"""What limits writes: partitions of so many units a second, and rows that one transaction holds."""

import numpy as np

from benchmarks.scale.facts import BURST_SECONDS, PARTITION_UNITS
from benchmarks.scale.model.popularity import Bools, Floats, Ints


class Partitions:
    """Partitions that each give their units a second, and throttle who asks for more."""

    def __init__(self, count: int, units_a_second: float = PARTITION_UNITS.value) -> None:
        if units_a_second <= 0:
            raise ValueError(
                "The roll-up alone takes all of a ranking partition; use more of them."
            )
        self._rate = units_a_second
        self._paid_until = np.zeros(count)
        """When the units that were taken so far will have come in."""
        self.used = np.zeros(count)
        """Units taken since the last `reset`."""

    def throttles(self, which: Ints, now: float) -> bool:
        """Whether one of them has nothing left to give."""
        return bool(self.throttled(which, now).any())

    def throttled(self, which: Ints, now: float) -> Bools:
        """Which of them have nothing left to give."""
        found: Bools = self._paid_until[which] > now + BURST_SECONDS.value
        return found

    def take(self, which: Ints, units: float | Floats, now: float) -> None:
        """Take units from each; one that is named twice gives twice."""
        self._paid_until[which] = np.maximum(self._paid_until[which], now)
        np.add.at(self._paid_until, which, units / self._rate)
        np.add.at(self.used, which, units)

    def reset(self) -> None:
        self.used[:] = 0

    def utilisation(self, seconds: float) -> float:
        """Of the busiest, as a share of its limit."""
        return float(self.used.max() / (self._rate * seconds)) if len(self.used) else 0.0


class Rows:
    """Rows, each of which one transaction holds at a time."""

    def __init__(self, count: int) -> None:
        self._held_until: Floats = np.zeros(count)
        self.held: Floats = np.zeros(count)
        """Seconds that each was held since the last `reset`."""

    def conflict(self, which: Ints, now: float) -> bool:
        """Whether another transaction holds one of them."""
        return bool((self._held_until[which] > now).any())

    def hold(self, which: Ints, now: float, seconds: float) -> None:
        self._held_until[which] = now + seconds
        self.held[which] += seconds

    def reset(self) -> None:
        self.held[:] = 0

    def utilisation(self, seconds: float) -> float:
        """Share of the time for which the busiest was held."""
        return float(self.held.max() / seconds)
