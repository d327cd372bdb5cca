"""Upkeep: verifying the tallies of a store, making them exact, and giving them other forms."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tallies.core.declaration.declaration import Declaration
from tallies.core.fold import Folder
from tallies.stores.clock import Clock
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.parked import Parked
from tallies.stores.dynamodb.apply.transactions import Sender
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.catalog.catalog import Catalog, TallyVersion
from tallies.stores.dynamodb.catalog.redeclare import begin
from tallies.stores.dynamodb.catalog.settings import GuardKind, Settings
from tallies.stores.dynamodb.client.clients import Clients
from tallies.stores.dynamodb.client.explain import explained
from tallies.stores.dynamodb.client.url import Location
from tallies.stores.dynamodb.stream.leases import Leases
from tallies.stores.dynamodb.stream.replica import table_of
from tallies.stores.dynamodb.stream.stream import Stream
from tallies.stores.layout import LayoutWish
from tallies.stores.parked import retry_all
from tallies.stores.protocol import Progress
from tallies.stores.sample import Sample
from tallies.stores.verified import Verified

if TYPE_CHECKING:
    from tallies.stores.dynamodb.snapshot.proofs import Proofs

SETTLE_SECONDS = 5.0
"""After this long, a write is in the stream (it takes a fraction of a second)."""


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """One verify or rebuild of a store. `DynamoStore`'s methods say what they promise."""

    location: Location
    table: str
    """The table that holds the store's settings."""
    clients: Clients
    settings: Settings
    stream: Stream
    leases: Leases
    clock: Clock
    check: Callable[[Declaration, Catalog], None]
    """Checks that a declaration is of the table that is tallied."""
    parked: Callable[[], Parked]
    apply: Callable[[GuardKind], GuardedApply]
    make_tables: Callable[[Catalog, Sequence[TallyVersion]], object]
    folder: Path | None
    """Where files of what was read are kept; None for a private folder of the user."""
    read_units: float | None
    """Read units a second that the scans may spend; None for any number."""
    processes: int | None
    progress: Progress

    def verify(self, sample: Sample | None) -> Verified:
        """Compare the tallies, or a sample of them, with their source."""
        catalog = self.settings.read()
        self.settings.check_replica(self.stream.arn)
        return self._proofs("verify", catalog, catalog.live, sample).verify()

    def rebuild(
        self, declared: Declaration | None, layout: LayoutWish, *, in_this_region: bool
    ) -> Verified:
        """Make the tallies exact, and build what is declared if that differs."""
        catalog = self.settings.read()
        if not in_this_region:
            self.settings.check_replica(self.stream.arn)
        if declared is not None:
            self.check(declared, catalog)
        declared = declared or catalog.declaration()
        if not catalog.differs(declared, layout):
            self._catch_up(catalog)
            return self._mend(catalog, catalog.live)
        self.settings.claim("positions")  # a marker says nothing about new tallies
        catalog = begin(
            self.settings,
            declared,
            layout,
            self.clients.dynamodb,
            partial(self.make_tables, catalog),
            lambda: [shard.id for shard in self.stream.shards()],
        )
        self._catch_up(catalog)
        found = self._mend(catalog, catalog.building)
        self.settings.move(catalog, catalog.switched(declared))
        # What they could not count is in what was built, or verify tells of it.
        self.parked().discard_replaced()
        return replace(found, built=True)

    def go_by_positions(self) -> None:
        """Go from markers to positions, where records are recognized by markers."""
        if self.settings.guard() != "markers":
            self.settings.claim("positions")
            return
        from tallies.stores.dynamodb.apply.in_transactions.by_positions import catch_up, hand_over
        from tallies.stores.dynamodb.stream.mappings import check_windows

        if not self.location.endpoint:
            check_windows(self.clients.functions, self.stream.arn)
        client = self.clients.dynamodb
        ends = catch_up(client, self.table, self.stream, self.apply("markers"))
        hand_over(
            client,
            Sender(self.clients.once),
            self.table,
            ends,
            self.settings.by_positions(),
            self.settings.catalog().epoch,
            self.clock(),
        )
        self.settings.read()

    def _catch_up(self, catalog: Catalog) -> None:
        """Apply records of this very stream that were acknowledged but that some rows may lack."""
        known = self.settings.stream
        if known is not None and table_of(known) != table_of(self.stream.arn):
            return  # all acknowledged records are of the replica in another region
        if any(version.layout.guard == "rows" for version in catalog.live):
            from tallies.stores.dynamodb.apply.in_rows.catch_up import catch_up

            catch_up(self.stream, self.apply("positions"))

    def _mend(self, catalog: Catalog, some: Sequence[TallyVersion]) -> Verified:
        proofs = self._proofs("rebuild", catalog, some)
        with self._nothing_applied_by_markers():
            retry_all(self.parked())
            found = proofs.rebuild(Writer(catalog.names, catalog.folders()))
        # What left the stream unread is counted now; the workers that wait for this may go on.
        self.leases.account_for(self.stream.shards(), self.stream.arn)
        if self.settings.stream != self.stream.arn:
            self.settings.follow(self.stream.arn, anew=True)
        return found

    def _nothing_applied_by_markers(self) -> AbstractContextManager[None]:
        if self.settings.guard() != "markers":
            return nullcontext()
        from tallies.stores.dynamodb.stream.mappings import paused

        clients = self.clients
        return paused(clients.functions, clients.dynamodb, self.table, self.stream.arn)

    def _proofs(
        self,
        what: str,
        catalog: Catalog,
        some: Sequence[TallyVersion],
        sample: Sample | None = None,
    ) -> "Proofs":
        # Imported here, so that a function that applies a batch need not load it.
        from tallies.stores.dynamodb.snapshot.proof import Proof
        from tallies.stores.dynamodb.snapshot.proofs import Proofs
        from tallies.stores.dynamodb.snapshot.read.processes import Processes
        from tallies.stores.dynamodb.snapshot.read.scan import Pace
        from tallies.stores.dynamodb.snapshot.spill.work_folder import file_name, own_folder

        proof = partial(
            Proof,
            client=explained(self.clients.scanning, "the tables"),
            once=self.clients.once,
            names=catalog.names,
            epoch=catalog.epoch,
            stream=self.stream,
            marked=self.settings.guard() == "markers",
            pace=Pace(self.read_units),
            settle_seconds=0.0 if self.location.endpoint else SETTLE_SECONDS,
            progress=self.progress,
            clock=self.clock,
            sample=sample,
        )
        where, location = self.folder or own_folder(), self.location
        each = [
            (
                proof(folder=Folder(version.tally), declared=version.declared),
                where / file_name(location.prefix, self.stream.arn, what, version.dump(), sample),
            )
            for version in some
        ]
        return Proofs(each, Processes(location.region, location.endpoint, self.processes))
