"""Leaderboards from an index that is ordered by the measure itself: it holds all of their lines."""

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from tallies.core.tally import Number
from tallies.stores.dynamodb.catalog.catalog import TallyVersion
from tallies.stores.dynamodb.rows.index import SPARE, Index, amount_of, rank_of
from tallies.stores.dynamodb.rows.ranking import counts_rows, ranked_component
from tallies.stores.protocol import Rank, Ranked

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class BoardsByMeasure:
    """The leaderboards of one tally."""

    def __init__(self, client: "DynamoDBClient", version: TallyVersion) -> None:
        self._index = Index(client, version, ranked_component(version.tally))
        self._counts = counts_rows(version.tally)

    def leaderboard(
        self, window: str, limit: int, after: Ranked | None, offset: int
    ) -> list[Ranked]:
        # The index does not number its lines: those before the page are read, too.
        upto = offset + limit
        down = self._index.down(window, upto + SPARE, after and after.amount)
        found: list[Ranked] = []
        # The index has no order among equals, so a page reads all that tie with its last line.
        for amount, equals in groupby(down, key=amount_of):
            tied = sorted(equals)
            if after is not None and amount == after.amount:
                tied = [line for line in tied if line.group > after.group]
            found += tied
            if len(found) >= upto:
                break
        return found[offset:upto]

    def above(self, window: str, line: Ranked, limit: int) -> list[Ranked]:
        up = self._index.up(window, limit + SPARE, line.amount)
        found: list[Ranked] = []
        for amount, equals in groupby(up, key=amount_of):
            tied = sorted(equals, reverse=True)
            if amount == line.amount:
                tied = [other for other in tied if other.group < line.group]
            found += tied
            if len(found) >= limit:
                break
        return found[:limit][::-1]

    def rank(self, window: str, group: str, amount: Number) -> Rank:
        """The place of a group that is on the board."""
        count = partial(self._index.count, window)
        here = {":amount": str(amount)}
        above = partial(count, "#by > :amount", here)
        tied = partial(count, "#by = :amount", here, before=group)
        below = partial(count, "#by < :amount", here)
        # Rows that have come to zero are in the index, but have no line on the board.
        zeros = partial(count, "#by = :zero", {":zero": "0"})
        if self._counts:
            some = {":one": "1", ":less": str(amount - 1)}
            below = partial(count, "#by BETWEEN :one AND :less", some)
            asked = [above, tied, below][: 2 if amount == 1 else 3]
        else:
            asked = [above, tied, below, zeros]
        return rank_of(amount, asked)
