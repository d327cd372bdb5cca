"""Reading the tallies: every question that is answered from their rows."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from tallies.core.amounts import number_of
from tallies.core.errors import UnknownWindow
from tallies.core.tally import Number, Tally
from tallies.core.windows import Window, parse_window
from tallies.stores.dynamodb.catalog.catalog import TallyVersion
from tallies.stores.dynamodb.catalog.settings import Settings
from tallies.stores.dynamodb.client.explain import explained
from tallies.stores.dynamodb.client.paging import at_once
from tallies.stores.dynamodb.client.paging import rows as all_rows
from tallies.stores.dynamodb.rows.by_bucket import BoardsByBucket, Known
from tallies.stores.dynamodb.rows.by_measure import BoardsByMeasure
from tallies.stores.dynamodb.rows.keys import is_reserved
from tallies.stores.dynamodb.rows.lookup import Stretch, look_up, rows_within
from tallies.stores.dynamodb.rows.ranking import (
    counts_rows,
    ranked_amount,
)
from tallies.stores.protocol import BoardPage, Rank, Ranked, TallyRow

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_NOTHING = {"N": "0"}


class Reader:
    """The aggregates, as the last committed transaction left them; leaderboards a moment later."""

    def __init__(
        self,
        client: "DynamoDBClient",
        settings: Settings,
        name: str | None,
        *,
        known: Known | None = None,
    ) -> None:
        """`name` is that of a declared tally; None for the first.

        `known` keeps what is read of leaderboards for later questions to this reader.
        """
        self._client = explained(client, "the tables")
        self._settings = settings
        self._name = name
        self._known = known

    @property
    def of(self) -> Tally:
        return self._version.declared

    @property
    def _version(self) -> TallyVersion:
        return self._settings.catalog().named(self._name)

    def windows_of(self, group: str) -> dict[str, Number]:
        ranked = self.of.ranked_by or ""
        return {window: values[ranked] for window, values in self.measures_of(group).items()}

    def measures_of(self, group: str) -> dict[str, dict[str, Number]]:
        version = self._version
        found = dict(self._rows(version, group))
        ordered = sorted(found, key=lambda window: (window != Window.ALL, window))
        return {window: version.tally.values(found[window]) for window in ordered}

    def tally(self, group: str, windows: Sequence[str]) -> dict[str, Number]:
        return self.many([group], windows)[group]

    def many(self, groups: Sequence[str], windows: Sequence[str]) -> dict[str, dict[str, Number]]:
        version = self._version
        found: dict[str, dict[str, Number]] = {group: dict.fromkeys(windows, 0) for group in groups}
        for item in look_up(self._client, version.table, version.tally, found, windows):
            found[item["group"]["S"]][item["time_window"]["S"]] = ranked_amount(version.tally, item)
        return found

    def measures(
        self, groups: Sequence[str], windows: Sequence[str]
    ) -> dict[str, dict[str, dict[str, Number]]]:
        version = self._version
        found = {group: dict.fromkeys(windows, version.tally.nothing) for group in groups}
        for item in look_up(self._client, version.table, version.tally, found, windows):
            values = version.tally.values(_amounts(version.tally, item))
            found[item["group"]["S"]][item["time_window"]["S"]] = values
        return found

    def history(self, group: str, kind: Window, first: str, last: str) -> list[tuple[str, Number]]:
        ranked = self.of.ranked_by or ""
        found = self.measures_between(group, kind, first, last)
        return [(window, values[ranked]) for window, values in found]

    def measures_between(
        self, group: str, kind: Window, first: str, last: str
    ) -> list[tuple[str, dict[str, Number]]]:
        version = self._version
        found = self._rows(version, group, Stretch(first, last))
        # Names of finer windows lie between those of coarser ones.
        return [
            (window, version.tally.values(amounts))
            for window, amounts in found
            if _kind(window) == kind
        ]

    def leaderboard(
        self, window: str, limit: int, after: Ranked | None = None, *, offset: int = 0
    ) -> list[Ranked]:
        return self._boards(self._version).leaderboard(window, limit, after, offset)

    def leaderboards(self, asked: Sequence[BoardPage]) -> list[list[Ranked]]:
        return at_once(lambda page: self.leaderboard(*page), asked)

    def above(self, window: str, line: Ranked, limit: int) -> list[Ranked]:
        return self._boards(self._version).above(window, line, limit)

    def rank(self, window: str, group: str) -> Rank | None:
        version = self._version
        amount = self.tally(group, [window])[window]
        if not amount or (amount < 0 and counts_rows(version.tally)):
            return None
        return self._boards(version).rank(window, group, amount)

    def as_of_now(self) -> AbstractContextManager["Reader"]:
        return nullcontext(Reader(self._client, self._settings, self._name, known={}))

    def _boards(self, version: TallyVersion) -> BoardsByMeasure | BoardsByBucket:
        if version.layout.ranking == "buckets":
            return BoardsByBucket(self._client, version, self._known)
        return BoardsByMeasure(self._client, version)

    def rows(self) -> Iterator[TallyRow]:
        version = self._version
        found = all_rows(self._client.scan, TableName=version.table, ConsistentRead=True)
        for item in found:
            group = item["group"]["S"]
            if not is_reserved(group) and any(amounts := _amounts(version.tally, item)):
                yield TallyRow(group, item["time_window"]["S"], version.tally.values(amounts))

    def _rows(
        self, version: TallyVersion, group: str, stretch: Stretch | None = None
    ) -> list[tuple[str, tuple[Number, ...]]]:
        found = rows_within(self._client, version.table, stretch, group)
        pairs = ((item["time_window"]["S"], _amounts(version.tally, item)) for item in found)
        return [(window, amounts) for window, amounts in pairs if any(amounts)]


def _amounts(tally: Tally, item: Any) -> tuple[Number, ...]:
    return tuple(number_of(item.get(name, _NOTHING)["N"]) for name in tally.components)


def _kind(window: str) -> Window | None:
    try:
        return parse_window(window).kind
    except UnknownWindow:  # not a row of ours
        return None
