"""Reading the tallies."""

from collections.abc import Callable, Iterator, Sequence
from heapq import merge
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tallies.core.errors import UnknownWindow
from tallies.core.tally import Count, Sum, Tally
from tallies.core.windows import Window, parse_window
from tallies.stores.dynamodb.explain import explained
from tallies.stores.dynamodb.keys import is_reserved, row_key
from tallies.stores.dynamodb.paging import batch_get
from tallies.stores.dynamodb.paging import rows as all_rows
from tallies.stores.protocol import Ranked, TallyRow

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

RANKING_INDEX = "ranking"
_SPARE = 20
"""Lines read beyond a page, so that a few that tie with its last one cost no second request."""
_MOST = "9" * 38
"""The largest whole number that DynamoDB holds."""


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

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        tally: Tally,
        ranking_shards: Callable[[], int],
    ) -> None:
        self._client = explained(client, f"table {table}")
        self._tallies_table = table
        self._measure = ranked_component(tally)
        self._ranking_shards = ranking_shards

    def windows_of(self, group: str) -> dict[str, int]:
        found = self._rows("#group = :group", {":group": {"S": group}})
        return dict(sorted(found, key=lambda row: (row[0] != Window.ALL, row[0])))

    def tally(self, group: str, windows: Sequence[str]) -> dict[str, int]:
        found = dict.fromkeys(windows, 0)
        keys = [row_key(group, window) for window in found]
        for item in batch_get(self._client, self._tallies_table, keys):
            found[item["time_window"]["S"]] = self._amount(item)
        return found

    def history(self, group: str, kind: Window, first: str, last: str) -> list[tuple[str, int]]:
        values: dict[str, AttributeValueTypeDef] = {
            ":group": {"S": group},
            ":first": {"S": first},
            ":last": {"S": last},
        }
        found = self._rows("#group = :group AND time_window BETWEEN :first AND :last", values)
        # Names of finer windows lie between those of coarser ones.
        return [row for row in found if _kind(row[0]) == kind]

    def leaderboard(self, window: str, limit: int, after: Ranked | None = None) -> list[Ranked]:
        most = _MOST if after is None else str(after.amount)
        shards = self._ranking_shards()
        names = [window] if shards == 1 else [f"{window}#{shard}" for shard in range(shards)]
        lines = merge(
            *(self._ranking(name, most, limit + _SPARE) for name in names),
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
        found = all_rows(self._client.scan, TableName=self._tallies_table, ConsistentRead=True)
        for item in found:
            group = item["group"]["S"]
            if not is_reserved(group) and (amount := self._amount(item)):
                yield TallyRow(group, item["time_window"]["S"], amount)

    def _rows(
        self, condition: str, values: "dict[str, AttributeValueTypeDef]"
    ) -> list[tuple[str, int]]:
        found = all_rows(
            self._client.query,
            TableName=self._tallies_table,
            KeyConditionExpression=condition,
            ExpressionAttributeNames={"#group": "group"},
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        pairs = ((item["time_window"]["S"], self._amount(item)) for item in found)
        return [(window, amount) for window, amount in pairs if amount]

    def _ranking(self, name: str, most: str, page: int) -> Iterator[Ranked]:
        """The lines of one partition of a leaderboard, most first; rows of zero lie below."""
        found = all_rows(
            self._client.query,
            TableName=self._tallies_table,
            IndexName=RANKING_INDEX,
            KeyConditionExpression="ranking = :name AND #measure BETWEEN :one AND :most",
            ExpressionAttributeNames={"#measure": self._measure},
            ExpressionAttributeValues={
                ":name": {"S": name},
                ":one": {"N": "1"},
                ":most": {"N": most},
            },
            ScanIndexForward=False,
            Limit=page,
        )
        return (Ranked(item["group"]["S"], self._amount(item)) for item in found)

    def _amount(self, item: Any) -> int:
        return int(item[self._measure]["N"])


def _kind(window: str) -> Window | None:
    try:
        return parse_window(window).kind
    except UnknownWindow:  # no row of ours
        return None
