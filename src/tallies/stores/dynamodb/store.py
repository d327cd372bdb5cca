"""The DynamoDB store as a whole."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import InvalidTally, NotInitialised, WrongStore
from tallies.stores.clock import Clock, utc_now
from tallies.stores.dynamodb.apply.aggregate import StreamAggregator
from tallies.stores.dynamodb.apply.applies import Applies
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.in_rows.held import lacking
from tallies.stores.dynamodb.apply.parked import Parked
from tallies.stores.dynamodb.apply.transactions import Sender
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.catalog.catalog import Catalog
from tallies.stores.dynamodb.catalog.settings import GuardKind, Settings
from tallies.stores.dynamodb.client.clients import Clients
from tallies.stores.dynamodb.client.explain import explained
from tallies.stores.dynamodb.client.url import Location, parse_url
from tallies.stores.dynamodb.rows.keys import TableNames
from tallies.stores.dynamodb.rows.read import Reader
from tallies.stores.dynamodb.rows.tables import Tables
from tallies.stores.dynamodb.status import status_of
from tallies.stores.dynamodb.stream.backlog import Backlog
from tallies.stores.dynamodb.stream.leases import Leases
from tallies.stores.dynamodb.stream.stream import MAX_RECORDS, Stream
from tallies.stores.dynamodb.upkeep import Upkeep
from tallies.stores.layout import AS_IT_IS, LayoutWish
from tallies.stores.protocol import Progress, no_progress
from tallies.stores.sample import Sample
from tallies.stores.status import Condition, Status
from tallies.stores.verified import Verified

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import CreateTableInputTypeDef


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
        """Send no request to the service yet.

        `declared` is what the store has to keep; None accepts what it keeps, or `default` when it
        is new. With `strictly` off, `declared` applies only to a new store, and `init` takes one
        whose layout is not the URL's. `own_source` is the shape of the source, if the store creates
        it.
        """
        self.location = location
        self.declared = declared or default
        source = self.declared.table if self.declared else None
        self.names = TableNames.of(location.prefix, source or "")
        self._own_source = own_source
        self._is_declared = declared is not None
        self._is_strict = strictly
        self._clients = Clients(location.region, location.endpoint)
        self._clock = clock
        self.settings = Settings(
            self._clients.dynamodb,
            self.names,
            location.layout,
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
            if self._is_strict:
                self.settings.check_layouts(catalog)
        except NotInitialised:
            catalog = self.settings.first()
        made = self._tables(catalog).create(catalog.live)
        stream = self._stream_of(catalog).arn
        made = self.settings.create(catalog, stream) or made
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
        """Look up again which stream the source table has: turned off and on, it has a new one."""
        self.__dict__.pop("stream", None)
        return self.stream

    def guarded_apply(
        self, guard: GuardKind = "positions", stream: str | None = None
    ) -> GuardedApply:
        """An apply for batches of the stream. Each thread needs one of its own.

        `stream` is the name of their stream, if the caller knows it without asking.

        Raises:
            WrongStore: records are guarded in another way already, or the tallies are of the
                stream of another region.
        """
        self.settings.claim(guard)
        return self._applies.of(Stream(self._clients.streams, stream) if stream else self.stream)

    @cached_property
    def _applies(self) -> Applies:
        return Applies(self._clients.once, self.settings, self._clock)

    def warm(self) -> None:
        """Connect and read the settings, so that the first batch need not wait for that.

        Raises:
            StoreError: the store is out of reach, or has no tables.
        """
        self.settings.catalog()
        _ = self._clients.once

    def undeclared(self) -> str:
        """How the store differs from what was declared, in one sentence; empty if it does not."""
        try:
            if self.declared is not None:
                self.settings.catalog().check(self.declared)
        except WrongStore as difference:
            return str(difference) if self._is_declared else ""
        return ""

    def aggregator(self, batch: int = MAX_RECORDS) -> StreamAggregator:
        """An aggregator that carries the stream into the tallies, in this process."""
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
            Writer(catalog.names, catalog.folders()),
            Sender(self._clients.once),
            self._clock,
            {each.tally.name: each.name for each in (*catalog.live, *catalog.building)},
        )

    @property
    def backlog(self) -> Backlog:
        """What is in the stream but not in the tallies."""
        client = explained(self._clients.dynamodb, "the tables")
        catalog = self.settings.catalog()
        return Backlog(
            client,
            self.stream,
            self.names.tallies,
            lacking(client, catalog, self._clock) if catalog.in_rows else None,
        )

    def lag(self) -> tuple[None, None]:
        """Unknown: finding it out means reading the stream itself. `status` does."""
        return None, None

    def version(self) -> None:
        """Unknown: seeing whether a leaderboard has changed costs as much as reading it."""

    def condition(self) -> Condition:
        """Nothing to check: the service looks after its own files."""
        return Condition()

    def status(self) -> Status:
        catalog = self.settings.read()
        stream = self.find_stream()
        return status_of(
            catalog, self.settings, stream, self.backlog, self.leases, self.parked, self._clock
        )

    @property
    def source(self) -> str:
        return self.settings.catalog().base.source

    def tallies(self) -> dict[str, Reader]:
        return {
            version.name: self.reading(version.name) for version in self.settings.catalog().live
        }

    def reading(self, name: str | None) -> Reader:
        self.settings.catalog().named(name)  # raises now if there is none of that name
        return Reader(self._clients.dynamodb, self.settings, name)

    def verify(
        self,
        *,
        sample: Sample | None = None,
        folder: Path | None = None,
        read_units: float | None = None,
        processes: int | None = None,
        progress: Progress = no_progress,
    ) -> Verified:
        """Compare every tally with GROUP BY over the source, changing nothing.

        Writers and aggregators go on; records that are not applied yet do not count as drift. At
        most `read_units` a second are spent on the scans. `folder` is where files of what was read
        are kept; after a kill, the next verify goes on from there. `processes` is how many
        processes scan the source; by default, one for each core where the table is large.

        With a `sample`, every row of its groups is compared: of groups that have rows in the source
        or records in the stream. The source is read whole, since it has no order by group; of the
        tallies only what is compared is read.

        Raises:
            HistoryTrimmed: the stream has lost records that were never applied.
            WrongStore: the tallies are of the stream of another region.
        """
        return self._upkeep(folder, read_units, processes, progress).verify(sample)

    def differs(self, declared: Declaration | None = None, layout: LayoutWish = AS_IT_IS) -> str:
        catalog = self.settings.read()
        if declared is not None:
            self._check_source(declared, catalog)
        return catalog.differs(declared or catalog.declaration(), layout)

    def rebuild(
        self,
        declared: Declaration | None = None,
        *,
        layout: LayoutWish = AS_IT_IS,
        in_this_region: bool = False,
        folder: Path | None = None,
        read_units: float | None = None,
        processes: int | None = None,
        progress: Progress = no_progress,
    ) -> Verified:
        """Make every tally exact by adding what it differs by; returns what was found to differ.

        Writers go on, and so do aggregators, except that those that use markers are paused.
        `folder` and `processes` are as of `verify`.

        What is new in `declared`, and rows of another `layout`, are built beside what readers see,
        and shown when complete.

        With `in_this_region`, the tallies are those of this region's replica of the source from now
        on; no program may aggregate in the other region any more.

        Raises:
            InvalidTally: the declaration is of another source.
            StoreUnavailable: another rebuild has taken over.
            WrongStore: the tallies are of the stream of another region.
        """
        upkeep = self._upkeep(folder, read_units, processes, progress)
        return upkeep.rebuild(declared, layout, in_this_region=in_this_region)

    def go_by_positions(self) -> None:
        """Recognize records by their shard's position from now on, if markers were used so far.

        Raises:
            WrongStore: an event source mapping without a tumbling window reads the stream.
            StoreError: Lambda does not list what reads it, or the tables are busy.
        """
        self._upkeep().go_by_positions()

    def _check_source(self, declared: Declaration, catalog: Catalog) -> None:
        if declared.table != catalog.base.source:
            raise InvalidTally(
                f"The declaration is of {declared.of_table}, and {self.url} tallies"
                f" {catalog.base.source}; give each source a store of its own."
            )

    def _upkeep(
        self,
        folder: Path | None = None,
        read_units: float | None = None,
        processes: int | None = None,
        progress: Progress = no_progress,
    ) -> Upkeep:
        return Upkeep(
            location=self.location,
            table=self.names.tallies,
            clients=self._clients,
            settings=self.settings,
            stream=self.stream,
            leases=self.leases,
            clock=self._clock,
            check=self._check_source,
            parked=lambda: self.parked,
            apply=self.guarded_apply,
            make_tables=lambda catalog, version: self._tables(catalog).create(version),
            folder=folder,
            read_units=read_units,
            processes=processes,
            progress=progress,
        )

    def close(self) -> None:
        if "_applies" in self.__dict__:
            self._applies.close()
        self._clients.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
