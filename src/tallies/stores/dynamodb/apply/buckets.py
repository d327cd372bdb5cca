"""Buckets of rows: after rows are written, each is moved into the bucket that its amount lies in.

The write that adds to a row cannot know the amount that results. So a program that has written rows
reads them, and moves those whose bucket no longer fits by a second write, on condition that the
amount is still the one that it read. If that is refused, another program has written the row, and
it is read again.

The second write may be repeated, and may come at any time; but some program must make it. So a
batch counts as done only when the buckets of its rows fit, including the rows of those records that
turn out to have been applied before.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from tallies.core.amounts import number_of
from tallies.core.boards.buckets import bucket_of
from tallies.core.tally import Tally
from tallies.stores.dynamodb.apply.transactions import FIRST_PAUSE_SECONDS, Refused, Sender
from tallies.stores.dynamodb.apply.writes import Write, Writer
from tallies.stores.dynamodb.client.paging import MAX_KEYS, at_once, batches
from tallies.stores.dynamodb.rows.keys import TableNames, row_key
from tallies.stores.dynamodb.rows.ranking import BUCKET, ranked_component

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import UpdateTypeDef

Item = Mapping[str, Any]


class RowName(NamedTuple):
    """A row of some table."""

    table: str
    group: str
    window: str


def ranked_by_buckets(names: TableNames, tallies: Iterable[Tally]) -> Mapping[str, str]:
    """The tables of the tallies ranked by buckets, each with the component that is ranked."""
    return {
        names.rows(tally.name): ranked_component(tally)
        for tally in tallies
        if tally.ranked and names.layout(tally.name).ranking == "buckets"
    }


class Buckets:
    """Keeps the rows of some tallies in their buckets."""

    def __init__(self, sender: Sender, writer: Writer) -> None:
        """`writer` is of the tallies whose rows these are."""
        self._sender = sender
        self._ranked = ranked_by_buckets(writer.names, writer.tallies)

    def __bool__(self) -> bool:
        """Whether any of the tallies has buckets."""
        return bool(self._ranked)

    def written(self, writes: Iterable[Write]) -> list[RowName]:
        """Which of the rows that were written have a bucket."""
        found = []
        for write in writes if self else ():
            update: Any = write.action.get("Update")
            if update is not None and ":bucket" in update["ExpressionAttributeValues"]:
                key = update["Key"]
                found.append(
                    RowName(update["TableName"], key["group"]["S"], key["time_window"]["S"])
                )
        return found

    def fit(self, rows: Iterable[RowName], deadline: float) -> None:
        """Read rows that have been written, and move them into their buckets.

        Raises:
            OutOfTime: `deadline`, on the monotonic clock, is too near.
            StoreError: DynamoDB will never take it.
        """
        waiting = list({row for row in rows if row.table in self._ranked})
        while waiting:
            waiting = self.fit_read(self.read(waiting, deadline), deadline)

    def read(self, rows: Iterable[RowName], deadline: float) -> list[tuple[str, Item]]:
        """Those of the rows that exist, as they are now, each with its table; raises as `fit`."""
        parts = [
            (table, some)
            for table, its in groupby(sorted(rows), key=itemgetter(0))
            for some in batches(its, MAX_KEYS)
        ]
        found = at_once(lambda part: self._read(part[0], part[1], deadline), parts)
        return [row for some in found for row in some]

    def fit_read(self, rows: Iterable[tuple[str, Item]], deadline: float) -> list[RowName]:
        """Move rows that have been read after they were written into their buckets.

        Each comes with its table, and with at least its key, its bucket and the component that it
        is ranked by. Returns those that another program has written since: they must be read again.
        Raises as `fit`.
        """
        wrong = [row for row in rows if self.is_wrong(*row)]
        moved = at_once(lambda row: self._move(row[0], row[1], deadline), wrong)
        return [_name(*row) for row, is_in in zip(wrong, moved, strict=True) if not is_in]

    def is_wrong(self, table: str, item: Item) -> bool:
        """Whether a row is not in the bucket that its amount lies in."""
        return is_unfit(item, self._ranked.get(table))

    def component(self, table: str) -> str:
        """The attribute of a table's rows that their buckets are of."""
        return self._ranked[table]

    def _move(self, table: str, item: Item, deadline: float) -> bool:
        component = self.component(table)
        amount = item[component]["N"]
        update: UpdateTypeDef = {
            "TableName": table,
            "Key": row_key(item["group"]["S"], item["time_window"]["S"]),
            "UpdateExpression": "SET #bucket = :bucket",
            "ConditionExpression": "#amount = :amount",
            "ExpressionAttributeNames": {"#bucket": BUCKET, "#amount": component},
            "ExpressionAttributeValues": {
                ":bucket": {"N": str(bucket_of(number_of(amount)))},
                ":amount": {"N": amount},
            },
        }
        try:
            self._sender.update(update, deadline)
        except Refused:
            return False
        return True

    def _read(self, table: str, some: Sequence[RowName], deadline: float) -> list[tuple[str, Item]]:
        keys = [row_key(row.group, row.window) for row in some]
        wanted: Any = {table: {"Keys": keys, "ConsistentRead": True}}
        found: list[tuple[str, Item]] = []

        def request() -> Any:
            return self._sender.client.batch_get_item(RequestItems=wanted)

        while wanted:
            answer = self._sender.persist(request, deadline)
            found += [(table, item) for item in answer["Responses"].get(table, [])]
            wanted = answer.get("UnprocessedKeys")
            if wanted:
                self._sender.sleep(FIRST_PAUSE_SECONDS)
        return found


def is_unfit(item: Item, component: str | None) -> bool:
    """Whether a row is not in the bucket that its amount lies in.

    `component` is what its table is ranked by; None when it is not ranked by buckets.
    """
    if component is None or "ranking" not in item or component not in item:
        return False
    there = item.get(BUCKET)
    return there is None or number_of(there["N"]) != bucket_of(number_of(item[component]["N"]))


def _name(table: str, item: Item) -> RowName:
    return RowName(table, item["group"]["S"], item["time_window"]["S"])
