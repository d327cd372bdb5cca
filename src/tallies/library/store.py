"""A store, its tallies, and what can be asked of each."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

from tallies.core.boards.tiling import find_span
from tallies.core.declaration.declaration import Declaration, read_declaration
from tallies.core.errors import InvalidInput, UnknownTally
from tallies.core.groups import named_values
from tallies.core.naming import group_of, kept_windows, stretch
from tallies.core.tally import Number, Tally
from tallies.favorites.open import open_any
from tallies.stores.clock import Clock, utc_now
from tallies.stores.open import DEFAULT_URL
from tallies.stores.protocol import Store, Tallies
from tallies.stores.questions import Line, among, leaders, neighbours, numbered
from tallies.stores.status import Status
from tallies.stores.verified import Verified

if TYPE_CHECKING:
    from fastapi import APIRouter, FastAPI

    from tallies.http.service.auth import Auth

GroupValue = str | int | float | bool
Group = Sequence[GroupValue] | GroupValue
"""The values of a group, one for each attribute; or the value, where there is one attribute."""
Measures = dict[str, Number]


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a leaderboard."""

    rank: int
    """1 for the first; ties have ranks of their own, by the text of the group."""
    group: Mapping[str, str]
    """The values of the group by the names of its attributes."""
    amount: Number
    """What the tally is ranked by."""


def open_tallies(
    url: str = DEFAULT_URL,
    declaration: Declaration | str | Path | None = None,
    *,
    clock: Clock = utc_now,
) -> "TalliesOfTable":
    """Open the store that a URL names: `sqlite:///shop.db`, or `dynamodb://REGION/PREFIX`.

    `declaration` says what a new store keeps: a Declaration, or the path of a file in TOML. An
    existing store knows what it keeps. Nothing is made or read yet.

    Raises:
        InvalidInput: the URL is of no known form, or the declaration cannot be used.
        StoreError: what the store needs is not installed, or it cannot be read.
    """
    if isinstance(declaration, str | Path):
        try:
            declaration = read_declaration(Path(declaration).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"The declaration {declaration} cannot be read: {error}.") from None
    return TalliesOfTable(open_any(url, declaration), clock)


class TallyReader:
    """What can be asked of one tally. May be used from many threads."""

    def __init__(self, tallies: Tallies, clock: Clock) -> None:
        self._tallies = tallies
        self._clock = clock

    @property
    def tally(self) -> Tally:
        """How it is declared."""
        return self._tallies.of

    def windows(self, *group: GroupValue) -> dict[str, Measures]:
        """Every window of a group that is not zero, with all measures.

        `group` has one value for each attribute that the tally groups by, here as everywhere.

        Raises:
            InvalidInput: the values make no group of this tally.
        """
        return self._tallies.measures_of(self._text(group))

    def measures(self, *group: GroupValue, window: str = "all") -> Measures:
        """The measures of a group in a window: `all`, `2026-11`, or a kind for the current one.

        Raises:
            InvalidInput: the values make no group of this tally, or the window is none of its own.
        """
        return self.of_groups([group], window)[0]

    def of_groups(self, groups: Sequence[Group], window: str = "all") -> list[Measures]:
        """The measures of up to 1,000 groups in a window, in their order; zeros without rows.

        Raises:
            InvalidInput: as `measures`.
        """
        texts = [self._text(group) for group in groups]
        windows = kept_windows(self.tally, [window], self._clock())
        found = self._tallies.measures(list(dict.fromkeys(texts)), windows)
        return [next(iter(found[text].values())) for text in texts]

    def history(
        self, *group: GroupValue, by: str, first: str | None = None, last: str | None = None
    ) -> list[tuple[str, Measures]]:
        """The windows of one kind (`day`) from `first` to `last` that are not zero, oldest first.

        Without `last` they end with the current one; without `first` they are the last 30 days, 24
        hours, or as many as a page would show.

        Raises:
            InvalidInput: as `measures`; or the tally keeps no such windows, or an end is none.
        """
        kind, names = stretch(self.tally, by, first, last, self._clock(), most=None)
        return self._tallies.measures_between(self._text(group), kind, names[0], names[-1])

    def top(self, window: str = "all", limit: int = 10, *, offset: int = 0) -> list[Place]:
        """The leaders of a window or span: `all`, `month`, `last-7-days`, `trending`, ...

        Raises:
            InvalidInput: the tally has no leaderboards that make up the span, or a number is below
                zero.
        """
        if limit < 0 or offset < 0:
            raise InvalidInput(f"limit={limit}, offset={offset}: neither may be below zero.")
        span = find_span(window, self.tally, self._clock())
        found = leaders(self._tallies, span, limit, offset=offset)
        return self._places(numbered(found, offset + 1))

    def among(self, groups: Sequence[Group], window: str = "all") -> list[Place]:
        """Those of up to 1,000 groups that are on a leaderboard, in its order.

        Raises:
            InvalidInput: as `top`, or a group is there twice or is none.
        """
        span = find_span(window, self.tally, self._clock())
        return self._places(among(self._tallies, span, [self._text(group) for group in groups]))

    def rank(self, *group: GroupValue, window: str = "all") -> Place | None:
        """The place of a group on a leaderboard; None where it has none.

        Raises:
            InvalidInput: as `top`, or the values make no group of this tally.
        """
        span = find_span(window, self.tally, self._clock())
        text = self._text(group)
        found = neighbours(self._tallies, span, text, 0)
        return found and self._places([Line(found.rank, text, found.amount)])[0]

    def _places(self, lines: Sequence[Line]) -> list[Place]:
        labels = self.tally.labels
        return [Place(line.rank, named_values(labels, line.group), line.amount) for line in lines]

    def _text(self, group: Group) -> str:
        return group_of(self.tally, [group] if isinstance(group, GroupValue) else group)


class TalliesOfTable:
    """The tallies of one table, by their names; for a `with` statement.

    >>> with open_tallies("sqlite:///shop.db") as shop:  # doctest: +SKIP
    ...     shop["sales"].top("last-7-days")
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        """The store beneath, with all that it can do."""
        self._clock = clock

    def init(self) -> bool:
        """Make the tables that are missing; on SQLite, count the existing rows.

        Raises:
            InvalidInput: the table does not exist, or cannot be tallied as declared.
            StoreError: something else is in the way.
        """
        return self.store.init()

    @property
    def names(self) -> list[str]:
        """The names of the tallies, in the order declared."""
        return list(self.store.tallies())

    def __getitem__(self, name: str) -> TallyReader:
        """The tally of this name.

        Raises:
            UnknownTally: there is none.
        """
        every = self.store.tallies()
        if name not in every:
            raise UnknownTally(f"There is no tally {name!r}; there is {', '.join(every)}.")
        return TallyReader(every[name], self._clock)

    @contextmanager
    def aggregating(self) -> Iterator[None]:
        """While in this context, carry changes into the tallies, in a thread of this process.

        Any number of processes may do so: each change counts once. At its end, what the log holds
        is carried over. On DynamoDB this is a worker (`tallies worker`).
        """
        from tallies.stores.sqlite import SqliteStore

        if isinstance(self.store, SqliteStore):
            from tallies.runtimes.embedded import EmbeddedLoop

            with EmbeddedLoop(self.store):
                yield
            return
        from tallies.runtimes.worker import Worker
        from tallies.stores.dynamodb.store import DynamoStore

        assert isinstance(self.store, DynamoStore)  # noqa: S101 - there are these two
        worker = Worker(self.store)
        thread = Thread(target=worker.run, name="tallies-worker", daemon=True)
        thread.start()
        try:
            yield
        finally:
            worker.stop()
            thread.join()

    def catch_up(self) -> None:
        """Carry all changes so far into the tallies; return when they are applied."""
        from tallies.stores.sqlite import SqliteStore

        if isinstance(self.store, SqliteStore):
            from tallies.runtimes.embedded import carry_over

            for _ in carry_over(self.store):
                pass
            return
        from tallies.runtimes.catch_up import catch_up

        for _ in catch_up(self.store):
            pass

    def verify(self) -> Verified:
        """Compare every tally with a count over the table; nothing is changed."""
        return self.store.verify()

    def status(self) -> Status:
        """How far the aggregation has come, and what is wrong."""
        return self.store.status()

    def app(self, *, auth: "Auth | None" = None, **options: Any) -> "FastAPI":
        """An ASGI application of the routes under `/tallies`, with a page, which also aggregates
        an embedded store; `options` are those of `tallies.http.app.create_app`."""
        from tallies.http.app import create_app

        return create_app(
            self.store, auth=auth, background=self._background(), clock=self._clock, **options
        )

    def router(self, *, auth: "Auth | None" = None) -> "APIRouter":
        """The routes under `/tallies`, for an application of your own: `include_router` them.

        During that application's lifespan an embedded store is aggregated. The routes answer errors
        themselves, as `application/problem+json`.
        """
        from tallies.http.app import create_router

        return create_router(
            self.store, auth=auth, background=self._background(), clock=self._clock
        )

    def _background(self) -> Any:
        from tallies.stores.sqlite import SqliteStore

        if isinstance(self.store, SqliteStore):
            from tallies.runtimes.embedded import EmbeddedLoop

            return EmbeddedLoop(self.store)
        return None

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
