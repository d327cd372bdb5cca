"""The embedded store as a whole."""

from pathlib import Path
from types import TracebackType
from typing import Self

from tallies.core.declaration import Declaration, same, what_differs
from tallies.core.errors import InvalidInput
from tallies.stores.favorites_tally import FAVORITES
from tallies.stores.protocol import Clock, Progress, Status, Verified, count_parked, no_progress
from tallies.stores.sample import Sample
from tallies.stores.sqlite.aggregate import BATCH_RECORDS, LogAggregator
from tallies.stores.sqlite.database import Database, Synchronous
from tallies.stores.sqlite.kept import favorites_of
from tallies.stores.sqlite.lag import LagWatch
from tallies.stores.sqlite.lease import Lease, lease_holder
from tallies.stores.sqlite.mend import rebuild
from tallies.stores.sqlite.parked import Parked
from tallies.stores.sqlite.read import Reader
from tallies.stores.sqlite.retention import expire
from tallies.stores.sqlite.source import Source, utc_now
from tallies.stores.sqlite.verify import verify

_SECONDS_A_DAY = 86_400


class SqliteStore(Source, Reader):
    """Favorites, change log and tallies in one SQLite file. Threads and processes may share it.

    Every method may raise a `StoreError` that says in one sentence what is wrong with the file.
    """

    def __init__(
        self,
        path: str | Path,
        declared: Declaration | None = None,
        *,
        synchronous: Synchronous = "normal",
        clock: Clock = utc_now,
    ) -> None:
        """`declared` is what the file has to keep; None for what it does.

        Raises:
            InvalidTally: an embedded store cannot keep it.
        """
        self.path = Path(path)
        self._declared = None if declared is None else favorites_of(declared)
        self._database = Database(self.path, synchronous, self._declared)
        self._clock = clock
        self._lag = LagWatch()

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def init(self) -> bool:
        return self._database.create()

    def aggregator(self, batch: int = BATCH_RECORDS) -> LogAggregator:
        """One that carries the change log into the tallies."""
        return LogAggregator(self._database, self._clock, batch)

    def expire(self) -> int:
        """Remove tallies of windows that are no longer kept; how many, of maybe more."""
        return expire(self._database, self._clock())

    def tidy(self) -> None:
        """Do what the file needs from time to time, in place of the writers."""
        self._database.checkpoint()

    def lease(self) -> Lease:
        """A right to aggregate, not yet taken."""
        return Lease(self._database)

    def version(self) -> int:
        with self._database.connection() as connection:
            (revision,) = connection.execute("SELECT revision FROM positions").fetchone()
        return int(revision)

    def end_of_log(self) -> int:
        """The position of the newest change record; 0 before the first."""
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = 'changes'"
            ).fetchone()
        return row[0] if row else 0

    def position(self) -> int:
        """The position up to which all change records are in the tallies."""
        with self._database.connection() as connection:
            (position,) = connection.execute("SELECT position FROM positions").fetchone()
        return int(position)

    def lag(self) -> tuple[int, float | None]:
        """Change records not in the tallies yet, and the age of the oldest in seconds.

        The age is None at a first look where the clocks of writer and reader contradict each other.
        """
        with self._database.reading() as connection:
            (position,) = connection.execute("SELECT position FROM positions").fetchone()
            (last,) = connection.execute("SELECT max(position) FROM changes").fetchone()
            end, days = max(last or 0, position), 0.0
            if end > position:
                (days,) = connection.execute(
                    "SELECT julianday('now') - logged_at FROM changes WHERE position > ?"
                    " ORDER BY position LIMIT 1",
                    (position,),
                ).fetchone()
        return end - position, self._lag.age(position, end, days * _SECONDS_A_DAY)

    def status(self) -> Status:
        records, seconds = self.lag()
        with self._database.reading() as connection:
            (favorites,) = connection.execute("SELECT count(*) FROM favorites").fetchone()
            (tallies,) = connection.execute("SELECT count(*) FROM tallies").fetchone()
            (parked,) = connection.execute("SELECT count(*) FROM parked").fetchone()
            (position,) = connection.execute("SELECT position FROM positions").fetchone()
        return Status(
            favorites=favorites,
            lag_records=records,
            lag_seconds=seconds,
            parked=parked,
            aggregator=lease_holder(self._database),
            details={"tallies": tallies, "position": position},
        )

    @property
    def parked(self) -> Parked:
        return Parked(self._database, self._clock)

    def reading(self, name: str | None) -> Self:
        if name not in (None, FAVORITES.name):
            raise InvalidInput(f"There is no tally {name!r}; there is {FAVORITES.name}.")
        return self

    def verify(
        self,
        *,
        sample: Sample | None = None,
        read_units: float | None = None,  # noqa: ARG002 # the protocol's; reads cost nothing here
        progress: Progress = no_progress,
    ) -> Verified:
        return verify(self._database, self.of, self._clock(), progress, sample=sample)

    def differs(
        self, declared: Declaration | None = None, ranking_shards: int | None = None
    ) -> str:
        _check_unspread(ranking_shards)
        if declared is None:
            return ""
        tally, live = favorites_of(declared), self.of
        return "" if same(live, tally) else f"{tally.name} differs in {what_differs(live, tally)}"

    def rebuild(
        self,
        declared: Declaration | None = None,
        *,
        ranking_shards: int | None = None,
        read_units: float | None = None,  # noqa: ARG002 # as above
        progress: Progress = no_progress,
    ) -> Verified:
        _check_unspread(ranking_shards)
        tally = None if declared is None else favorites_of(declared)
        count_parked(self.parked)
        return rebuild(self._database, self._clock, progress, tally)

    def go_by_positions(self) -> None:
        raise InvalidInput("An embedded store has no markers; leave --by-positions out.")

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _check_unspread(ranking_shards: int | None) -> None:
    if ranking_shards is not None:
        raise InvalidInput(
            "Leaderboards of an embedded store have no partitions; leave --ranking-shards out."
        )
