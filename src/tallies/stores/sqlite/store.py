"""The embedded store as a whole."""

import logging
import sqlite3
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Self

from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import InvalidInput, InvalidTally, NotInitialised, StoreUnavailable
from tallies.stores.clock import Clock, utc_now
from tallies.stores.drifts import together
from tallies.stores.layout import AS_IT_IS, LayoutWish
from tallies.stores.parked import retry_all
from tallies.stores.protocol import Progress, no_progress
from tallies.stores.sample import Sample
from tallies.stores.sqlite.apply.aggregate import BATCH_RECORDS, LogAggregator
from tallies.stores.sqlite.apply.lease import LOOK_SECONDS, Lease, lease_holder
from tallies.stores.sqlite.apply.parked import Parked
from tallies.stores.sqlite.apply.retention import expire
from tallies.stores.sqlite.catalog import schema
from tallies.stores.sqlite.catalog.catalog import Catalog, read_catalog, read_position
from tallies.stores.sqlite.catalog.follow import current_source, is_followed
from tallies.stores.sqlite.catalog.troubles import renew
from tallies.stores.sqlite.catalog.troubles import troubles as troubles_of
from tallies.stores.sqlite.connection import forks
from tallies.stores.sqlite.connection.database import Database, Synchronous
from tallies.stores.sqlite.connection.url import Location
from tallies.stores.sqlite.rows.names import DEFAULT_PREFIX, Names, check_prefix, quoted
from tallies.stores.sqlite.rows.read import Reader
from tallies.stores.sqlite.snapshot.mend import rebuild
from tallies.stores.sqlite.snapshot.snapshot import verify
from tallies.stores.sqlite.source.lag import LagWatch, unapplied
from tallies.stores.sqlite.source.log import end_of_log
from tallies.stores.status import Condition, Status
from tallies.stores.verified import Verified, uncounted

log = logging.getLogger(__name__)


class SqliteStore(Reader, forks.Forkable):
    """The tallies of one table of a SQLite database. Threads and processes may share it.

    Every method may raise a `StoreError` that says in one sentence what is wrong with the file.
    """

    def __init__(
        self,
        path: str | Path,
        declared: Declaration | None = None,
        *,
        prefix: str = DEFAULT_PREFIX,
        synchronous: Synchronous = "normal",
        clock: Clock = utc_now,
    ) -> None:
        """`declared` is what the database has to keep; None accepts what it keeps.

        Raises:
            InvalidStoreUrl: the prefix cannot begin the names of tables.
        """
        self.path = Path(path)
        self.names = Names(check_prefix(prefix))
        self._declared = declared
        self._synchronous = synchronous
        self.database = Database(self.path, synchronous, self._check)
        self._clock = clock
        self._lag = LagWatch()
        self._form = -1
        """The schema version of the database that the triggers were last compared with."""
        super().__init__(self.database, self.names)
        forks.follow(self)

    def after_fork_in_child(self) -> None:
        """Start over with what another thread may have been changing."""
        self._lag = LagWatch()

    @property
    def url(self) -> str:
        return Location(str(self.path), self.names.prefix, self._synchronous).url

    def _check(self, connection: sqlite3.Connection) -> None:
        schema.check_there(connection, self.names, self.path)
        if self._declared is not None:
            read_catalog(connection, self.names).check(self._declared, self.path)

    def init(self, *, progress: Progress = no_progress) -> bool:
        """Make tables and triggers beside the declared table, and count the rows that it has.

        Returns whether anything was done. Writers go on; if it is killed, another run counts the
        rest. Rows that cannot be counted are told of in the log.

        Raises:
            InvalidTally: the table does not exist, or cannot be tallied as declared.
            NotInitialised: there is no database, or nothing was declared for it.
            WrongStore: other tables have the names, or other tallies are kept under them.
        """
        if self._declared is not None and not self.path.exists():
            raise NotInitialised(
                f"There is no database {self.path}, which would have"
                f" {self._declared.of_table}; make the table first, or name another file."
            )
        made = self.database.create(self._make)
        return self._seed(progress) or made

    def _seed(self, progress: Progress) -> bool:
        """Count the rows that are older than the triggers, unless that was done.

        Of several processes that begin at the same moment one counts, and the others wait for it.
        """
        lease = Lease(self.database, self.names, "seeding")
        was_due = False
        while self._is_seed_due():
            was_due = True
            if not lease.hold():
                sleep(LOOK_SECONDS)
                continue
            with lease.beating():
                found = self.rebuild(progress=progress)
            for sentence in uncounted(found):
                log.warning(sentence)
        return was_due

    def _is_seed_due(self) -> bool:
        with self.database.connection() as connection:
            return schema.is_seed_due(connection, self.names)

    def _make(self, connection: sqlite3.Connection) -> bool:
        if self._declared is None:
            if schema.is_there(connection, self.names, self.path):
                return False
            raise NotInitialised(
                f"{self.url} keeps no tallies yet; say which with `tallies init --declaration"
                " FILE`."
            )
        if self._declared.table is None:
            raise InvalidTally("The declaration names no table; begin it with table = 'name'.")
        return schema.create(connection, self.names, self._declared, self.path)

    def drop(self) -> bool:
        """Remove all that `init` has made: triggers and tables; whether there were any.

        Raises:
            StoreUnavailable: a process aggregates.
        """
        with self.database.connection():
            pass  # checks that the file exists, and that the tables are ours
        holder = lease_holder(self.database, self.names)
        if holder is not None:
            raise StoreUnavailable(
                f"{holder} aggregates {self.url}; stop it first, so that nothing is left half done."
            )
        with self.database.writing() as connection:
            return schema.drop(connection, self.names)

    def catalog(self) -> Catalog:
        """What the store keeps."""
        with self.database.connection() as connection:
            return read_catalog(connection, self.names)

    @property
    def source(self) -> str:
        return self.catalog().source

    def tallies(self) -> dict[str, Reader]:
        names = [version.tally.name for version in self.catalog().live]
        return {name: Reader(self.database, self.names, name) for name in names}

    def aggregator(self, batch: int = BATCH_RECORDS) -> LogAggregator:
        """An aggregator that carries the change log into the tallies."""
        return LogAggregator(self.database, self.names, self._clock, batch)

    def expire(self) -> int:
        """Remove some rows of windows that are no longer kept; returns how many."""
        return expire(self.database, self.names, self._clock())

    def tidy(self) -> bool:
        """Do what the file needs from time to time; whether there is more to do at once."""
        self.database.checkpoint()
        self._renew()
        return False

    def _renew(self) -> None:
        """Renew the triggers if the schema of the database has changed so that they need it."""
        with self.database.connection() as connection:
            (form,) = connection.execute("PRAGMA schema_version").fetchone()
            catalog = read_catalog(connection, self.names)
            if form == self._form:
                return
            try:
                is_due = not is_followed(connection, self.names, catalog)
            except InvalidTally:
                is_due = False  # `status` reports it; only a rebuild helps
        if is_due:
            with self.database.writing() as connection:
                renew(connection, self.names)
        self._form = form

    def lease(self) -> Lease:
        """The lease of the aggregation, not yet taken."""
        return Lease(self.database, self.names)

    def version(self) -> int:
        with self.database.connection() as connection:
            (revision,) = connection.execute(
                f"SELECT revision FROM {quoted(self.names.catalog)}"
            ).fetchone()
        return int(revision)

    def end_of_log(self) -> int:
        """The position of the newest change record; 0 before the first."""
        with self.database.connection() as connection:
            return end_of_log(connection, self.names)

    def position(self) -> int:
        """The position up to which all change records are in the tallies."""
        with self.database.connection() as connection:
            return read_position(connection, self.names)

    def lag(self) -> tuple[int, float | None]:
        """Change records not in the tallies yet, and the age of the oldest in seconds.

        The age is None at a first look if the clocks of writer and reader contradict each other.
        """
        with self.database.reading() as connection:
            position, end, by_clock = unapplied(connection, self.names)
        return end - position, self._lag.age(position, end, by_clock)

    def condition(self) -> Condition:
        ahead = self.database.log()
        return Condition(
            troubles=[ahead.trouble()] if ahead.is_held else [],
            figures={
                "write_ahead_log_bytes": ahead.bytes,
                "write_ahead_log_held": int(ahead.is_held),
            },
        )

    def status(self) -> Status:
        records, seconds = self.lag()
        with self.database.reading() as connection:
            catalog = read_catalog(connection, self.names)
            source = current_source(connection, self.names, catalog)
            rows: int | None = None
            with suppress(sqlite3.OperationalError):  # the source is gone; `troubles` says so
                (rows,) = connection.execute(f"SELECT count(*) FROM {quoted(source)}").fetchone()
            tallies = sum(
                connection.execute(f"SELECT count(*) FROM {quoted(version.table)}").fetchone()[0]
                for version in catalog.live
            )
            position = read_position(connection, self.names)
            troubles = list(troubles_of(connection, self.names, catalog))
        condition = self.condition()
        troubles += condition.troubles
        return Status(
            source=source,
            source_rows=rows,
            lag_records=records,
            lag_seconds=seconds,
            parked=self.parked.count(),
            aggregator=lease_holder(self.database, self.names),
            details={
                "tallies": tallies,
                "position": position,
                "write-ahead log": f"{condition.figures['write_ahead_log_bytes'] / 1e6:.1f} MB",
                **({"trouble": " ".join(troubles)} if troubles else {}),
            },
        )

    @property
    def parked(self) -> Parked:
        return Parked(self.database, self.names, self._clock)

    def reading(self, name: str | None) -> Reader:
        found = Reader(self.database, self.names, name)
        _ = found.of  # raises now if there is none of that name
        return found

    def verify(
        self,
        *,
        sample: Sample | None = None,
        read_units: float | None = None,  # noqa: ARG002 # the protocol's; reads cost nothing here
        processes: int | None = None,  # noqa: ARG002 # and one process makes them
        progress: Progress = no_progress,
    ) -> Verified:
        return together(verify(self.database, self.names, self._clock(), progress, sample=sample))

    def differs(self, declared: Declaration | None = None, layout: LayoutWish = AS_IT_IS) -> str:
        _check_layout(layout)
        if declared is None:
            return ""
        catalog = self.catalog()
        catalog.check_source(declared, self.url)
        return catalog.differs(declared)

    def rebuild(
        self,
        declared: Declaration | None = None,
        *,
        layout: LayoutWish = AS_IT_IS,
        in_this_region: bool = False,
        read_units: float | None = None,  # noqa: ARG002 # as above
        processes: int | None = None,  # noqa: ARG002
        progress: Progress = no_progress,
    ) -> Verified:
        _check_layout(layout)
        if in_this_region:
            raise InvalidInput("An embedded store is in no region; leave --in-this-region out.")
        if declared is not None:
            self.catalog().check_source(declared, self.url)
        retry_all(self.parked)
        return rebuild(self.database, self.names, self._clock, progress, declared)

    def go_by_positions(self) -> None:
        raise InvalidInput("An embedded store has no markers; leave --by-positions out.")

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_layout(layout: LayoutWish) -> None:
    if layout.ranking_shards is not None:
        raise InvalidInput(
            "Leaderboards of an embedded store have no partitions; leave --ranking-shards out."
        )
    if layout:
        raise InvalidInput(
            "Rows of an embedded store have one layout; leave --ranking and --guard out."
        )
