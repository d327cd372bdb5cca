"""The index that leaderboards are read from: its entries in order, and how many there are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import merge
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from tallies.core.amounts import number_of
from tallies.core.tally import Number
from tallies.stores.dynamodb.catalog.catalog import TallyVersion
from tallies.stores.dynamodb.client.paging import at_once, pages
from tallies.stores.dynamodb.rows.ranking import RANKING_INDEX, counts_rows, partitions
from tallies.stores.protocol import MAX_PAGE, Rank, Ranked

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SPARE = 20
"""Entries read beyond a page, so that a few that tie with its last one cost no second request."""
_MOST = 10**38 - 1
"""The largest whole number that DynamoDB holds."""

amount_of = attrgetter("amount")


class Counted(NamedTuple):
    found: int
    read: int
    """Includes those that a filter left out."""


class Index:
    """The ranking index of one tally, whose entries are ordered by one number of the row.

    It follows the rows a moment later.
    """

    def __init__(self, client: "DynamoDBClient", version: TallyVersion, by: str) -> None:
        """`by` is the attribute that the index orders by."""
        self._client = client
        self._version = version
        self._by = by
        self._floor = 1 if counts_rows(version.tally) else -_MOST  # only sums can be negative

    def down(self, window: str, page: int, most: Number | None = None) -> Iterator[Ranked]:
        """The entries of a leaderboard, most first, without those of zero, which have no line."""
        return self._entries(window, page, None, most, up=False)

    def up(self, window: str, page: int, least: Number) -> Iterator[Ranked]:
        """The entries of a leaderboard that are not below `least`, least first."""
        return self._entries(window, page, least, None, up=True)

    def within(self, window: str, number: Number) -> Iterator[Ranked]:
        """The entries of a leaderboard that all have one number."""
        return self._entries(window, MAX_PAGE, number, number, up=True)

    def _entries(
        self, window: str, page: int, least: Number | None, most: Number | None, *, up: bool
    ) -> Iterator[Ranked]:
        least = self._floor if least is None else least
        most = _MOST if most is None else most
        if least > most:
            return iter(())
        parts = (
            self._part(name, page, least, most, up=up)
            for name in partitions(window, self._version.layout.ranking_shards)
        )
        return merge(*parts, key=amount_of, reverse=not up)

    def _part(
        self, name: str, page: int, least: Number, most: Number, *, up: bool
    ) -> Iterator[Ranked]:
        """The entries of one partition."""
        asked: dict[str, Any] = {
            "TableName": self._version.table,
            "IndexName": RANKING_INDEX,
            "KeyConditionExpression": "ranking = :name AND #by BETWEEN :least AND :most",
            "ExpressionAttributeNames": {"#by": self._by},
            "ExpressionAttributeValues": {
                ":name": {"S": name},
                ":least": {"N": str(least)},
                ":most": {"N": str(most)},
            },
            "ScanIndexForward": up,
            "Limit": page,
        }
        while True:
            found = self._client.query(**asked)
            for item in found["Items"]:
                entry = Ranked(item["group"]["S"], number_of(item[self._by]["N"]))
                if entry.amount:
                    yield entry
            if "LastEvaluatedKey" not in found:
                return
            # Very many may tie: each further request asks for more.
            asked |= {
                "ExclusiveStartKey": found["LastEvaluatedKey"],
                "Limit": 2 * asked["Limit"],
            }

    def count(
        self, window: str, which: str, values: Mapping[str, str], before: str | None = None
    ) -> Counted:
        """Count the entries whose number, `#by`, meets `which`, and those before a group."""
        names = {"#by": self._by}
        given: dict[str, Any] = {name: {"N": value} for name, value in values.items()}
        narrowed = {}
        if before is not None:
            names["#group"] = "group"
            given[":group"] = {"S": before}
            narrowed["FilterExpression"] = "#group < :group"

        def count(partition: str) -> Counted:
            found = list(
                pages(
                    self._client.query,
                    TableName=self._version.table,
                    IndexName=RANKING_INDEX,
                    Select="COUNT",
                    KeyConditionExpression=f"ranking = :name AND {which}",
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues={":name": {"S": partition}, **given},
                    **narrowed,
                )
            )
            return Counted(
                sum(page["Count"] for page in found), sum(page["ScannedCount"] for page in found)
            )

        parts = at_once(count, partitions(window, self._version.layout.ranking_shards))
        return Counted(sum(part.found for part in parts), sum(part.read for part in parts))


def rank_of(amount: Number, asked: Sequence[Callable[[], Counted]]) -> Rank:
    """The place of an amount, by counts that are all asked for at once.

    They are of the lines above it, of those that stand with it and the ones of them before it, of
    those below where there can be any, and, where amounts can be negative, of the rows that have
    come to zero: these are in the index, but have no line.
    """
    counts = at_once(lambda ask: ask(), asked)
    rank = 1 + counts[0].found + counts[1].found
    of = sum(count.read for count in counts[:3])
    if asked[3:]:
        of -= counts[3].read
        rank -= counts[3].read if amount < 0 else 0
    # The index follows the rows a moment later, and may not have this one yet.
    return Rank(rank, max(rank, of), amount)
