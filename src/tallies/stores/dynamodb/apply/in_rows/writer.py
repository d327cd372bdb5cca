"""Writes one row at a time, so that it may be repeated: what a row lacks, or a parked record."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tallies.core.fold import Folder, Parked
from tallies.stores.dynamodb.apply.buckets import Buckets, RowName
from tallies.stores.dynamodb.apply.content import parked_items
from tallies.stores.dynamodb.apply.in_rows import updates
from tallies.stores.dynamodb.apply.in_rows.amounts import RowAmounts
from tallies.stores.dynamodb.apply.in_rows.slot import Slot
from tallies.stores.dynamodb.apply.transactions import Refused, Sender
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.rows.keys import TableNames
from tallies.stores.dynamodb.stream.records import StreamRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import UpdateItemInputTypeDef

TRIES_TO_MOVE = 2
"""How often an addition tries to move its row into another bucket, before a second write does."""

Row = tuple[str, str]
"""Group and window."""


class RowWriter:
    """Writes the rows of some tallies. Threads may share it."""

    def __init__(
        self, sender: Sender, tables: TableNames, folders: Sequence[Folder], amounts: RowAmounts
    ) -> None:
        """`amounts` are what rows held when they were last written."""
        self._sender = sender
        self._tables = tables
        self._writer = Writer(tables, folders)
        self.buckets = Buckets(sender, self._writer)
        self._amounts = amounts

    def table(self, tally: str) -> str:
        """The table of a tally's rows."""
        return self._tables.rows(tally)

    def add(
        self,
        tally: str,
        row: Row,
        amounts: Any,
        slot: Slot,
        first: str,
        last: str,
        now: datetime,
        deadline: float,
    ) -> Mapping[str, Any]:
        """Add to one row what it lacks. Returns the row as it is then, if it has a bucket.

        Raises:
            Refused: the row holds some of that already.
        """
        (write,) = self._writer.rows({tally: {row: amounts}}, now)
        update = updates.guarded(write.action["Update"], slot, first, last)
        if ":bucket" not in update["ExpressionAttributeValues"]:
            return self._sender.update(update, deadline)
        name = RowName(update["TableName"], *row)
        added = self._writer.ranked_amount(tally, amounts)
        for _ in range(TRIES_TO_MOVE):
            crossing = self._amounts.crossing(name, added)
            if crossing is None:
                break
            crossed = updates.moving(update, crossing, self.buckets.component(name.table))
            try:
                return self._learnt(name, crossed, deadline)
            except Refused as refused:
                held = slot.held(refused.item)
                if held is None or held >= first:
                    raise
                # Only its amount differs: another writer has written the row since. Its answer says
                # what the row holds now.
        return self._learnt(name, update, deadline)

    def _learnt(
        self, name: RowName, update: "UpdateItemInputTypeDef", deadline: float
    ) -> Mapping[str, Any]:
        """Write a row that has a bucket, and remember what it holds afterwards."""
        component = self.buckets.component(name.table)
        try:
            item = self._sender.update(update, deadline)
        except Refused as refused:
            self._amounts.learn(name, refused.item, component)
            raise
        self._amounts.learn(name, item, component)
        return item

    def park(self, parked: Parked, record: StreamRecord, now: datetime, deadline: float) -> bool:
        """Park what could not be folded; whether it was new."""
        client, table = self._sender.client, self._tables.tallies
        (head, _), *parts = parked_items(parked, record, now)
        key = {name: head[name] for name in ("group", "time_window")}
        ask = self._sender.persist
        if "Item" in ask(
            lambda: client.get_item(TableName=table, Key=key, ConsistentRead=True), deadline
        ):
            return False
        # The parts come first: a head without its parts could not be read.
        for part, _ in parts:
            self._sender.put(table, part, None, deadline)
        try:
            self._sender.put(table, head, "attribute_not_exists(time_window)", deadline)
        except Refused:
            return False
        return True
