"""A live table: its writers, and invocations that are slow, interrupted and killed, and get their
records more than once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from random import Random
from typing import Any, cast
from unittest.mock import patch

from tallies.core.errors import StoreUnavailable
from tallies.stores.dynamodb.apply import buckets
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.batch import ApplyResult
from tallies.stores.dynamodb.apply.in_rows.amounts import RowAmounts
from tallies.stores.dynamodb.apply.transactions import Sender
from tallies.stores.dynamodb.snapshot import proofs
from tallies.stores.dynamodb.snapshot.mend import mender as mend
from tallies.stores.dynamodb.snapshot.mend import misplaced
from tallies.stores.dynamodb.snapshot.read import scan, views
from tallies.stores.dynamodb.stream.records import StreamRecord
from tests.histories.delivery import Delivery
from tests.histories.faults import FAULTS, Network, SimulatedTime
from tests.histories.history import MAX_STEPS, one_by_one
from tests.histories.schedule import Actor
from tests.histories.source import SimulatedShard, SimulatedSource
from tests.histories.worlds import START, WORLDS, kept_in_rows, new_row, touched
from tests.operate.rebuild.simulated.readable import ReadableDynamoDB, SimulatedStream

KEYS = 12
"""Rows that the source has at most."""
NOTE_RATE = 0.2
"""How often an invocation notes how far its shard is, where that is put off."""


class LiveTable:
    in_rows = False
    """Whether rows hold their own positions from the start."""
    at_once = MAX_STEPS
    """How many invocations there are at a time. Row by row, a batch takes so many requests that
    ever more would wait for one another."""
    keys = KEYS
    write_rate, invoke_rate = 0.1, 0.2

    def __init__(self, seed: int) -> None:
        random = self.random = Random(seed)
        self.world = random.choice(WORLDS)
        if self.in_rows:
            self.world = kept_in_rows(self.world)
        self.time = SimulatedTime(START.timestamp())
        self.source = SimulatedSource(random)
        self.database = ReadableDynamoDB(self.time.monotonic, self.source, self.world.tables.source)
        rate = random.choice([0, 0.02, 0.1])
        self.memories = [RowAmounts(), RowAmounts(3)]
        self.network = Network(
            self.database,
            random,
            self.time,
            {fault: rate * random.random() for fault in FAULTS},
        )
        self.deliveries: dict[str, Delivery] = {}
        self.invocations: list[Actor] = []

    @contextmanager
    def in_simulated_time(self) -> Iterator[None]:
        with (
            patch.object(views, "Sender", self._sender),
            patch.object(proofs, "Sender", self._sender),
            patch.object(views, "monotonic", self.time.monotonic),
            patch.object(mend, "monotonic", self.time.monotonic),
            patch.object(misplaced, "sleep", self.time.sleep),
            patch.object(buckets, "at_once", one_by_one),
            patch.object(scan, "SEGMENTS", 1),  # more of them come in an order that nobody decides
        ):
            yield

    def _write(self) -> None:
        random = self.random
        key = random.randrange(self.keys)
        old = self.source.rows.get(key)
        if old is None:
            self.source.write(key, new_row(random, self.world, 0))
        elif not self.world.in_place or random.random() < 0.4:
            self.source.write(key, None)
        else:
            self.source.write(key, touched(random, self.world, old, 0))
        self._grow()

    def _grow(self) -> None:
        if self.random.random() < 0.02 and len(self.source.shards) < 7:
            self.source.split()

    def _invoke(self) -> None:
        waiting = self._waiting(self.source.shards)
        if waiting and len(self.invocations) < self.at_once:
            invocation = self.random.choice(waiting).step()
            if invocation is not None:
                self.invocations.append(invocation)

    def _waiting(self, shards: Sequence[SimulatedShard]) -> list[Delivery]:
        """The deliveries that are not over."""
        self._deliver_next(shards)
        return [each for each in self.deliveries.values() if not each.is_over]

    def _deliver_next(self, shards: Sequence[SimulatedShard]) -> None:
        """Begin with the shards whose parents are read."""
        for shard in shards:
            self._delivery(shard)

    def _delivery(self, shard: SimulatedShard) -> Delivery | None:
        """A shard's delivery, which begins now if its parent is read; else None."""
        delivery = self.deliveries.get(shard.id)
        if delivery is None:
            parent = self.deliveries.get(shard.parent or "")
            if shard.parent is None or (parent is not None and parent.is_over):
                delivery = Delivery(shard, self._invocation, self.random)
                self.deliveries[shard.id] = delivery
        return delivery

    def _invocation(
        self, shard_id: str, records: Sequence[StreamRecord]
    ) -> Callable[[], ApplyResult]:
        client = cast("Any", self.network.client(shard_id))
        apply = GuardedApply(
            client,
            self.world.tables,
            self.world.mended,
            clock=self._now,
            sender=self._sender(client),
            max_actions=100,
            shards=cast("Any", SimulatedStream(self.source)).shards,
            amounts=self.random.choice([*self.memories, None]),
        )
        return self._applying(apply, shard_id, records)

    def _applying(
        self, apply: GuardedApply, shard_id: str, records: Sequence[StreamRecord]
    ) -> Callable[[], ApplyResult]:
        deadline = self.time.seconds + self.random.choice([1, 5, 60])
        notes = self.random.random() < NOTE_RATE

        def work() -> ApplyResult:
            result = apply.apply_shard(shard_id, records, deadline)
            if notes:
                with suppress(StoreUnavailable):
                    apply.note(shard_id)
            return result

        return work

    def _sender(self, client: Any) -> Sender:
        return Sender(
            client,
            self.time.monotonic,
            self.time.sleep,
            lambda: f"{self.random.getrandbits(128):032x}",
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.time.seconds, UTC)
