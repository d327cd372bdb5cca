"""One history: a table changes, its stream is delivered with faults, and the tallies are judged."""

import random as shared_random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any, Literal, cast
from unittest.mock import patch

from tallies.core.errors import InvalidInput, StoreUnavailable, Unfoldable
from tallies.stores.dynamodb.apply import buckets
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.batch import ApplyResult
from tallies.stores.dynamodb.apply.in_rows.amounts import RowAmounts
from tallies.stores.dynamodb.apply.parked import Parked
from tallies.stores.dynamodb.apply.transactions import Sender
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.dynamodb.stream.stream import Shard
from tests.core.histories import Row
from tests.histories.delivery import Delivery
from tests.histories.fake import MAX_ACTIONS, FakeDynamoDB
from tests.histories.faults import FAULTS, Network, SimulatedTime
from tests.histories.judge import Judge, Wrong
from tests.histories.schedule import Actor
from tests.histories.source import SimulatedSource
from tests.histories.worlds import START, WORLDS, kept_in_rows, new_row, touched

Mode = Literal["shard", "marked", "rows"]
MODES: tuple[Mode, ...] = ("shard", "marked", "rows")
MAX_STEPS = 20_000
"""A history that takes longer has come to a stand."""
DRAWN: tuple[Mode, ...] = ("shard", "marked", "shard", "marked", "rows")
"""Row by row a history takes four times as long."""
MAX_AT_ONCE = 20
"""Invocations that are under way together."""
DAY_AND_MORE_SECONDS = 26 * 3600


@dataclass(frozen=True)
class Played:
    """What a history was like."""

    seed: int
    mode: Mode
    world: str
    records: int
    requests: int
    invocations: int
    parked: int
    splits: int
    faults: Counter[str]


def play(seed: int, mode: Mode | None = None) -> Played:
    """Play one history.

    Raises:
        Wrong: the tallies are not GROUP BY of the source; it says how to play it again.
    """
    state = shared_random.getstate()
    shared_random.seed(seed)  # tenacity draws the pauses between retries from there
    history = History(seed, mode)
    try:
        # Threads would switch where no seed says so.
        with patch.object(buckets, "at_once", one_by_one):
            return history.play()
    except Exception as error:
        command = f"python -m tests.histories --seed {seed}" + (f" --mode {mode}" if mode else "")
        raise Wrong(f"{error!r}\nPlay it again: {command}") from error
    finally:
        history.kill_all()
        shared_random.setstate(state)


class History:
    def __init__(self, seed: int, mode: Mode | None) -> None:
        random = self.random = Random(seed)
        self.seed = seed
        drawn: Mode = random.choice(DRAWN)
        self.mode: Mode = mode or drawn
        self.world = random.choice(WORLDS)
        if self.mode == "rows":
            self.world = kept_in_rows(self.world)
        self.spoil = random.choice([0, 0, 0.1, 0.3])
        least = self.world.widest + 1 if self.mode == "marked" else 2
        self.max_actions = random.choice([least, least + 1, least + 6, MAX_ACTIONS])
        self.time = SimulatedTime(START.timestamp())
        self.database = FakeDynamoDB(self.time.monotonic)
        self.database.batch_get = random.choice([5, MAX_ACTIONS])
        rate = random.choice([0, 0.02, 0.1])
        rates = {fault: rate * random.random() for fault in FAULTS}
        rates["long pause"] = random.choice([0, 0, 0.01, 0.05])
        self.network = Network(self.database, random, self.time, rates)
        self.source = SimulatedSource(random)
        self.judge = Judge(
            self.world, self.source, self.database, marked=self.mode == "marked", now=self._now
        )
        self.deliveries: dict[str, Delivery] = {}
        self.actors: list[Actor] = []
        self.invocations = 0
        # Row by row, a batch takes so many requests that ever more would wait for one another.
        self.at_once = random.choice([1, 3, 5]) if self.mode == "rows" else MAX_AT_ONCE
        self.strays = random.choice([0, 0, 0.05])
        self.sweeps = random.choice([0, 0.05])
        # Of programs that live on; an invocation may be of one of them, or of a new one.
        self.memories = [RowAmounts(), RowAmounts(3)]

    def play(self) -> Played:
        parked = 0
        for phase in range(self.random.choice([1, 1, 2])):
            if phase:
                # Late removals: rows of windows that are over have been deleted meanwhile.
                self.time.seconds += DAY_AND_MORE_SECONDS
                self.database.sweep(self.time.seconds)
            self._write(self.random.choice([3, 6, 12, 24]))
            self._deliver()
            self.judge.tallies(self.world.mended, is_mended=False)
            self.judge.buckets()
            parked = self.judge.parked(self._parked(self.database))
            if self.mode == "shard":
                self.judge.positions()
        if parked:
            self._settle_parked()
        return Played(
            self.seed,
            self.mode,
            self.world.name,
            sum(len(shard.records) for shard in self.source.shards),
            len(self.network.log),
            self.invocations,
            parked,
            len(self.source.shards) // 2,
            Counter(self.network.met),
        )

    # The writers.

    def _write(self, changes: int) -> None:
        random = self.random
        for _ in range(changes):
            key = random.randrange(8)
            old = self.source.rows.get(key)
            new: Row | None
            if old is None:
                new = new_row(random, self.world, self.spoil)
            elif not self.world.in_place or random.random() < 0.4:
                new = None
            else:
                new = touched(random, self.world, old, self.spoil)
            self.source.write(key, new)
            if random.random() < 0.03 and len(self.source.shards) < 7:
                self.source.split()

    # The event source and the invocations.

    def _deliver(self) -> None:
        for _ in range(MAX_STEPS):
            waiting = [delivery for delivery in self._may_deliver() if not delivery.is_over]
            if not waiting and not self.actors and not self.network.late:
                return
            if waiting and len(self.actors) < self.at_once:
                self._start(self.random.choice(waiting).step())
                if self.random.random() < self.strays:
                    self._start(self.random.choice(waiting).stray())
            self._go_on()
        raise Wrong("It does not come to an end.")

    def _may_deliver(self) -> list[Delivery]:
        """The shards whose parents are at their ends."""
        for shard in self.source.shards:
            parent = self.deliveries.get(shard.parent or "")
            is_next = shard.parent is None or (parent is not None and parent.is_over)
            if is_next and shard.id not in self.deliveries:
                self.deliveries[shard.id] = Delivery(shard, self._invocation, self.random)
        return list(self.deliveries.values())

    def _start(self, actor: Actor | None) -> None:
        if actor is not None:
            self.invocations += 1
            self.actors.append(actor)

    def _go_on(self) -> None:
        if self.actors:
            actor = self.random.choice(self.actors)
            actor.go_on()
            if actor.is_over:
                self.actors.remove(actor)
        if self.network.late and self.random.random() < 0.2:
            self.network.arrive()
        if self.random.random() < self.sweeps:
            self.database.sweep(self.time.seconds)

    def kill_all(self) -> None:
        for actor in self.actors:
            if not actor.is_over:
                actor.kill()

    def _invocation(
        self, shard_id: str, records: Sequence[StreamRecord]
    ) -> Callable[[], ApplyResult]:
        apply = GuardedApply(
            cast("Any", self.network.client(f"{shard_id}/{self.invocations}")),
            self.world.tables,
            self.world.faulty,
            clock=self._now,
            sender=self._sender(f"{shard_id}/{self.invocations}"),
            max_actions=self.max_actions,
            shards=self._listed,
            amounts=self.random.choice([*self.memories, None]),
        )
        deadline = self.time.seconds + self.random.choice([1, 5, 60, 900])
        if self.mode != "marked":
            return lambda: apply.apply_shard(shard_id, records, deadline)
        return lambda: apply.apply_marked(records, deadline)

    def _listed(self) -> list[Shard]:
        return [Shard(shard.id, shard.parent, "", None) for shard in self.source.shards]

    def _sender(self, name: str) -> Sender:
        return Sender(
            cast("Any", self.network.client(name)),
            self.time.monotonic,
            self.time.sleep,
            lambda: f"{self.random.getrandbits(128):032x}",
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.time.seconds, UTC)

    # The operators.

    def _parked(self, client: Any) -> Parked:
        return Parked(
            client,
            self.world.tables.tallies,
            self.world.mended,
            Writer(self.world.tables, self.world.mended),
            Sender(client, self.time.monotonic, self.time.sleep, self._token),
            self._now,
        )

    def _token(self) -> str:
        return f"{self.random.getrandbits(128):032x}"

    def _settle_parked(self) -> None:
        """Two operators at once try all parked records with the mended program, till it is done."""
        for name in ("ann", "bob"):
            parked = self._parked(self.network.client(name))
            self._start(Actor(partial(_try_all, parked)))
        while self.actors or self.network.late:
            self._go_on()
        last = self._parked(self.database)
        _try_all(last)
        self.judge.tallies(self.world.mended, is_mended=True)
        for record in list(last.records()):
            last.discard(record.id)
        if last.count():
            raise Wrong("What was discarded is still parked.")
        self.judge.tallies(self.world.mended, is_mended=True)


def one_by_one(ask: Callable[[Any], Any], things: Sequence[Any]) -> list[Any]:
    """In the place of `at_once`, whose threads would switch where no seed says so."""
    return [ask(thing) for thing in things]


def _try_all(parked: Parked) -> str:
    while True:
        try:
            for record in list(parked.records()):
                # The other operator may have been faster; or it stays.
                with suppress(InvalidInput, Unfoldable):
                    parked.retry(record.id)
            return "done"
        except StoreUnavailable:
            continue
