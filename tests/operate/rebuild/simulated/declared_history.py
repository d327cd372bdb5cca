"""One history of a live table whose declaration changes, while some aggregators have not heard."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from tallies.core.declaration.declaration import Declaration
from tallies.core.fold import Folder
from tallies.core.tally import Tally
from tallies.core.windows import Window
from tallies.stores.drifts import together
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.batch import ApplyResult
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.catalog.catalog import Catalog, TallyVersion
from tallies.stores.dynamodb.catalog.redeclare import begin
from tallies.stores.dynamodb.catalog.settings import Settings
from tallies.stores.dynamodb.rows.keys import TableNames
from tallies.stores.dynamodb.snapshot.proof import Proof
from tallies.stores.dynamodb.snapshot.proofs import Proofs
from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.layout import AS_IT_IS, GUARDS, LayoutWish
from tallies.stores.verified import Verified
from tests.core.model import group_by
from tests.histories.faults import Network
from tests.histories.judge import Wrong
from tests.histories.schedule import Actor
from tests.operate.rebuild.simulated.dynamo_history import RebuildHistory
from tests.operate.rebuild.simulated.readable import PatientClient, SimulatedStream

ALWAYS_OLD = 0.4
"""How often an invocation knows only an epoch that may be over."""


class DeclaredHistory(RebuildHistory):
    def __init__(self, seed: int, folder: Path) -> None:
        super().__init__(seed, folder)
        tables = self.world.tables
        self.base = TableNames(tables.source, tables.tallies)
        # The first tally is in the table of the positions; the others get tables of their own.
        self.declared = Declaration([folder.tally for folder in self.world.mended])
        self.wish = self._drawn_wish()
        self.first_wish = LayoutWish(ranking="measure", guard=self.wish.guard or "transactions")
        settings = self._settings(self.database)
        settings.create(settings.first(), "simulated")
        self.first_wish = AS_IT_IS
        self.known: list[Catalog] = [self._settings(self.database).read()]

    def _settings(self, client: Any) -> Settings:
        return Settings(client, self.base, self.first_wish, self.declared)

    def _drawn_wish(self) -> LayoutWish:
        return AS_IT_IS

    def _plant(self) -> None:
        """In place of drift, the next declaration."""
        self.wish = self._drawn_wish()
        tallies = list(self.declared.tallies)
        chosen = self.random.randrange(len(tallies))
        tallies[chosen] = self._other(tallies[chosen])
        if len(tallies) > 1 and self.random.random() < 0.2:
            del tallies[self.random.randrange(len(tallies))]
        self.declared = Declaration(tallies)
        self.met["planted"] += 1

    def _other(self, tally: Tally) -> Tally:
        if tally.time is None:
            return replace(tally, group_by=tuple(reversed(tally.group_by)), retention={})
        kinds = [kind for kind in Window if self.random.random() < 0.5] or [Window.ALL]
        return replace(tally, windows=kinds, ranked=(), retention={})

    def _start_rebuild(self) -> None:
        number = next(each for each in range(2) if each not in self.rebuilds)
        client: Any = PatientClient(self.network, self.deadliness)
        declared, wish = self.declared, self.wish

        def made(_: Sequence[TallyVersion]) -> None:
            """Tables are made when they are first written to."""

        def shards() -> list[str]:
            return [shard.id for shard in self.source.shards]

        def change() -> Verified:
            settings = self._settings(client)
            if not settings.read().differs(declared, wish):
                return together([])  # the one before has come to its end
            catalog = begin(settings, declared, wish, client, made, shards)
            if any(version.layout.guard == "rows" for version in catalog.live):
                self._catch_up(
                    catalog.names,
                    folders=catalog.folders(),
                    epoch=catalog.epoch,
                    redeclared=settings.read,
                )
            proofs = Proofs(
                [
                    (
                        self._proof_of(catalog, version, self.network, number),
                        self.folder / f"{version.tally.name}-{number}",
                    )
                    for version in catalog.building
                ]
            )
            found = proofs.rebuild(Writer(catalog.names, catalog.folders()))
            settings.move(catalog, catalog.switched(declared))
            return found

        self.rebuilds[number] = Actor(change)

    def _proof_of(
        self, catalog: Catalog, version: TallyVersion, network: Network, number: int
    ) -> Proof:
        (first, *_) = self._proofs(network, number).values()
        return replace(
            first, names=catalog.names, folder=Folder(version.tally), epoch=catalog.epoch
        )

    def _whole(self) -> list[Actor]:
        for actor in self.rebuilds.values():
            if actor.is_over and "Somebody else changes" in str(actor.error):
                self.met["changed meanwhile"] += 1
                actor.error = None  # another one is on the way, or through
        return super()._whole()

    def _invocation(
        self, shard_id: str, records: Sequence[StreamRecord]
    ) -> Callable[[], ApplyResult]:
        client = cast("Any", self.network.client(shard_id))
        reading = self._settings(PatientClient(self.network, 0))
        if self.random.random() >= ALWAYS_OLD:
            self.known.append(self._settings(self.database).read())
        catalog = self.random.choice([self.known[0], self.known[-1]])
        apply = GuardedApply(
            client,
            catalog.names,
            catalog.folders(),
            clock=self._now,
            sender=self._sender(client),
            epoch=catalog.epoch,
            redeclared=reading.read,
            shards=cast("Any", SimulatedStream(self.source)).shards,
            amounts=self.random.choice([*self.memories, None]),
        )
        return self._applying(apply, shard_id, records)

    def _verify(self) -> None:
        catalog = self._settings(self.database).read()
        calm = Network(self.database, self.random, self.time, {})
        for version in catalog.live:
            proof = self._proof_of(catalog, version, calm, 0)
            found = Proofs([(proof, self.folder / f"v-{version.name}")]).verify()
            if found.drifted:
                raise Wrong(f"verify tells of drift in {version.name}: {list(found.drifted)}")

    def _judge(self) -> None:
        catalog = self._settings(self.database).read()
        if catalog.differs(self.declared, self.wish) or catalog.building:
            raise Wrong(f"kept is {catalog}, declared {self.declared}")
        for version in catalog.live:
            expected = group_by(version.tally, self.source.rows.values())
            actual = self._stored_in(version)
            folder = Folder(version.tally)
            for key in expected.keys() | actual.keys():
                end = folder.expiry(key[1])
                is_over = end is not None and end <= self._now()
                if not is_over and expected.get(key) != actual.get(key):
                    raise Wrong(
                        f"{version.table} {key} is {actual.get(key)}, should be {expected.get(key)}"
                    )

    def _stored_in(self, version: TallyVersion) -> Any:
        world = self.world
        try:
            self.world = replace(
                world, tables=replace(self.base, others={version.tally.name: version.table})
            )
            self.database.tables.setdefault(version.table, {})
            return self._stored(version.tally)
        finally:
            self.world = world


class LayoutHistory(DeclaredHistory):
    """Declarations change, and with them, to and fro, what guards the rows."""

    at_once = 3

    def _drawn_wish(self) -> LayoutWish:
        return LayoutWish(guard=self.random.choice(GUARDS))
