"""Leaderboards from an index that is ordered by buckets: rows are read, and ordered exactly.

Inside a bucket the index has no order. So all of a bucket is read before any of it is shown: its
entries in the index, and then their rows, by eventually consistent reads, which cost half. Where a
bucket holds one amount only, as those of small counts do, its entries are enough; so the longest
part of most boards, the groups with one, two or three rows, costs no more than in an index by the
measure.

The index follows the rows a moment later, and a row may wait for its bucket while it is being
written. A row whose amount has left the bucket is placed by that amount, as far as the board has
been read: one that fell waits until its place is reached, one that rose comes before those that
were read with it, and is left out if its place was on an earlier page. What the index does not have
yet is not seen; that is so in an index by the measure, too.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from tallies.core.boards.buckets import bucket_above, bucket_below, bucket_of
from tallies.core.boards.topk import place
from tallies.core.tally import Number
from tallies.stores.dynamodb.catalog.catalog import TallyVersion
from tallies.stores.dynamodb.client.paging import batch_get
from tallies.stores.dynamodb.rows.index import SPARE, Counted, Index, amount_of, rank_of
from tallies.stores.dynamodb.rows.keys import row_key
from tallies.stores.dynamodb.rows.ranking import BUCKET, counts_rows, ranked_amount
from tallies.stores.protocol import Rank, Ranked

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Known = dict[tuple[str, str, Number], Sequence[Ranked]]
"""Table, window and bucket -> the lines that were read for it, even if their amounts have left it
by now. Several questions that are answered as one share it, so that none reads a bucket again."""


class BoardsByBucket:
    """The leaderboards of one tally."""

    def __init__(
        self, client: "DynamoDBClient", version: TallyVersion, known: Known | None = None
    ) -> None:
        self._client = client
        self._version = version
        self._known = known
        self._index = Index(client, version, BUCKET)
        self._counts = counts_rows(version.tally)

    def leaderboard(
        self, window: str, limit: int, after: Ranked | None, offset: int
    ) -> list[Ranked]:
        found: dict[str, Ranked] = {}
        passed = None if after is None else place(after)
        waiting: list[_Bucket] = []
        ceiling: Number | None = None

        def page(floor: Number | None) -> list[Ranked]:
            """The lines that are known to come next, once all down to a floor have been found."""
            return [
                line
                for line in found.values()
                if (floor is None or line.amount >= floor)
                and (ceiling is None or line.amount < ceiling)
                and (passed is None or place(line) > passed)
            ]

        for bucket in self._down(window, offset + limit, after):
            if passed is None and not found and not waiting and bucket.size <= offset:
                offset -= bucket.size  # it comes before the page: its rows need not be read
                ceiling = bucket.least
                continue
            waiting.append(bucket)
            known = page(bucket.least)
            if len(known) + sum(each.size for each in waiting) < offset + limit:
                continue
            self._read(window, waiting, found)
            waiting = []
            known = page(bucket.least)
            if len(known) >= offset + limit:
                break
        else:
            self._read(window, waiting, found)
            known = page(None)
        return sorted(known, key=place)[offset : offset + limit]

    def above(self, window: str, line: Ranked, limit: int) -> list[Ranked]:
        found: dict[str, Ranked] = {}
        own = place(line)
        waiting: list[_Bucket] = []

        def near(ceiling: Number | None) -> list[Ranked]:
            return [
                other
                for other in found.values()
                if place(other) < own and (ceiling is None or other.amount < ceiling)
            ]

        for bucket in self._up(window, limit, line):
            waiting.append(bucket)
            ceiling = bucket_above(bucket.least)
            if len(near(ceiling)) + sum(each.size for each in waiting) < limit:
                continue
            self._read(window, waiting, found)
            waiting = []
            known = near(ceiling)
            if len(known) >= limit:
                break
        else:
            self._read(window, waiting, found)
            known = near(None)
        return sorted(known, key=place)[-limit:]

    def rank(self, window: str, group: str, amount: Number) -> Rank:
        """The place of a group that is on the board."""
        bucket = bucket_of(amount)
        count = partial(self._index.count, window)
        here = {":bucket": str(bucket)}
        asked: list[Callable[[], Counted]] = [
            partial(count, "#by > :bucket", here),
            partial(self._within, window, bucket, Ranked(group, amount)),
        ]
        if not self._counts:
            # Rows that have come to zero are in the index, but have no line on the board.
            asked.append(partial(count, "#by < :bucket", here))
            asked.append(partial(count, "#by = :zero", {":zero": "0"}))
        elif bucket > 1:
            some = {":one": "1", ":less": str(bucket_below(bucket))}
            asked.append(partial(count, "#by BETWEEN :one AND :less", some))
        return rank_of(amount, asked)

    def _within(self, window: str, least: Number, line: Ranked) -> Counted:
        """Count the lines of a bucket, and apart from them those before a line."""
        if self._holds_one(least):
            return self._index.count(window, "#by = :here", {":here": str(least)}, line.group)
        found: dict[str, Ranked] = {}
        bucket = self._bucket(window, least)
        if bucket is None:
            entries = list(self._index.within(window, least))
            bucket = _Bucket(least, [entry.group for entry in entries])
        self._read(window, [bucket], found)
        own = place(line)
        return Counted(sum(place(each) < own for each in found.values()), len(found))

    def _down(self, window: str, page: int, after: Ranked | None) -> Iterator["_Bucket"]:
        """The buckets of a leaderboard, highest first, from that of a line on."""
        top = None if after is None else bucket_of(after.amount)
        if top is not None and (known := self._bucket(window, top)):
            yield known
            top = bucket_below(top)
        yield from _buckets(self._index.down(window, page + SPARE, top))

    def _up(self, window: str, page: int, line: Ranked) -> Iterator["_Bucket"]:
        """The buckets of a leaderboard, lowest first, from that of a line on."""
        bottom = bucket_of(line.amount)
        if known := self._bucket(window, bottom):
            yield known
            bottom = bucket_above(bottom)
        yield from _buckets(self._index.up(window, page + SPARE, bottom))

    def _bucket(self, window: str, least: Number) -> "_Bucket | None":
        """A bucket whose lines are known."""
        lines = (self._known or {}).get((self._version.table, window, least))
        return None if lines is None else _Bucket(least, [line.group for line in lines])

    def _holds_one(self, bucket: Number) -> bool:
        """Whether all rows in a bucket have the same amount."""
        return self._counts and bucket_above(bucket) - bucket == 1

    def _read(self, window: str, buckets: Sequence["_Bucket"], found: dict[str, Ranked]) -> None:
        """Find the lines of some buckets."""
        of_bucket: dict[Number, list[Ranked]] = {}
        home: dict[str, Number] = {}
        for least, groups in buckets:
            known = (self._known or {}).get((self._version.table, window, least))
            if known is not None:
                of_bucket[least] = list(known)
            elif self._holds_one(least):
                of_bucket[least] = [Ranked(group, least) for group in groups]
            else:
                of_bucket[least] = []
                home |= dict.fromkeys(groups, least)
        keys = [row_key(group, window) for group in home]
        tally = self._version.tally
        # The index itself is a moment behind, so rows as of a moment ago tell as much.
        for item in batch_get(self._client, self._version.table, keys, consistent=False):
            line = Ranked(item["group"]["S"], ranked_amount(tally, item))
            if line.amount and (line.amount > 0 or not self._counts):
                of_bucket[home[line.group]].append(line)
        for least, lines in of_bucket.items():
            if self._known is not None:
                self._known[self._version.table, window, least] = lines
            for line in lines:
                # A row that moves while it is read may be met twice.
                found.setdefault(line.group, line)


class _Bucket(NamedTuple):
    """What the index has of a bucket, in no order."""

    least: Number
    """The least amount that it holds."""
    groups: Sequence[str]

    @property
    def size(self) -> int:
        return len(self.groups)


def _buckets(entries: Iterable[Ranked]) -> Iterator[_Bucket]:
    for least, some in groupby(entries, key=amount_of):
        yield _Bucket(least, [entry.group for entry in some])
