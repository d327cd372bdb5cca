"""The DynamoDB store as a whole."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tallies.core.declaration import Declaration
from tallies.core.errors import InvalidTally, NotInitialised, WrongStore
from tallies.core.fold import Folder
from tallies.stores.dynamodb.aggregate import StreamAggregator
from tallies.stores.dynamodb.apply import GuardedApply
from tallies.stores.dynamodb.backlog import Backlog
from tallies.stores.dynamodb.catalog import Catalog, Kept
from tallies.stores.dynamodb.client import Clients
from tallies.stores.dynamodb.errors import HistoryTrimmed
from tallies.stores.dynamodb.explain import explained
from tallies.stores.dynamodb.keys import TableNames
from tallies.stores.dynamodb.leases import Leases
from tallies.stores.dynamodb.parked import Parked
from tallies.stores.dynamodb.read import Reader
from tallies.stores.dynamodb.redeclare import begin
from tallies.stores.dynamodb.settings import GuardKind, Settings
from tallies.stores.dynamodb.stream import MAX_RECORDS, Stream
from tallies.stores.dynamodb.tables import Tables
from tallies.stores.dynamodb.transactions import Sender
from tallies.stores.dynamodb.url import Location, parse_url
from tallies.stores.dynamodb.writes import Writer
from tallies.stores.protocol import (
    Clock,
    Condition,
    Progress,
    Status,
    Verified,
    count_parked,
    no_progress,
)
from tallies.stores.sample import Sample

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import CreateTableInputTypeDef

    from tallies.stores.dynamodb.snapshot.proofs import Proofs

SETTLE_SECONDS = 5.0
"""After this long a write is in the stream (it takes a fraction of a second)."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class DynamoStore(Reader):
    """A table, its stream and its tallies in DynamoDB. Threads may share it.

    Every method may raise a `StoreError` that says in one sentence what is wrong with the service
    or the tables.
    """

    def __init__(
        self,
        location: Location,
        declared: Declaration | None = None,
        *,
        strictly: bool = True,
        clock: Clock = utc_now,
        default: Declaration | None = None,
        own_source: "CreateTableInputTypeDef | None" = None,
    ) -> None:
        """Nothing is asked of the service yet.

        `declared` is what the store has to keep; None for what it does, and `default` when it is
        new. With `strictly` off, it is only for when the store is new. `own_source` is the shape of
        the source, if the store makes it.
        """
        self.location = location
        self.declared = declared or default
        source = self.declared.table if self.declared else None
        self.names = TableNames.of(location.prefix, source or "")
        self._own_source = own_source
        self._is_declared = declared is not None
        self._clients = Clients(location.region, location.endpoint)
        self._clock = clock
        self.settings = Settings(
            self._clients.dynamodb,
            self.names,
            location.ranking_shards,
            self.declared,
            is_declared=strictly and declared is not None,
        )
        Reader.__init__(self, self._clients.dynamodb, self.settings, None)

    @classmethod
    def from_url(
        cls,
        url: str,
        declared: Declaration | None = None,
        *,
        strictly: bool = True,
        clock: Clock = utc_now,
    ) -> Self:
        """The store that a URL names, with the tallies that were declared.

        Raises:
            InvalidStoreUrl: the URL is of another form.
        """
        return cls(parse_url(url), declared, strictly=strictly, clock=clock)

    @property
    def url(self) -> str:
        return self.location.url

    def init(self, *, progress: Progress = no_progress) -> bool:  # noqa: ARG002 - none is long
        try:
            catalog = self.settings.read()
        except NotInitialised:
            catalog = self.settings.first()
        made = self._tables(catalog).create(catalog.live)
        stream = self._stream_of(catalog).arn
        made = self.settings.create(stream) or made
        if self.settings.stream is None:
            self.settings.follow(stream)
        return made

    def _tables(self, catalog: Catalog) -> Tables:
        source, own = catalog.base.source, self._own_source
        return Tables(
            self._clients.dynamodb, source, own if own and own["TableName"] == source else None
        )

    @cached_property
    def stream(self) -> Stream:
        """The source table's change stream."""
        return self._stream_of(self.settings.catalog())

    def _stream_of(self, catalog: Catalog) -> Stream:
        source = catalog.base.source
        return Stream.of_table(self._clients.dynamodb, self._clients.streams, source)

    def find_stream(self) -> Stream:
        """Look again which stream the source table has: it has another after a turn off and on."""
        self.__dict__.pop("stream", None)
        return self.stream

    def guarded_apply(
        self, guard: GuardKind = "positions", stream: str | None = None
    ) -> GuardedApply:
        """What batches of the stream are applied with. One for each thread.

        `stream` is the name of the stream that they are of, for whoever knows it without asking.

        Raises:
            WrongStore: records are guarded in another way already, or the tallies are of the
                stream of another region.
        """
        self.settings.claim(guard)
        stream = stream or self.stream.arn
        if self.settings.stream is None:
            self.settings.follow(stream)
        self.settings.check_replica(stream)
        catalog = self.settings.catalog()
        return GuardedApply(
            self._clients.once,
            catalog.names,
            catalog.folders(),
            clock=self._clock,
            epoch=catalog.epoch,
            redeclared=self.settings.read,
        )

    def warm(self) -> None:
        """Connect, and read the settings: what the first batch would have to wait for.

        Raises:
            StoreError: the store is out of reach, or has no tables.
        """
        self.settings.catalog()
        _ = self._clients.once

    def undeclared(self) -> str:
        """In what the store differs from what was declared, as one sentence; empty in nothing."""
        try:
            if self.declared is not None:
                self.settings.catalog().check(self.declared)
        except WrongStore as difference:
            return str(difference) if self._is_declared else ""
        return ""

    def aggregator(self, batch: int = MAX_RECORDS) -> StreamAggregator:
        """One that carries the stream into the tallies, in this process."""
        return StreamAggregator(self.stream, self.guarded_apply(), batch)

    @cached_property
    def leases(self) -> Leases:
        """Which worker reads which shard."""
        return Leases(self._clients.dynamodb, self.names.tallies, self._clock)

    @property
    def parked(self) -> Parked:
        """The records that could not be folded."""
        catalog = self.settings.catalog()
        return Parked(
            self._clients.dynamodb,
            self.names.tallies,
            catalog.folders(),
            self._writer(catalog),
            Sender(self._clients.once),
            self._clock,
        )

    @property
    def backlog(self) -> Backlog:
        """What is in the stream and not in the tallies."""
        client = explained(self._clients.dynamodb, "the tables")
        return Backlog(client, self.stream, self.names.tallies)

    def lag(self) -> tuple[None, None]:
        """Unknown: to tell it, the stream itself must be read. `status` does."""
        return None, None

    def version(self) -> None:
        """Unknown: to see whether a leaderboard has changed costs as much as to read it."""

    def condition(self) -> Condition:
        """The service sees to its own files."""
        return Condition()

    def status(self) -> Status:
        oldest: float | None = None
        catalog = self.settings.read()
        lost = self._another_stream(catalog)
        try:
            oldest = self.backlog.oldest()
        except HistoryTrimmed as trimmed:
            lost.append(str(trimmed))
        roll = self.leases.roll()
        troubles = roll.troubles() or lost
        now = self._clock()
        behind = None if oldest is None else max(0.0, now.timestamp() - oldest)
        return Status(
            source=catalog.base.source,
            source_rows=None,
            lag_records=0 if behind is None and not lost else None,
            lag_seconds=None if lost else behind or 0.0,
            parked=self.parked.count(),
            aggregator=", ".join(roll.alive(now)) or None,
            details={
                "source": catalog.base.source,
                "tables": ", ".join(kept.table for kept in (*catalog.live, *catalog.building)),
                "stream": self.stream.arn,
                **({"trouble": " ".join(troubles)} if troubles else {}),
            },
        )

    def _another_stream(self, catalog: Catalog) -> list[str]:
        known, now = self.settings.stream, self.find_stream().arn
        if known in (None, now):
            return []
        try:
            self.settings.check_replica(now)
        except WrongStore as elsewhere:
            return [str(elsewhere)]
        return [
            f"The change stream of {catalog.base.source} was made anew, and what was written in"
            " between is in neither; `tallies rebuild` makes the tallies right again."
        ]

    @property
    def source(self) -> str:
        return self.settings.catalog().base.source

    def tallies(self) -> dict[str, Reader]:
        return {kept.name: self.reading(kept.name) for kept in self.settings.catalog().live}

    def reading(self, name: str | None) -> Reader:
        self.settings.catalog().named(name)  # there is none of that name: say so now
        return Reader(self._clients.dynamodb, self.settings, name)

    def verify(
        self,
        *,
        sample: Sample | None = None,
        folder: Path | None = None,
        read_units: float | None = None,
        progress: Progress = no_progress,
    ) -> Verified:
        """Compare every tally with GROUP BY over the source, changing nothing.

        Writers and aggregators go on; records on their way are no drift. At most `read_units` a
        second are spent on the scans. `folder` is where it gathers; killed, it goes on from there.

        Of a sample every row is compared: of groups that have rows in the source or records in the
        stream. The source is read whole, since it has no order by group; of the tallies only what
        is compared is read.

        Raises:
            HistoryTrimmed: the stream has lost records that were never applied.
            WrongStore: the tallies are of the stream of another region.
        """
        catalog = self.settings.read()
        self.settings.check_replica(self.stream.arn)
        proofs = self._proofs("verify", catalog, catalog.live, folder, read_units, progress, sample)
        return proofs.verify()

    def differs(
        self, declared: Declaration | None = None, ranking_shards: int | None = None
    ) -> str:
        catalog = self.settings.read()
        if declared is not None:
            self._check_source(declared, catalog)
        return catalog.differs(declared or catalog.declaration(), ranking_shards)

    def rebuild(
        self,
        declared: Declaration | None = None,
        *,
        ranking_shards: int | None = None,
        in_this_region: bool = False,
        folder: Path | None = None,
        read_units: float | None = None,
        progress: Progress = no_progress,
    ) -> Verified:
        """Make every tally exact: what it differs by is added. What was found to differ.

        Writers go on, and so do aggregators; those that know records by markers are paused.
        `folder` is where it gathers; killed, it goes on from there.

        What is new in `declared` is built beside what readers see, and shown when it is whole. So
        are leaderboards of another number of partitions, `ranking_shards`.

        With `in_this_region`, the tallies are those of this region's replica of the source from
        here on; nobody may aggregate in the other one any more.

        Raises:
            InvalidTally: the declaration is of another source.
            StoreUnavailable: another rebuild has taken over.
            WrongStore: the tallies are of the stream of another region.
        """
        catalog = self.settings.read()
        if not in_this_region:
            self.settings.check_replica(self.stream.arn)
        if declared is not None:
            self._check_source(declared, catalog)
        declared = declared or catalog.declaration()
        if not catalog.differs(declared, ranking_shards):
            return self._mend(catalog, catalog.live, folder, read_units, progress)
        self.settings.claim("positions")  # a record's marker says nothing about what is new
        catalog = begin(
            self.settings,
            declared,
            ranking_shards,
            self._clients.dynamodb,
            self._tables(catalog).create,
            lambda: [shard.id for shard in self.stream.shards()],
        )
        found = self._mend(catalog, catalog.building, folder, read_units, progress)
        self.settings.move(catalog, catalog.switched(declared))
        return found

    def go_by_positions(self) -> None:
        """Know records by their shard's position from here on, if they were known by markers.

        Raises:
            WrongStore: an event source mapping without a tumbling window reads the stream.
            StoreError: Lambda does not tell what reads it, or the tables are busy.
        """
        if self.settings.guard() != "markers":
            self.settings.claim("positions")
            return
        from tallies.stores.dynamodb.by_positions import catch_up, hand_over
        from tallies.stores.dynamodb.mappings import check_windows

        if not self.location.endpoint:
            check_windows(self._clients.functions, self.stream.arn)
        client, table = self._clients.dynamodb, self.names.tallies
        ends = catch_up(client, table, self.stream, self.guarded_apply("markers"))
        hand_over(
            client,
            Sender(self._clients.once),
            table,
            ends,
            self.settings.by_positions(),
            self.settings.catalog().epoch,
            self._clock(),
        )
        self.settings.read()

    def _check_source(self, declared: Declaration, catalog: Catalog) -> None:
        if declared.table != catalog.base.source:
            raise InvalidTally(
                f"The declaration is of the table {declared.table}, and {self.url} tallies"
                f" {catalog.base.source}; give each source a store of its own."
            )

    def _mend(
        self,
        catalog: Catalog,
        some: Sequence[Kept],
        folder: Path | None,
        read_units: float | None,
        progress: Progress,
    ) -> Verified:
        proofs = self._proofs("rebuild", catalog, some, folder, read_units, progress)
        with self._nothing_applied_by_markers():
            count_parked(self.parked)
            found = proofs.rebuild(self._writer(catalog))
        # What left the stream unread is in now; the workers that wait for this may go on.
        self.leases.account_for(self.stream.shards(), self.stream.arn)
        if self.settings.stream != self.stream.arn:
            self.settings.follow(self.stream.arn, anew=True)
        return found

    def _nothing_applied_by_markers(self) -> AbstractContextManager[None]:
        if self.settings.guard() != "markers":
            return nullcontext()
        from tallies.stores.dynamodb.mappings import paused

        return paused(
            self._clients.functions, self._clients.dynamodb, self.names.tallies, self.stream.arn
        )

    def _proofs(
        self,
        what: str,
        catalog: Catalog,
        some: Sequence[Kept],
        folder: Path | None,
        read_units: float | None,
        progress: Progress,
        sample: Sample | None = None,
    ) -> "Proofs":
        # Only now: a function that applies a batch need not load it.
        from tallies.stores.dynamodb.snapshot.gathering import file_name, own_folder
        from tallies.stores.dynamodb.snapshot.proof import Proof
        from tallies.stores.dynamodb.snapshot.proofs import Proofs
        from tallies.stores.dynamodb.snapshot.scan import Pace

        proof = partial(
            Proof,
            client=explained(self._clients.scanning, "the tables"),
            once=self._clients.once,
            names=catalog.names,
            epoch=catalog.epoch,
            stream=self.stream,
            marked=self.settings.guard() == "markers",
            pace=Pace(read_units),
            settle_seconds=0.0 if self.location.endpoint else SETTLE_SECONDS,
            progress=progress,
            clock=self._clock,
            sample=sample,
        )
        where = folder or own_folder()
        each = [
            (
                proof(folder=Folder(kept.tally)),
                where / file_name(self.location.prefix, self.stream.arn, what, kept.dump(), sample),
            )
            for kept in some
        ]
        return Proofs(each)

    def _writer(self, catalog: Catalog) -> Writer:
        return Writer(catalog.names, catalog.folders())

    def close(self) -> None:
        self._clients.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
