"""Parked records: listed, retried, discarded."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby
from math import ceil
from typing import TYPE_CHECKING, Any

from tallies.core.errors import InvalidInput, StoreUnavailable, Unfoldable
from tallies.core.fold import fold
from tallies.stores.clock import Clock
from tallies.stores.dynamodb.apply.buckets import Buckets
from tallies.stores.dynamodb.apply.content import (
    GONE,
    UNFIT,
    change_of,
    content_of,
    head_of,
    unfit_of,
)
from tallies.stores.dynamodb.apply.position import POSITION_KEPT
from tallies.stores.dynamodb.apply.transactions import MAX_ACTIONS, OutOfTime, Refused, Sender
from tallies.stores.dynamodb.apply.writes import Write, Writer
from tallies.stores.dynamodb.client.explain import explained
from tallies.stores.dynamodb.client.paging import pages, rows
from tallies.stores.dynamodb.rows.keys import PARKED, reserved_group, row_key
from tallies.stores.parked import ParkedRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from tallies.core.fold import Folder

RETRY_SECONDS = 30.0
_THERE = "attribute_exists(time_window)"
_BOTH = f"{_THERE} AND attribute_not_exists({UNFIT})"
"""The record is still parked, with all images that were parked."""


class Parked:
    """The records that could not be folded, until somebody retries or discards them."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        folders: "Sequence[Folder]",
        writer: Writer,
        sender: Sender,
        clock: Clock,
        names: "Mapping[str, str] | None" = None,
    ) -> None:
        """`names` has the name under which people know each tally, by that of its build, where the
        two differ."""
        self._names = names or {}
        self._client = explained(client, f"table {table}")
        self._table = table
        self._folders = {folder.tally.name: folder for folder in folders}
        self._writer = writer
        self._sender = sender
        self._buckets = Buckets(sender, writer)
        self._clock = clock

    def count(self) -> int:
        """How many there are (long ones that take several rows count as several)."""
        found = pages(
            self._client.query,
            Select="COUNT",
            FilterExpression=f"attribute_not_exists({GONE})",
            **self._everything(),
        )
        return sum(page["Count"] for page in found)

    def records(self) -> Iterator[ParkedRecord]:
        """All of them, those of one shard in its order."""
        for head, items in self._whole():
            first = items[0]
            yield ParkedRecord(
                id=head,
                tally=self._names.get(first["tally"]["S"], first["tally"]["S"]),
                reason=first["reason"]["S"],
                content=content_of(items),
                parked_at=first["parked_at"]["S"],
            )

    def retry(self, record_id: str) -> None:
        """Add a parked record to its tally and unpark it, in one transaction.

        If both images of a record were parked and only one of them folds now, that one is added
        and the other stays parked.

        Raises:
            InvalidInput: there is no such parked record.
            Unfoldable: the record, or one of its images, still cannot be folded and stays parked.
        """
        items = self._items(record_id)
        head: Any = items[0]
        folder = self._folders.get(head["tally"]["S"])
        if folder is None:
            raise Unfoldable(
                f"There is no tally {head['tally']['S']!r} any more as it was when this was parked;"
                " discard it."
            )
        now = self._clock()
        change = change_of(content_of(items))
        folded = fold([folder], [change], now)
        writes = self._writer.rows(folded.deltas, now)
        if not folded.parked:
            self._add(self._removals(items, _as_read(head)), writes, record_id)
            return
        left, _, reason = folded.parked[0]
        if unfit_of(left) != unfit_of(change):
            (still,) = unfit_of(left)
            self._add([self._keeping(head, still, reason)], writes, record_id)
            raise Unfoldable(f"Of its two images only the {still} one is still parked: {reason}")
        raise Unfoldable(reason)

    def _add(
        self,
        ends: "list[TransactWriteItemTypeDef]",
        writes: "Sequence[Write]",
        record_id: str,
    ) -> None:
        self._finish([*ends, *(write.action for write in writes)], record_id)
        try:
            self._buckets.fit(
                self._buckets.written(writes), self._sender.monotonic() + RETRY_SECONDS
            )
        except OutOfTime as error:
            raise self._busy(error) from None

    def discard(self, record_id: str) -> None:
        """Give a parked record up: its tally will never count it.

        Raises:
            InvalidInput: there is no such parked record.
        """
        self._finish(self._removals(self._items(record_id)), record_id)

    def discard_replaced(self) -> None:
        """Give up the records of tallies that were replaced: nobody can ever retry them."""
        for head, items in self._whole():
            if items[0]["tally"]["S"] not in self._folders:
                with suppress(InvalidInput):  # another was faster
                    self._finish(self._removals(items), head)

    def _whole(self) -> Iterator[tuple[str, list[Any]]]:
        """The id of each record that is parked, and its rows."""
        found = rows(self._client.query, **self._everything())
        for head, group in groupby(found, key=lambda item: head_of(item["time_window"]["S"])):
            items: list[Any] = list(group)
            if GONE not in items[0]:
                yield head, items

    def _items(self, record_id: str) -> list[Any]:
        if not record_id:
            raise _missing(record_id)
        found = rows(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="#group = :group AND begins_with(time_window, :id)",
            ExpressionAttributeNames={"#group": "group"},
            ExpressionAttributeValues={
                ":group": {"S": reserved_group(PARKED)},
                ":id": {"S": record_id},
            },
            ConsistentRead=True,
        )
        items = [item for item in found if head_of(item["time_window"]["S"]) == record_id]
        if not items or GONE in items[0]:
            raise _missing(record_id)
        return items

    def _removals(
        self, items: list[Any], condition: str = _THERE
    ) -> "list[TransactWriteItemTypeDef]":
        """`condition` is that of the first row."""
        head, *parts = items
        removals: list[TransactWriteItemTypeDef] = [
            {
                "Delete": {
                    "TableName": self._table,
                    "Key": row_key(item["group"]["S"], item["time_window"]["S"]),
                    "ConditionExpression": _THERE if number else condition,
                }
            }
            for number, item in enumerate(items)
        ]
        if self._writer.is_in_rows(head["tally"]["S"]):
            removals[: len(items) - len(parts)] = [self._gone(head, condition)]
        return removals

    def _gone(self, head: Any, condition: str) -> "TransactWriteItemTypeDef":
        """Mark a record as retried or discarded, in case it is delivered once more."""
        until = self._clock() + POSITION_KEPT
        return {
            "Update": {
                "TableName": self._table,
                "Key": row_key(head["group"]["S"], head["time_window"]["S"]),
                "UpdateExpression": f"SET {GONE} = :gone, expires_at = :until"
                " REMOVE #content, #packed, #parts, #reason",
                "ExpressionAttributeNames": {
                    f"#{name}": name for name in ("content", "packed", "parts", "reason")
                },
                "ConditionExpression": f"{condition} AND attribute_not_exists({GONE})",
                "ExpressionAttributeValues": {
                    ":gone": {"BOOL": True},
                    ":until": {"N": str(ceil(until.timestamp()))},
                },
            }
        }

    def _keeping(self, head: Any, image: str, reason: str) -> "TransactWriteItemTypeDef":
        """The update that leaves only one of two images parked."""
        return {
            "Update": {
                "TableName": self._table,
                "Key": row_key(head["group"]["S"], head["time_window"]["S"]),
                "UpdateExpression": f"SET {UNFIT} = :image, reason = :reason",
                "ConditionExpression": _BOTH,
                "ExpressionAttributeValues": {":image": {"S": image}, ":reason": {"S": reason}},
            }
        }

    def _finish(self, actions: "list[TransactWriteItemTypeDef]", record_id: str) -> None:
        if len(actions) > MAX_ACTIONS:  # a row can count in that many groups
            raise Unfoldable(
                f"The parked record {record_id} comes to more rows than a transaction holds; count"
                " its row with `tallies rebuild`, and then discard the record."
            )
        try:
            self._sender.transact(actions, self._sender.monotonic() + RETRY_SECONDS)
        except Refused:
            raise _missing(record_id) from None
        except OutOfTime as error:
            raise self._busy(error) from None

    def _busy(self, error: OutOfTime) -> StoreUnavailable:
        return StoreUnavailable(f"The table {self._table} is busy: {error}; try again.")

    def _everything(self) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "KeyConditionExpression": "#group = :group",
            "ExpressionAttributeNames": {"#group": "group"},
            "ExpressionAttributeValues": {":group": {"S": reserved_group(PARKED)}},
            "ConsistentRead": True,
        }


def _as_read(head: Any) -> str:
    """The condition that nobody else has added an image to the tally since the row was read."""
    return _THERE if UNFIT in head else _BOTH


def _missing(record_id: str) -> InvalidInput:
    return InvalidInput(
        f"There is no parked record {record_id!r}; `tallies parked list` shows them."
    )
