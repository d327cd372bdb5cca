"""Reading the tallies."""

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tallies.core.amounts import number_of
from tallies.core.errors import UnknownWindow
from tallies.core.tally import Count, Number, Sum, Tally
from tallies.core.windows import Window, parse_window
from tallies.stores.dynamodb.explain import explained
from tallies.stores.dynamodb.keys import is_reserved, row_key
from tallies.stores.dynamodb.paging import batch_get
from tallies.stores.dynamodb.paging import rows as all_rows
from tallies.stores.dynamodb.settings import Settings
from tallies.stores.dynamodb.standing import Kept
from tallies.stores.protocol import Ranked, TallyRow

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
        return tally.components[1 + list(tally.summed).index(measure.attribute)]
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
        return self._settings.standing().named(self._name)

    def windows_of(self, group: str) -> dict[str, Number]:
        ranked = self.of.ranked_by or ""
        return {window: values[ranked] for window, values in self.measures_of(group).items()}

    def measures_of(self, group: str) -> dict[str, dict[str, Number]]:
        kept = self._kept
        found = dict(self._rows(kept, "#group = :group", {":group": {"S": group}}))
        ordered = sorted(found, key=lambda window: (window != Window.ALL, window))
        return {window: kept.tally.values(found[window]) for window in ordered}

    def tally(self, group: str, windows: Sequence[str]) -> dict[str, Number]:
        kept = self._kept
        found: dict[str, Number] = dict.fromkeys(windows, 0)
        keys = [row_key(group, window) for window in found]
        for item in batch_get(self._client, kept.table, keys):
            found[item["time_window"]["S"]] = _ranked(kept.tally, item)
        return found

    def history(self, group: str, kind: Window, first: str, last: str) -> list[tuple[str, Number]]:
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
            (window, amounts[_place(kept.tally)])
            for window, amounts in found
            if _kind(window) == kind
        ]

    def leaderboard(self, window: str, limit: int, after: Ranked | None = None) -> list[Ranked]:
        kept = self._kept
        most = _MOST if after is None else str(after.amount)
        shards = kept.ranking_shards
        names = [window] if shards == 1 else [f"{window}#{shard}" for shard in range(shards)]
        lines = merge(
            *(self._ranking(kept, name, most, limit + _SPARE) for name in names),
            key=lambda line: line.amount,
            reverse=True,
        )
        found: list[Ranked] = []
        # The index has no order among equals, so a page reads all that tie with its last line.
        for amount, equals in groupby(lines, key=lambda line: line.amount):
            tied = sorted(equals)
            if after is not None and amount == after.amount:
                tied = [line for line in tied if line.group > after.group]
            found += tied
            if len(found) >= limit:
                break
        return found[:limit]

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

    def _ranking(self, kept: Kept, name: str, most: str, page: int) -> Iterator[Ranked]:
        """The lines of one partition of a leaderboard, most first. Those of zero are left out."""
        counts = ranked_component(kept.tally) == kept.tally.components[0]
        found = all_rows(
            self._client.query,
            TableName=kept.table,
            IndexName=RANKING_INDEX,
            KeyConditionExpression="ranking = :name AND #measure BETWEEN :least AND :most",
            ExpressionAttributeNames={"#measure": ranked_component(kept.tally)},
            ExpressionAttributeValues={
                ":name": {"S": name},
                ":least": {"N": "1" if counts else f"-{_MOST}"},  # only sums can be negative
                ":most": {"N": most},
            },
            ScanIndexForward=False,
            Limit=page,
        )
        lines = (Ranked(item["group"]["S"], _ranked(kept.tally, item)) for item in found)
        return (line for line in lines if line.amount)


def _amounts(tally: Tally, item: Any) -> tuple[Number, ...]:
    return tuple(number_of(item.get(name, _NOTHING)["N"]) for name in tally.components)


def _ranked(tally: Tally, item: Any) -> Number:
    return number_of(item[ranked_component(tally)]["N"])


def _place(tally: Tally) -> int:
    return tally.components.index(ranked_component(tally))


def _kind(window: str) -> Window | None:
    try:
        return parse_window(window).kind
    except UnknownWindow:  # no row of ours
        return None
