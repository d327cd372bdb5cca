"""One history of a live table that is rebuilt: writers, invocations and rebuilds, all of them slow,
interrupted, killed, and delivered more than once, in an order that its number decides."""

import random as shared_random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from tallies.core.errors import StoreUnavailable
from tallies.core.tally import Tally
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.buckets import is_unfit, ranked_by_buckets
from tallies.stores.dynamodb.apply.in_rows.catch_up import catch_up
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.catalog.catalog import FIRST_EPOCH
from tallies.stores.dynamodb.rows.keys import TableNames, is_reserved, row_key
from tallies.stores.dynamodb.snapshot.proof import Proof
from tallies.stores.dynamodb.snapshot.proofs import Proofs
from tallies.stores.dynamodb.snapshot.read.scan import Pace
from tallies.stores.verified import Verified
from tests.core.model import Totals, group_by
from tests.histories.faults import Network
from tests.histories.history import MAX_STEPS
from tests.histories.judge import Wrong
from tests.histories.schedule import Actor, die, pause
from tests.operate.rebuild.simulated.live_table import LiveTable
from tests.operate.rebuild.simulated.readable import PatientClient, SimulatedStream

MAX_KILLS = 12


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


class RebuildHistory(LiveTable):
    max_kills = MAX_KILLS
    second_rate = 0.01
    """How often a rebuild is begun beside one that runs."""

    def __init__(self, seed: int, folder: Path) -> None:
        super().__init__(seed)
        self.folder = folder
        self.deadliness = self.random.choice([0, 0.01, 0.05])
        """How often a rebuild's request, or page of its scan, is its last."""
        self.rebuilds: dict[int, Actor] = {}
        """By the number of their files."""
        self.met: Counter[str] = Counter()

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
            if (
                not (self.invocations or self.network.late or self.rebuilds)
                and all(shard.id in self.deliveries for shard in self.source.shards)
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
