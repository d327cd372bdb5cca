"""What a simulated run came to."""

from dataclasses import asdict, dataclass
from typing import Any

LIMITS = {
    "index": "ranking index partition",
    "item": "hot restaurant's partition",
    "held": "hot restaurant's row, held by transactions",
    "shard": "time of a shard's one invocation",
    "processor": "the processor of that invocation",
}
"""What can be full, by the name of its utilisation."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures of the settled part of a run, at one rate."""

    settings: str
    writes_a_second: float
    shards: int
    keeps_up: bool
    """Whether the tallies do not fall further and further behind."""
    p50_seconds: float
    """Staleness: from a write to the transaction that counts it."""
    p99_seconds: float
    utilisation: dict[str, float]
    """Of the busiest one of each limit, as a share of it: what is used, not what is asked for."""
    units_a_record: float
    """Write units, those of cancelled transactions included."""
    records_a_batch: float
    conflicts: float
    """Attempts lost to another transaction on the same row, for each one that is in."""
    throttles: float
    """Attempts refused by a full partition, for each one that is in."""
    redeliveries: int
    """Invocations that ran out of time with a batch half done."""
    records: int
    simulated_seconds: float

    @property
    def binding(self) -> str:
        """The limit that is the fullest."""
        return max(self.utilisation, key=lambda name: self.utilisation[name])

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        rounded = {
            name: float(f"{value:.4g}") if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        used = {name: round(value, 4) for name, value in self.utilisation.items()}
        return {**rounded, "utilisation": used, "binding": self.binding}
