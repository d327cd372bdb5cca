"""One history: a table changes, its stream is delivered with faults, and the tallies are judged."""

import random as shared_random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from random import Random
from typing import Any, Literal, cast
from unittest.mock import patch

from tallies.core.change import Image
from tallies.core.errors import InvalidInput, StoreUnavailable, Unfoldable
from tallies.core.fold import Folder
from tallies.core.tally import Tally
from tallies.stores.dynamodb.apply import buckets
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.batch import ApplyResult
from tallies.stores.dynamodb.apply.buckets import is_unfit, ranked_by_buckets
from tallies.stores.dynamodb.apply.content import change_of
from tallies.stores.dynamodb.apply.in_rows.amounts import RowAmounts
from tallies.stores.dynamodb.apply.parked import Parked
from tallies.stores.dynamodb.apply.position import read_position
from tallies.stores.dynamodb.apply.progress import Progress
from tallies.stores.dynamodb.apply.transactions import Sender
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.rows.keys import is_reserved
from tallies.stores.dynamodb.stream.records import StreamRecord, image_of
from tallies.stores.dynamodb.stream.stream import Shard
from tests.core.histories import SPOILED, Row
from tests.core.model import Totals, admitted, group_by, is_spoiled
from tests.histories.delivery import Delivery
from tests.histories.fake import MAX_ACTIONS, FakeDynamoDB
from tests.histories.faults import FAULTS, Network, SimulatedTime
from tests.histories.schedule import Actor
from tests.histories.source import SimulatedSource, wire
from tests.histories.worlds import MISREAD, START, WORLDS, kept_in_rows, new_row, touched

Mode = Literal["shard", "marked", "rows"]
MODES: tuple[Mode, ...] = ("shard", "marked", "rows")
MAX_STEPS = 20_000
"""A history that takes longer has come to a stand."""
DRAWN: tuple[Mode, ...] = ("shard", "marked", "shard", "marked", "rows")
"""Row by row a history takes four times as long."""
MAX_AT_ONCE = 20
"""Invocations that are under way together."""
DAY_AND_MORE_SECONDS = 26 * 3600


class Wrong(AssertionError):
    """A history did not come out right."""


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
            self._judge(self.world.mended, is_mended=False)
            self._judge_buckets()
            parked = self._judge_parked()
            if self.mode == "shard":
                self._judge_positions()
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

    # The judge.

    def _judge(self, folders: Sequence[Folder], *, is_mended: bool) -> None:
        now = self._now()
        rows = [_as_mended(row) if is_mended else row for row in self.source.rows.values()]
        for folder in folders:
            tally = folder.tally
            expected = group_by(tally, rows)
            actual = self._stored(tally)
            for key, amounts in actual.items():
                end = folder.expiry(key[1])
                # Under markers, an arrival that came too late for its window may be overtaken by
                # the removal of the same row that was folded in time: for the day that such a row
                # has left, it is below zero. By positions, never.
                is_over = self.mode == "marked" and end is not None and end <= now
                if amounts[0] < 0 and not is_over:
                    raise Wrong(f"{tally.name} {key} is below zero: {amounts}")
            for key in expected.keys() | actual.keys():
                end = folder.expiry(key[1])
                if end is not None and end <= now:
                    continue  # it may be there still, or not
                if expected.get(key) != actual.get(key):
                    raise Wrong(
                        f"{tally.name} {key} is {actual.get(key)} and should be {expected.get(key)}"
                    )

    def _stored(self, tally: Tally) -> Totals:
        found: Totals = {}
        rows = self.database.tables.get(self.world.tables.rows(tally.name), {})
        for (group, window), item in rows.items():
            if not is_reserved(group):
                amounts = tuple(Fraction(item[name]["N"]) for name in tally.components)
                if any(amounts):
                    found[group, window] = amounts
        return found

    def _judge_buckets(self) -> None:
        """Each row of a window that is kept is in the bucket that its amount lies in."""
        tables = self.world.tables
        ranked = ranked_by_buckets(tables, self.world.tallies)
        for folder in self.world.mended:
            table = tables.rows(folder.tally.name)
            for key, item in self.database.tables.get(table, {}).items():
                if is_reserved(key[0]):
                    continue
                end = folder.expiry(key[1])
                if (end is None or end > self._now()) and is_unfit(item, ranked.get(table)):
                    raise Wrong(f"{folder.tally.name} {key} is in a wrong bucket: {item}")

    def _judge_positions(self) -> None:
        for shard in self.source.shards:
            if shard.records:
                tallies = self.world.tables.tallies
                known = read_position(cast("Any", self.database), tallies, shard.id)
                if known.progress != Progress(shard.records[-1].change.position):
                    raise Wrong(f"{shard.id} is at {known}, not at its end")

    def _judge_parked(self) -> int:
        """What is parked, added up, is what no tally could take of the rows that are there."""
        net: dict[str, Counter[str]] = {tally.name: Counter() for tally in self.world.tallies}
        by_name = {tally.name: tally for tally in self.world.tallies}
        records = list(self._parked(cast("Any", self.database)).records())
        for record in records:
            old, new, _ = change_of(record.content)
            for image, sign in ((new, 1), (old, -1)):
                if image is not None:
                    net[record.tally][_read(by_name[record.tally], image)] += sign
        for tally in self.world.tallies:
            expected = Counter(
                _read(tally, image_of(wire(row)))
                for row in self.source.rows.values()
                if admitted(tally, row) and is_spoiled(tally, row)
            )
            found = Counter({image: n for image, n in net[tally.name].items() if n})
            if found != expected:
                raise Wrong(f"{tally.name}: parked are {found}, should be {expected}")
        return len(records)

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
        self._judge(self.world.mended, is_mended=True)
        for record in list(last.records()):
            last.discard(record.id)
        if last.count():
            raise Wrong("What was discarded is still parked.")
        self._judge(self.world.mended, is_mended=True)


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


def _read(tally: Tally, image: Image) -> str:
    names = tally.attributes
    return repr([(name, image.get(name)) for name in names if name in image])


def _as_mended(row: Row) -> Row:
    if row.get("city") == MISREAD:
        return {**row, SPOILED: tuple(set(row.get(SPOILED, ())) - {"city"})}
    return row
