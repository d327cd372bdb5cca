"""A batch on its way into the tallies, step by step; one for each guard of the product."""

from typing import Protocol

from benchmarks.scale.facts import (
    BATCH_SECONDS,
    INVOCATION_SECONDS,
    INVOKE_SECONDS,
    RECORD_SECONDS,
)
from benchmarks.scale.model.field import Field
from benchmarks.scale.model.popularity import Floats
from benchmarks.scale.model.shard import Formed, Shard


class Work(Protocol):
    """A shard's invocation under way."""

    shard: Shard
    batch: Formed

    def first(self) -> float:
        """When the first step is."""

    def step(self, now: float) -> float | None:
        """Take one step; when the next one is, None when all is done."""

    def counted(self) -> Floats:
        """When each record was in all its rows."""

    def ended(self) -> float:
        """When all was done."""


class Invocation:
    """What is the same for both: the time that there is."""

    def __init__(self, field: Field, batch: Formed) -> None:
        self.field = field
        self.batch = batch
        self._ends = batch.at + INVOCATION_SECONDS.value

    def begins(self) -> float:
        """When the batch is read and folded."""
        reading = BATCH_SECONDS.value + len(self.batch.arrivals) * RECORD_SECONDS.value
        return self.batch.at + INVOKE_SECONDS.value + self.field.client(reading)

    def delivered_again(self, now: float) -> float | None:
        """When the invocation that follows begins, if the time of this one is over."""
        if now < self._ends:
            return None
        self.field.redeliveries += 1
        started = now + INVOKE_SECONDS.value
        self._ends = started + INVOCATION_SECONDS.value
        return started
