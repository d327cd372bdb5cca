"""One history of a large table: a thousand shards in its stream, most of them ended."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tallies.stores.dynamodb.apply.apply import GuardedApply
from tests.histories.delivery import Delivery
from tests.histories.schedule import Actor
from tests.histories.source import SimulatedShard
from tests.operate.rebuild.simulated.dynamo_history import RebuildHistory

SHARDS = 1_000
OPEN = 128
"""More than one transaction holds."""


class LargeHistory(RebuildHistory):
    keys = 2 * OPEN
    max_kills = 2
    second_rate = 0.0003
    write_rate, invoke_rate = 0.3, 0.2

    def __init__(self, seed: int, folder: Path) -> None:
        super().__init__(seed, folder)
        self._left: list[SimulatedShard] = []
        self._ended: set[str | None] = set()
        self._known = 0

    def _begin(self) -> None:
        while self.source.open_shards < OPEN:
            self._write_some(5)
            self.source.split()
        while len(self.source.shards) < SHARDS - OPEN:
            self._write_some(1)
            self.source.roll(self.random.randrange(OPEN))
        self._apply_all()
        # Of the last to end some are not read to their ends; some have no records at all.
        while len(self.source.shards) < SHARDS:
            self._write_some(self.random.choice([0, 1, 3]))
            self.source.roll(self.random.randrange(OPEN))

    def _waiting(self, shards: Sequence[SimulatedShard]) -> list[Delivery]:
        # Most have ended and are delivered, and need not be looked at again.
        self._left += shards[self._known :]
        self._ended |= {shard.parent for shard in shards[self._known :]}
        self._known = len(shards)
        waiting, left = [], []
        for shard in self._left:
            delivery = self._delivery(shard)
            is_over = delivery is not None and delivery.is_over
            if not is_over or shard.id not in self._ended:
                left.append(shard)
            if delivery is not None and not is_over:
                waiting.append(delivery)
        self._left = left
        return waiting

    def _write_some(self, count: int) -> None:
        for _ in range(count):
            self._write()

    def _grow(self) -> None:
        if len(self.source.shards) >= SHARDS and self.random.random() < 0.02:
            self.source.roll(self.random.randrange(OPEN))

    def _pick(self, running: Sequence[Actor]) -> Actor:
        # Else a rebuild, with its many requests, would never come to an end.
        rebuilds = list(self.rebuilds.values())
        if rebuilds and self.random.random() < 0.4:
            return self.random.choice(rebuilds)
        return super()._pick(running)

    def _apply_all(self) -> None:
        """Bring in all records that there are, calmly."""
        apply = GuardedApply(
            cast("Any", self.database),
            self.world.tables,
            self.world.mended,
            clock=self._now,
            sender=self._sender(self.database),
        )
        for shard in self.source.shards:
            delivery = self.deliveries[shard.id] = Delivery(shard, self._invocation, self.random)
            apply.apply_shard(shard.id, shard.records, self.time.seconds + 60)
            delivery.cursor = len(shard.records)
