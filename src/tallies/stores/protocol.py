"""What a store promises, in protocols that are all that the layers above the stores know."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from tallies.core.boards.topk import Ranked as Ranked
from tallies.core.declaration.declaration import Declaration
from tallies.core.tally import Number, Tally
from tallies.core.windows import Window
from tallies.stores.layout import AS_IT_IS, LayoutWish
from tallies.stores.parked import ParkedRecords
from tallies.stores.sample import Sample
from tallies.stores.status import Condition, Status
from tallies.stores.verified import Verified

Progress = Callable[[str, int, int | None], None]
"""Called with what is under way, how many rows are done, and out of how many if that is known."""


def no_progress(what: str, done: int, total: int | None) -> None:
    """Report progress to nobody."""


MAX_PAGE = 1000
"""The most rows that one read returns."""


class TallyRow(NamedTuple):
    """One row of the tallies."""

    group: str
    window: str
    values: Mapping[str, Number]
    """Name of a measure to its value."""


MAX_GROUPS = 1000
"""The most groups that one question is about."""

MAX_OFFSET = 10_000
"""The largest offset at which a page of a leaderboard may begin; cursors go on from anywhere."""


class BoardPage(NamedTuple):
    """A request for a page of a leaderboard."""

    window: str
    limit: int
    after: Ranked | None = None


class Rank(NamedTuple):
    """The place of a group on a leaderboard, in the order that pages have."""

    rank: int
    """1 for the first."""
    of: int
    """How many lines the leaderboard has."""
    amount: Number


class Tallies(Protocol):
    """The aggregates, as the last committed transaction left them, without rows that are zero."""

    @property
    def of(self) -> Tally:
        """The tally whose rows these are. Amounts are those of its `ranked_by`."""

    def windows_of(self, group: str) -> dict[str, Number]:
        """Every window of a group."""

    def measures_of(self, group: str) -> dict[str, dict[str, Number]]:
        """Every window of a group, with all measures."""

    def tally(self, group: str, windows: Sequence[str]) -> dict[str, Number]:
        """The named windows of a group; 0 where it has no row."""

    def history(self, group: str, kind: Window, first: str, last: str) -> list[tuple[str, Number]]:
        """The windows of one kind from `first` to `last` that the group has, oldest first."""

    def measures_between(
        self, group: str, kind: Window, first: str, last: str
    ) -> list[tuple[str, dict[str, Number]]]:
        """As `history`, with all measures."""

    def many(self, groups: Sequence[str], windows: Sequence[str]) -> dict[str, dict[str, Number]]:
        """As `tally`, of many groups at once."""

    def measures(
        self, groups: Sequence[str], windows: Sequence[str]
    ) -> dict[str, dict[str, dict[str, Number]]]:
        """As `many`, with all measures."""

    def leaderboard(
        self, window: str, limit: int, after: Ranked | None = None, *, offset: int = 0
    ) -> list[Ranked]:
        """The groups of a ranked window, most first, ties by id.

        They begin after the line `after`, or after the first `offset` lines.
        """

    def leaderboards(self, asked: Sequence[BoardPage]) -> list[list[Ranked]]:
        """Several pages, in the order asked for; a service is queried for all of them at once."""

    def above(self, window: str, line: Ranked, limit: int) -> list[Ranked]:
        """The lines that stand just before a line, in the leaderboard's order."""

    def rank(self, window: str, group: str) -> Rank | None:
        """The place of a group in a ranked window; None when it has none there."""

    def as_of_now(self) -> AbstractContextManager["Tallies"]:
        """The aggregates for several questions, all answered as of one moment.

        The embedded store keeps that promise; a service answers each as of when it is asked.
        """

    def rows(self) -> Iterator[TallyRow]:
        """Every row that is not zero, group by group, its windows in the order of their names.

        The embedded store gives them as of one moment; a service gives each row as it is when it
        is reached.
        """


class Store(Tallies, Protocol):
    """A whole store."""

    @property
    def url(self) -> str:
        """The URL that opens it, without secrets."""

    @property
    def source(self) -> str:
        """The table that is tallied."""

    def reading(self, name: str | None) -> Tallies:
        """The aggregates of one of the tallies; of the first for None.

        Raises:
            UnknownTally: there is none of that name.
        """

    def tallies(self) -> Mapping[str, Tallies]:
        """The aggregates of every tally by its name, in the order declared."""

    def init(self, *, progress: Progress = no_progress) -> bool:
        """Create the tables that are missing; whether anything was created.

        An embedded store also counts the rows that the table had before, and reports to `progress`.
        """

    def status(self) -> Status: ...

    def condition(self) -> Condition: ...

    def lag(self) -> tuple[int | None, float | None]:
        """Change records not in the tallies yet, and the age of the oldest in seconds.

        Cheap enough to ask every second; None where the service does not report it.
        """

    def version(self) -> int | str | None:
        """A token that is different after the tallies have changed.

        None where finding that out costs as much as reading them.
        """

    @property
    def parked(self) -> ParkedRecords:
        """The records that could not be folded."""

    def verify(
        self,
        *,
        sample: Sample | None = None,
        read_units: float | None = None,
        processes: int | None = None,
        progress: Progress = no_progress,
    ) -> Verified:
        """Compare every tally with GROUP BY over the source, changing nothing.

        Writers and aggregators go on; a record that is not applied yet is not drift. Where reads
        are billed, at most `read_units` a second are spent. Where rows come over a network,
        `processes` is how many processes read them; by default, as many as the size of the table
        warrants. With a `sample`, every row of its groups is compared, and no row of other groups.
        """

    def differs(self, declared: Declaration | None = None, layout: LayoutWish = AS_IT_IS) -> str:
        """What a rebuild with the same arguments would build, in words; empty for nothing.

        Raises:
            InvalidInput: rows of this store have one layout.
            InvalidTally: the declaration is none for this store.
        """

    def rebuild(
        self,
        declared: Declaration | None = None,
        *,
        layout: LayoutWish = AS_IT_IS,
        in_this_region: bool = False,
        read_units: float | None = None,
        processes: int | None = None,
        progress: Progress = no_progress,
    ) -> Verified:
        """Make every tally exact by adding what it differs by; returns what was found to differ.

        Writers and aggregators go on. If it is killed, another run mends the rest.

        What is new in `declared`, and rows that are to have another layout, are built beside what
        readers see; when all of it is complete, readers are switched to it at once.

        With `in_this_region`, the store's own region is the one that aggregates from now on.

        Raises:
            InvalidInput: rows of this store have one layout, or it is in no region.
            InvalidTally: the declaration is none for this store.
            StoreUnavailable: another rebuild has begun meanwhile.
        """

    def go_by_positions(self) -> None:
        """Recognize applied records by their shard's position from now on, not by markers.

        Raises:
            InvalidInput: this store has no markers.
            WrongStore: something that marks records still reads the stream.
            StoreError: what reads it cannot be found out, or the tables are busy.
        """

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Applied:
    """What one step of aggregation did."""

    records: int
    """Change records that are now in the tallies."""
    duplicates: int = 0
    """Change records that were delivered but were in the tallies already."""
    parked: int = 0
    more: bool = False
    """Whether records were left that could have been taken: step again at once."""
    fold_seconds: float = 0.0
    commit_seconds: float = 0.0


class Aggregator(Protocol):
    """Carries change records into the tallies, step by step."""

    def step(self) -> Applied:
        """Apply one batch, exactly once, whatever other aggregators do."""
