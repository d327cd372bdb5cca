"""The DynamoDB store as a whole."""

from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tallies.core.fold import Folder
from tallies.stores.dynamodb.aggregate import StreamAggregator
from tallies.stores.dynamodb.apply import GuardedApply
from tallies.stores.dynamodb.backlog import Backlog
from tallies.stores.dynamodb.client import Clients
from tallies.stores.dynamodb.errors import HistoryTrimmed
from tallies.stores.dynamodb.explain import explained
from tallies.stores.dynamodb.keys import TableNames
from tallies.stores.dynamodb.leases import Leases
from tallies.stores.dynamodb.parked import Parked
from tallies.stores.dynamodb.read import Reader
from tallies.stores.dynamodb.settings import GuardKind, Settings
from tallies.stores.dynamodb.source import Source
from tallies.stores.dynamodb.stream import MAX_RECORDS, Stream
from tallies.stores.dynamodb.tables import Tables
from tallies.stores.dynamodb.transactions import Sender
from tallies.stores.dynamodb.url import Location, parse_url
from tallies.stores.dynamodb.writes import Writer
from tallies.stores.favorites_tally import FAVORITES
from tallies.stores.protocol import Clock, Progress, Status, Verified, no_progress

if TYPE_CHECKING:
    from tallies.stores.dynamodb.snapshot.proof import Proof

SETTLE_SECONDS = 5.0
"""After this long a write is in the stream (it takes a fraction of a second)."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class DynamoStore(Source, Reader):
    """Favorites, their stream and the tallies in two DynamoDB tables. Threads may share it.

    Every method may raise a `StoreError` that says in one sentence what is wrong with the service
    or the tables.
    """

    def __init__(self, location: Location, *, clock: Clock = utc_now) -> None:
        """Nothing is asked of the service yet."""
        self.location = location
        self.names = TableNames.of(location.prefix)
        self._clients = Clients(location.region, location.endpoint)
        self._clock = clock
        self._versions = count(1)
        self.settings = Settings(
            self._clients.dynamodb, self.names.tallies, location.ranking_shards
        )
        Source.__init__(self, self._clients.dynamodb, self.names.source, clock)
        Reader.__init__(
            self,
            self._clients.dynamodb,
            self.names.tallies,
            FAVORITES,
            self.settings.ranking_shards,
        )

    @classmethod
    def from_url(cls, url: str, *, clock: Clock = utc_now) -> Self:
        """The store that a URL names.

        Raises:
            InvalidStoreUrl: the URL is of another form.
        """
        return cls(parse_url(url), clock=clock)

    @property
    def url(self) -> str:
        return self.location.url

    def init(self) -> bool:
        made = Tables(self._clients.dynamodb, self.names, FAVORITES).create()
        return self.settings.create() or made

    @cached_property
    def stream(self) -> Stream:
        """The source table's change stream."""
        return Stream.of_table(self._clients.dynamodb, self._clients.streams, self.names.source)

    def find_stream(self) -> Stream:
        """Look again which stream the source table has: it has another after a turn off and on."""
        self.__dict__.pop("stream", None)
        return self.stream

    def guarded_apply(self, guard: GuardKind = "positions") -> GuardedApply:
        """What batches of the stream are applied with. One for each thread.

        Raises:
            WrongStore: records are guarded in another way already.
        """
        self.settings.claim(guard)
        return GuardedApply(
            self._clients.once,
            self.names,
            [Folder(FAVORITES)],
            clock=self._clock,
            ranking_shards=self.settings.ranking_shards(),
        )

    def warm(self) -> None:
        """Connect, and read the settings: what the first batch would have to wait for.

        Raises:
            StoreError: the store is out of reach, or has no tables.
        """
        self.settings.ranking_shards()
        _ = self._clients.once

    def aggregator(self, batch: int = MAX_RECORDS) -> StreamAggregator:
        """One that carries the stream into the tallies, in this process."""
        return StreamAggregator(self.stream, self.guarded_apply(), batch)

    @cached_property
    def leases(self) -> Leases:
        """Which worker reads which shard."""
        return Leases(self._clients.dynamodb, self.names.tallies, self._clock)

    @cached_property
    def parked(self) -> Parked:
        """The records that could not be folded."""
        folders = [Folder(FAVORITES)]
        return Parked(
            self._clients.dynamodb,
            self.names.tallies,
            folders,
            self._writer(),
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

    def version(self) -> int:
        """Always another: to see whether a leaderboard has changed costs as much as to read it."""
        return next(self._versions)

    def status(self) -> Status:
        oldest: float | None = None
        lost: list[str] = []
        try:
            oldest = self.backlog.oldest()
        except HistoryTrimmed as trimmed:
            lost = [str(trimmed)]
        roll = self.leases.roll()
        troubles = roll.troubles() or lost
        now = self._clock()
        behind = None if oldest is None else max(0.0, now.timestamp() - oldest)
        return Status(
            favorites=None,
            lag_records=0 if behind is None and not lost else None,
            lag_seconds=None if lost else behind or 0.0,
            parked=self.parked.count(),
            aggregator=", ".join(roll.alive(now)) or None,
            details={
                "source": self.names.source,
                "stream": self.stream.arn,
                **({"trouble": " ".join(troubles)} if troubles else {}),
            },
        )

    def verify(
        self, *, read_units: float | None = None, progress: Progress = no_progress
    ) -> Verified:
        """Compare every tally with GROUP BY over the source, changing nothing.

        Writers and aggregators go on; records on their way are no drift. At most `read_units` a
        second are spent on the scans.

        Raises:
            HistoryTrimmed: the stream has lost records that were never applied.
        """
        with TemporaryDirectory(prefix="tallies-") as folder:
            return self._proof(read_units, progress).verify(Path(folder) / "snapshot")

    def rebuild(
        self,
        *,
        file: Path | None = None,
        read_units: float | None = None,
        progress: Progress = no_progress,
    ) -> Verified:
        """Make every tally exact: what it differs by is added. What was found to differ.

        Writers and aggregators go on. `file` is where it gathers; killed, it goes on from there.

        Raises:
            StoreUnavailable: another rebuild has taken over.
        """
        path = file or Path(gettempdir()) / f"tallies-{self.location.prefix}.snapshot"
        found = self._proof(read_units, progress).rebuild(path, self._writer())
        # What left the stream unread is in now; the workers that wait for this may go on.
        self.leases.account_for(self.stream.shards(), self.stream.arn)
        return found

    def _proof(self, read_units: float | None, progress: Progress) -> "Proof":
        # Only now: a function that applies a batch need not load it.
        from tallies.stores.dynamodb.snapshot.proof import Proof
        from tallies.stores.dynamodb.snapshot.scan import Pace

        return Proof(
            client=explained(self._clients.dynamodb, "the tables"),
            once=self._clients.once,
            names=self.names,
            folder=Folder(FAVORITES),
            stream=self.stream,
            marked=self.settings.guard() == "markers",
            pace=Pace(read_units),
            settle_seconds=0.0 if self.location.endpoint else SETTLE_SECONDS,
            progress=progress,
            clock=self._clock,
        )

    def _writer(self) -> Writer:
        return Writer(self.names, [Folder(FAVORITES)], self.settings.ranking_shards())

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
