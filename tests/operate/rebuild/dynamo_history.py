"""One history of a live table that is rebuilt: writers, invocations and rebuilds, all of them slow,
interrupted, killed, and delivered more than once, in an order that its number decides."""

import random as shared_random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, cast
from unittest.mock import patch

from tallies.core.errors import StoreUnavailable
from tallies.core.tally import Tally
from tallies.stores.dynamodb.apply import buckets
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.batch import ApplyResult
from tallies.stores.dynamodb.apply.buckets import is_unfit, ranked_by_buckets
from tallies.stores.dynamodb.apply.in_rows.amounts import RowAmounts
from tallies.stores.dynamodb.apply.in_rows.catch_up import catch_up
from tallies.stores.dynamodb.apply.transactions import Sender
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.catalog.catalog import FIRST_EPOCH
from tallies.stores.dynamodb.rows.keys import TableNames, is_reserved, row_key
from tallies.stores.dynamodb.snapshot import proofs
from tallies.stores.dynamodb.snapshot.mend import mender as mend
from tallies.stores.dynamodb.snapshot.mend import misplaced
from tallies.stores.dynamodb.snapshot.proof import Proof
from tallies.stores.dynamodb.snapshot.proofs import Proofs
from tallies.stores.dynamodb.snapshot.read import scan, views
from tallies.stores.dynamodb.snapshot.read.scan import Pace
from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.verified import Verified
from tests.core.model import Totals, group_by
from tests.histories.delivery import Delivery
from tests.histories.faults import FAULTS, Network, SimulatedTime
from tests.histories.history import MAX_STEPS, Wrong, one_by_one
from tests.histories.schedule import Actor, die, pause
from tests.histories.source import SimulatedShard, SimulatedSource
from tests.histories.worlds import START, WORLDS, kept_in_rows, new_row, touched
from tests.operate.rebuild.simulated import ReadableDynamoDB, SimulatedStream

KEYS = 12
"""Rows that the source has at most."""
MAX_KILLS = 12
NOTE_RATE = 0.2
"""How often an invocation notes how far its shard is, where that is put off."""


@dataclass(frozen=True)
class Played:
    """What a history was like."""

    world: str
    records: int
    rebuilds: int
    killed: int
    taken_over: int
    planted: int
    faults: Counter[str]


def play(seed: int, folder: Path, kind: "type[RebuildHistory] | None" = None) -> Played:
    """Play one history; `folder` is for what the rebuilds gather.

    Raises:
        Wrong: a tally is not GROUP BY of the source; it says how to play the history again.
    """
    state = shared_random.getstate()
    shared_random.seed(seed)  # tenacity draws the pauses between retries from there
    history = (kind or RebuildHistory)(seed, folder)
    try:
        with history.in_simulated_time():
            return history.play()
    except Exception as error:
        raise Wrong(f"{error!r}\nIt is history {seed} of tests/operate/rebuild.") from error
    finally:
        history.kill_all()
        shared_random.setstate(state)


class PatientClient:
    """What a rebuild asks with where the client itself asks again until there is an answer."""

    meta = None

    def __init__(self, network: Network, deadliness: float) -> None:
        self._network = network
        self._deadliness = deadliness

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(**request: Any) -> Any:
            # A page of a scan is asked for by a thread of the scan's own, which nobody switches.
            if name != "scan":
                pause()
                if self._network.random.random() < self._deadliness:
                    die()
            return getattr(self._network.database, name)(**request)

        return ask


class RebuildHistory:
    in_rows = False
    """Whether rows hold their own positions from the start."""
    at_once = MAX_STEPS
    """How many invocations there are at a time. Row by row, a batch takes so many requests that
    ever more would wait for one another."""
    keys = KEYS
    max_kills = MAX_KILLS
    second_rate = 0.01
    """How often a rebuild is begun beside one that runs."""
    write_rate, invoke_rate = 0.1, 0.2

    def __init__(self, seed: int, folder: Path) -> None:
        random = self.random = Random(seed)
        self.folder = folder
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
        self.deadliness = random.choice([0, 0.01, 0.05])
        """How often a rebuild's request, or page of its scan, is its last."""
        self.deliveries: dict[str, Delivery] = {}
        self.invocations: list[Actor] = []
        self.rebuilds: dict[int, Actor] = {}
        """By the number of their files."""
        self.met: Counter[str] = Counter()

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

    def play(self) -> Played:
        self._begin()
        for _ in range(self.random.choice([1, 2, 3])):
            self._plant()
            self._live_through_a_rebuild()
        self._deliver_all()
        self._judge()
        self._verify()
        return Played(
            self.world.name,
            sum(len(shard.records) for shard in self.source.shards),
            self.met["rebuild"],
            self.met["killed"],
            self.met["taken over"],
            self.met["planted"],
            Counter(self.network.met),
        )

    def _begin(self) -> None:
        for _ in range(self.random.choice([0, 10, 30])):
            self._write()
        if self.random.random() < 0.5:
            self._deliver_all()

    # What goes on.

    def _live_through_a_rebuild(self) -> None:
        """Until a rebuild that has begun after all that was planted is whole."""
        killed = self.met["killed"]
        earlier = list(self.rebuilds.values())
        for _ in range(MAX_STEPS):
            if self.met["killed"] - killed > self.max_kills:
                self.network.rates, self.deadliness = {}, 0  # so that it comes to an end
            if any(actor not in earlier for actor in self._whole()):
                return
            if not self.rebuilds or (
                len(self.rebuilds) < 2 and self.random.random() < self.second_rate
            ):
                self._start_rebuild()
            if self.random.random() < self.write_rate:
                self._write()
            if self.random.random() < self.invoke_rate:
                self._invoke()
            self._go_on()
        raise Wrong("It does not come to an end.")

    def _whole(self) -> list[Actor]:
        """The rebuilds that have come to their ends."""
        whole = []
        for number, actor in list(self.rebuilds.items()):
            if not actor.is_over:
                continue
            del self.rebuilds[number]
            if isinstance(actor.error, StoreUnavailable) and "takes over" in str(actor.error):
                self.met["taken over"] += 1
            elif isinstance(actor.error, StoreUnavailable) and "still" in str(actor.error):
                self.met["never still"] += 1
            elif isinstance(actor.error, StoreUnavailable) and "busy" in str(actor.error):
                self.met["busy"] += 1
            elif actor.error is not None:
                raise actor.error
            elif actor.result is None:
                self.met["killed"] += 1
            else:
                self.met["rebuild"] += 1
                whole.append(actor)
        return whole

    def _start_rebuild(self) -> None:
        # One that was killed left a file, with which the next one goes on.
        number = next(each for each in range(2) if each not in self.rebuilds)
        each = self._proofs(self.network, number).items()
        work = Proofs([(proof, self.folder / f"{name}-{number}") for name, proof in each])
        writer = Writer(self.world.tables, self.world.mended)

        def rebuild() -> Verified:
            self._catch_up(self.world.tables)
            return work.rebuild(writer)

        self.rebuilds[number] = Actor(rebuild)

    def _catch_up(self, tables: TableNames, **more: Any) -> None:
        """What a rebuild applies itself, where positions are only noted."""
        if not any(layout.guard == "rows" for layout in tables.layouts.values()):
            return
        client: Any = PatientClient(self.network, self.deadliness)
        folders = more.pop("folders", self.world.mended)
        stream: Any = SimulatedStream(self.source)
        apply = GuardedApply(
            client,
            tables,
            folders,
            clock=self._now,
            sender=self._sender(client),
            shards=stream.shards,
            **more,
        )
        catch_up(stream, apply)

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
            parent = self.deliveries.get(shard.parent or "")
            is_next = shard.parent is None or (parent is not None and parent.is_over)
            if is_next and shard.id not in self.deliveries:
                self.deliveries[shard.id] = Delivery(shard, self._invocation, self.random)

    def _go_on(self) -> None:
        running = [*self.invocations, *self.rebuilds.values()]
        if running:
            actor = self._pick(running)
            if not actor.is_over:
                actor.go_on()
            if actor in self.invocations and actor.is_over:
                self.invocations.remove(actor)
        if self.network.late and self.random.random() < 0.2:
            self.network.arrive()

    def _pick(self, running: Sequence[Actor]) -> Actor:
        return self.random.choice(running)

    def _deliver_all(self) -> None:
        for _ in range(MAX_STEPS):
            self._invoke()
            self._go_on()
            shards = [shard.id for shard in self.source.shards]
            if (
                not (self.invocations or self.network.late or self.rebuilds)
                and all(shard in self.deliveries for shard in shards)
                and all(each.is_over for each in self.deliveries.values())
            ):
                return
            self._whole()
        raise Wrong("It does not come to an end.")

    def kill_all(self) -> None:
        for actor in [*self.invocations, *self.rebuilds.values()]:
            if not actor.is_over:
                actor.kill()

    # Its parts.

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

    def _proofs(self, network: Network, number: int = 0) -> dict[str, Proof]:
        deadliness = self.deadliness if network.rates else 0.0

        def rest(_: float) -> None:
            pause()
            if self.random.random() < deadliness:
                die()

        return {
            folder.tally.name: Proof(
                client=cast("Any", PatientClient(network, deadliness)),
                once=cast("Any", network.client(f"rebuild {number}")),
                names=self.world.tables,
                folder=folder,
                stream=cast("Any", SimulatedStream(self.source)),
                marked=False,
                pace=Pace(1.0, clock=lambda: 0.0, rest=rest),
                settle_seconds=0.0,
                clock=self._now,
                epoch=FIRST_EPOCH,
            )
            for folder in self.world.mended
        }

    def _sender(self, client: Any) -> Sender:
        return Sender(
            client,
            self.time.monotonic,
            self.time.sleep,
            lambda: f"{self.random.getrandbits(128):032x}",
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.time.seconds, UTC)

    # Drift.

    def _plant(self) -> None:
        """Rows changed, added, missing; all of them missing is a table that is seeded."""
        deletes = not self.in_rows or self.random.random() < 0.5
        if self.in_rows and deletes:
            self._come_to_rest()
        for tally in self.world.tallies:
            rows = self.database.tables.setdefault(self.world.tables.rows(tally.name), {})
            there = [key for key in rows if not is_reserved(key[0])]
            if deletes and self.random.random() < 0.2:
                for key in there:
                    del rows[key]
                self.met["planted"] += len(there)
                continue
            for key in there:
                if self.random.random() < 0.2:
                    self.met["planted"] += 1
                    chance = self.random.random()
                    if chance < 0.3 and "bucket" in rows[key]:
                        bucket = self.random.choice(["-1", "0", "1", "6"])
                        rows[key] = {**rows[key], "bucket": {"N": bucket}}
                    elif deletes and chance < 0.5:
                        del rows[key]
                    else:
                        self._add(tally, key, self.random.randrange(-3, 9))
            if self.random.random() < 0.5:
                self.met["planted"] += 1
                self._add(tally, ("ghost", "all"), 2)

    def _come_to_rest(self) -> None:
        """A row that is deleted by hand has forgotten what it held. Until that is noted, what is
        delivered again counts again; so it is noted first, and nothing is under way.
        """
        self._deliver_all()
        calm: Any = self.database
        for shard_id, delivery in self.deliveries.items():
            delivery.settle()
            if delivery.cursor:
                apply = GuardedApply(
                    calm,
                    self.world.tables,
                    self.world.mended,
                    clock=self._now,
                    sender=self._sender(calm),
                )
                apply.note(shard_id, delivery.shard.records[delivery.cursor - 1].change.position)

    def _add(self, tally: Tally, key: tuple[str, str], amount: int) -> None:
        self.database.update_item(
            TableName=self.world.tables.rows(tally.name),
            Key=row_key(*key),
            UpdateExpression="SET updated_at = :at ADD "
            + ", ".join(f"#{index} :by" for index in range(len(tally.components))),
            ExpressionAttributeNames={
                f"#{index}": name for index, name in enumerate(tally.components)
            },
            ExpressionAttributeValues={":at": {"S": "by hand"}, ":by": {"N": str(amount)}},
        )

    # The judge.

    def _verify(self) -> None:
        calm = Network(self.database, self.random, self.time, {})
        for name, each in self._proofs(calm).items():
            found = Proofs([(each, self.folder / f"verify-{name}")]).verify()
            if found.drifted:
                raise Wrong(f"verify tells of drift in {name}: {list(found.drifted)}")

    def _judge(self) -> None:
        for folder in self.world.mended:
            tally = folder.tally
            expected, actual = group_by(tally, self.source.rows.values()), self._stored(tally)
            for key in expected.keys() | actual.keys():
                end = folder.expiry(key[1])
                is_over = end is not None and end <= self._now()
                if not is_over and expected.get(key) != actual.get(key):
                    raise Wrong(
                        f"{tally.name} {key} is {actual.get(key)} and should be {expected.get(key)}"
                    )

            table = self.world.tables.rows(tally.name)
            ranked = ranked_by_buckets(self.world.tables, [tally]).get(table)
            for place, item in self.database.tables[table].items():
                end = None if is_reserved(place[0]) else folder.expiry(place[1])
                is_over = end is not None and end <= self._now()
                if not is_over and is_unfit(item, ranked):
                    raise Wrong(f"{tally.name} {place} is in a wrong bucket: {item}")

    def _stored(self, tally: Tally) -> Totals:
        found: Totals = {}
        for (group, window), item in self.database.tables[
            self.world.tables.rows(tally.name)
        ].items():
            if not is_reserved(group):
                amounts = tuple(
                    Fraction(item[name]["N"]) if name in item else Fraction(0)
                    for name in tally.components
                )
                if any(amounts):
                    found[group, window] = amounts
        return found


class InRowsHistory(RebuildHistory):
    """Rows hold their own positions."""

    in_rows = True
    at_once = 3
