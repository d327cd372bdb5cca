"""Reading the tallies."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from heapq import merge
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from tallies.core.amounts import number_of
from tallies.core.errors import UnknownWindow
from tallies.core.tally import Count, Number, Sum, Tally
from tallies.core.windows import Window, parse_window
from tallies.stores.dynamodb.catalog import Kept
from tallies.stores.dynamodb.explain import explained
from tallies.stores.dynamodb.keys import is_reserved, row_key
from tallies.stores.dynamodb.paging import at_once, batch_get, pages
from tallies.stores.dynamodb.paging import rows as all_rows
from tallies.stores.dynamodb.settings import Settings
from tallies.stores.protocol import BoardPage, Rank, Ranked, TallyRow

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

RANKING_INDEX = "ranking"
_SPARE = 20
"""Lines read beyond a page, so that a few that tie with its last one cost no second request."""
_MOST = "9" * 38
"""The largest whole number that DynamoDB holds."""
_NOTHING = {"N": "0"}


def ranked_component(tally: Tally) -> str:
    """The stored number that leaderboards order by."""
    measure = tally.measures[tally.ranked_by or next(iter(tally.measures))]
    if isinstance(measure, Count):
        return tally.components[0]
    if isinstance(measure, Sum):
        return tally.components[1 + list(tally.summed).index(measure.value)]
    return next(iter(tally.components))


class Reader:
    """The aggregates, as the last committed transaction left them; leaderboards a moment later."""

    def __init__(self, client: "DynamoDBClient", settings: Settings, name: str | None) -> None:
        """`name` is that of a declared tally; None for the first."""
        self._client = explained(client, "the tables")
        self._settings = settings
        self._name = name

    @property
    def of(self) -> Tally:
        return self._kept.tally

    @property
    def _kept(self) -> Kept:
        return self._settings.catalog().named(self._name)

    def windows_of(self, group: str) -> dict[str, Number]:
        ranked = self.of.ranked_by or ""
        return {window: values[ranked] for window, values in self.measures_of(group).items()}

    def measures_of(self, group: str) -> dict[str, dict[str, Number]]:
        kept = self._kept
        found = dict(self._rows(kept, "#group = :group", {":group": {"S": group}}))
        ordered = sorted(found, key=lambda window: (window != Window.ALL, window))
        return {window: kept.tally.values(found[window]) for window in ordered}

    def tally(self, group: str, windows: Sequence[str]) -> dict[str, Number]:
        return self.many([group], windows)[group]

    def many(self, groups: Sequence[str], windows: Sequence[str]) -> dict[str, dict[str, Number]]:
        kept = self._kept
        found: dict[str, dict[str, Number]] = {group: dict.fromkeys(windows, 0) for group in groups}
        keys = [row_key(group, window) for group, its in found.items() for window in its]
        for item in batch_get(self._client, kept.table, keys):
            found[item["group"]["S"]][item["time_window"]["S"]] = _ranked(kept.tally, item)
        return found

    def measures(
        self, groups: Sequence[str], windows: Sequence[str]
    ) -> dict[str, dict[str, dict[str, Number]]]:
        kept = self._kept
        found = {group: dict.fromkeys(windows, kept.tally.nothing) for group in groups}
        keys = [row_key(group, window) for group, its in found.items() for window in its]
        for item in batch_get(self._client, kept.table, keys):
            values = kept.tally.values(_amounts(kept.tally, item))
            found[item["group"]["S"]][item["time_window"]["S"]] = values
        return found

    def history(self, group: str, kind: Window, first: str, last: str) -> list[tuple[str, Number]]:
        ranked = self.of.ranked_by or ""
        found = self.measures_between(group, kind, first, last)
        return [(window, values[ranked]) for window, values in found]

    def measures_between(
        self, group: str, kind: Window, first: str, last: str
    ) -> list[tuple[str, dict[str, Number]]]:
        kept = self._kept
        values: dict[str, AttributeValueTypeDef] = {
            ":group": {"S": group},
            ":first": {"S": first},
            ":last": {"S": last},
        }
        within = "#group = :group AND time_window BETWEEN :first AND :last"
        found = self._rows(kept, within, values)
        # Names of finer windows lie between those of coarser ones.
        return [
            (window, kept.tally.values(amounts))
            for window, amounts in found
            if _kind(window) == kind
        ]

    def leaderboard(
        self, window: str, limit: int, after: Ranked | None = None, *, offset: int = 0
    ) -> list[Ranked]:
        # The index knows no numbers of lines: those before the page are read through.
        upto = offset + limit
        down = self._board(self._kept, window, upto + _SPARE, most=after and after.amount)
        found: list[Ranked] = []
        # The index has no order among equals, so a page reads all that tie with its last line.
        for amount, equals in groupby(down, key=_amount):
            tied = sorted(equals)
            if after is not None and amount == after.amount:
                tied = [line for line in tied if line.group > after.group]
            found += tied
            if len(found) >= upto:
                break
        return found[offset:upto]

    def leaderboards(self, asked: Sequence[BoardPage]) -> list[list[Ranked]]:
        return at_once(lambda page: self.leaderboard(*page), asked)

    def above(self, window: str, line: Ranked, limit: int) -> list[Ranked]:
        up = self._board(self._kept, window, limit + _SPARE, least=line.amount)
        found: list[Ranked] = []
        for amount, equals in groupby(up, key=_amount):
            tied = sorted(equals, reverse=True)
            if amount == line.amount:
                tied = [other for other in tied if other.group < line.group]
            found += tied
            if len(found) >= limit:
                break
        return found[:limit][::-1]

    def rank(self, window: str, group: str) -> Rank | None:
        kept = self._kept
        amount = self.tally(group, [window])[window]
        if not amount or (amount < 0 and _counts(kept.tally)):
            return None
        here = {":amount": str(amount)}
        above = partial(self._count, kept, window, "#measure > :amount", here)
        tied = partial(self._count, kept, window, "#measure = :amount", here, before=group)
        below = partial(self._count, kept, window, "#measure < :amount", here)
        # Rows that have come to zero are in the index, but have no line on the board.
        zeros = partial(self._count, kept, window, "#measure = :zero", {":zero": "0"})
        if _counts(kept.tally):
            some = {":one": "1", ":less": str(amount - 1)}
            below = partial(self._count, kept, window, "#measure BETWEEN :one AND :less", some)
            asked = [above, tied, below][: 2 if amount == 1 else 3]
        else:
            asked = [above, tied, below, zeros]
        counts = at_once(lambda ask: ask(), asked)
        rank = 1 + counts[0].found + counts[1].found
        of = sum(count.read for count in counts[:3])
        if asked[3:]:
            of -= counts[3].read
            rank -= counts[3].read if amount < 0 else 0
        # The index follows the rows a moment later, and may not have this one yet.
        return Rank(rank, max(rank, of), amount)

    def as_of_now(self) -> AbstractContextManager["Reader"]:
        return nullcontext(self)

    def rows(self) -> Iterator[TallyRow]:
        kept = self._kept
        found = all_rows(self._client.scan, TableName=kept.table, ConsistentRead=True)
        for item in found:
            group = item["group"]["S"]
            if not is_reserved(group) and any(amounts := _amounts(kept.tally, item)):
                yield TallyRow(group, item["time_window"]["S"], kept.tally.values(amounts))

    def _rows(
        self, kept: Kept, condition: str, values: "dict[str, AttributeValueTypeDef]"
    ) -> list[tuple[str, tuple[Number, ...]]]:
        found = all_rows(
            self._client.query,
            TableName=kept.table,
            KeyConditionExpression=condition,
            ExpressionAttributeNames={"#group": "group"},
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        pairs = ((item["time_window"]["S"], _amounts(kept.tally, item)) for item in found)
        return [(window, amounts) for window, amounts in pairs if any(amounts)]

    def _board(
        self,
        kept: Kept,
        window: str,
        page: int,
        *,
        least: Number | None = None,
        most: Number | None = None,
    ) -> Iterator[Ranked]:
        """The lines of a leaderboard, most first; from `least` on upwards if that is given."""
        up = least is not None
        parts = (
            self._ranking(kept, name, least, most, page, up=up)
            for name in _partitions(kept, window)
        )
        return merge(*parts, key=_amount, reverse=not up)

    def _ranking(
        self,
        kept: Kept,
        name: str,
        least: Number | None,
        most: Number | None,
        page: int,
        *,
        up: bool,
    ) -> Iterator[Ranked]:
        """The lines of one partition of a leaderboard. Those of zero are left out."""
        floor = "1" if _counts(kept.tally) else f"-{_MOST}"  # only sums can be negative
        found = all_rows(
            self._client.query,
            TableName=kept.table,
            IndexName=RANKING_INDEX,
            KeyConditionExpression="ranking = :name AND #measure BETWEEN :least AND :most",
            ExpressionAttributeNames={"#measure": ranked_component(kept.tally)},
            ExpressionAttributeValues={
                ":name": {"S": name},
                ":least": {"N": floor if least is None else str(least)},
                ":most": {"N": _MOST if most is None else str(most)},
            },
            ScanIndexForward=up,
            Limit=page,
        )
        lines = (Ranked(item["group"]["S"], _ranked(kept.tally, item)) for item in found)
        return (line for line in lines if line.amount)

    def _count(
        self,
        kept: Kept,
        window: str,
        which: str,
        values: Mapping[str, str],
        before: str | None = None,
    ) -> "_Counted":
        """Count the lines of a leaderboard whose measure is such; those before a group apart."""
        names = {"#measure": ranked_component(kept.tally)}
        given: dict[str, Any] = {name: {"N": value} for name, value in values.items()}
        narrowed = {}
        if before is not None:
            names["#group"] = "group"
            given[":group"] = {"S": before}
            narrowed["FilterExpression"] = "#group < :group"

        def count(partition: str) -> _Counted:
            found = list(
                pages(
                    self._client.query,
                    TableName=kept.table,
                    IndexName=RANKING_INDEX,
                    Select="COUNT",
                    KeyConditionExpression=f"ranking = :name AND {which}",
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues={":name": {"S": partition}, **given},
                    **narrowed,
                )
            )
            return _Counted(
                sum(page["Count"] for page in found), sum(page["ScannedCount"] for page in found)
            )

        parts = at_once(count, _partitions(kept, window))
        return _Counted(sum(part.found for part in parts), sum(part.read for part in parts))


class _Counted(NamedTuple):
    found: int
    read: int
    """With those that a filter left out."""


_amount = attrgetter("amount")


def _counts(tally: Tally) -> bool:
    """Whether leaderboards order by a count of rows."""
    return ranked_component(tally) == tally.components[0]


def _partitions(kept: Kept, window: str) -> list[str]:
    """Their names in the ranking index."""
    shards = kept.ranking_shards
    return [window] if shards == 1 else [f"{window}#{shard}" for shard in range(shards)]


def _amounts(tally: Tally, item: Any) -> tuple[Number, ...]:
    return tuple(number_of(item.get(name, _NOTHING)["N"]) for name in tally.components)


def _ranked(tally: Tally, item: Any) -> Number:
    return number_of(item[ranked_component(tally)]["N"])


def _kind(window: str) -> Window | None:
    try:
        return parse_window(window).kind
    except UnknownWindow:  # no row of ours
        return None
