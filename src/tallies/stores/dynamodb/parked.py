"""Parked records: listed, tried again, given up."""

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tallies.core.errors import InvalidInput, StoreUnavailable, Unfoldable
from tallies.core.fold import fold
from tallies.stores.dynamodb.content import change_of, content_of, head_of
from tallies.stores.dynamodb.explain import explained
from tallies.stores.dynamodb.keys import PARKED, reserved_group, row_key
from tallies.stores.dynamodb.paging import pages, rows
from tallies.stores.dynamodb.transactions import MAX_ACTIONS, OutOfTime, Refused, Sender
from tallies.stores.dynamodb.writes import Writer
from tallies.stores.protocol import Clock, ParkedRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from tallies.core.fold import Folder

RETRY_SECONDS = 30.0


class Parked:
    """The records that no tally could take in, until somebody decides about them."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        folders: "Sequence[Folder]",
        writer: Writer,
        sender: Sender,
        clock: Clock,
    ) -> None:
        self._client = explained(client, f"table {table}")
        self._table = table
        self._folders = {folder.tally.name: folder for folder in folders}
        self._writer = writer
        self._sender = sender
        self._clock = clock

    def count(self) -> int:
        """How many there are (long ones that take several rows count as several)."""
        found = pages(self._client.query, Select="COUNT", **self._everything())
        return sum(page["Count"] for page in found)

    def records(self) -> Iterator[ParkedRecord]:
        """All of them, those of one shard in its order."""
        found = rows(self._client.query, **self._everything())
        for head, group in groupby(found, key=lambda item: head_of(item["time_window"]["S"])):
            items = list(group)
            first: Any = items[0]
            yield ParkedRecord(
                id=head,
                tally=first["tally"]["S"],
                reason=first["reason"]["S"],
                content=content_of(items),
                parked_at=first["parked_at"]["S"],
            )

    def retry(self, record_id: str) -> None:
        """Add a parked record to its tally and let it go, in one transaction.

        Raises:
            InvalidInput: there is no such parked record.
            Unfoldable: it still cannot be folded; it stays parked.
        """
        items = self._items(record_id)
        head: Any = items[0]
        folder = self._folders.get(head["tally"]["S"])
        if folder is None:
            raise Unfoldable(f"There is no tally {head['tally']['S']!r} any more; discard it.")
        now = self._clock()
        folded = fold([folder], [change_of(content_of(items))], now)
        if folded.parked:
            raise Unfoldable(folded.parked[0].reason)
        writes = self._writer.rows(folded.deltas, now)
        self._finish([*self._removals(items), *(write.action for write in writes)], record_id)

    def discard(self, record_id: str) -> None:
        """Give a parked record up: its tally will never count it.

        Raises:
            InvalidInput: there is no such parked record.
        """
        self._finish(self._removals(self._items(record_id)), record_id)

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
        if not items:
            raise _missing(record_id)
        return items

    def _removals(self, items: list[Any]) -> "list[TransactWriteItemTypeDef]":
        return [
            {
                "Delete": {
                    "TableName": self._table,
                    "Key": row_key(item["group"]["S"], item["time_window"]["S"]),
                    "ConditionExpression": "attribute_exists(time_window)",
                }
            }
            for item in items
        ]

    def _finish(self, actions: "list[TransactWriteItemTypeDef]", record_id: str) -> None:
        if len(actions) > MAX_ACTIONS:  # no record comes to so much
            raise Unfoldable(f"The parked record {record_id} fits into no transaction.")
        try:
            self._sender.transact(actions, self._sender.monotonic() + RETRY_SECONDS)
        except Refused:
            raise _missing(record_id) from None
        except OutOfTime as error:
            raise StoreUnavailable(
                f"The table {self._table} is busy: {error}; try again."
            ) from None

    def _everything(self) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "KeyConditionExpression": "#group = :group",
            "ExpressionAttributeNames": {"#group": "group"},
            "ExpressionAttributeValues": {":group": {"S": reserved_group(PARKED)}},
            "ConsistentRead": True,
        }


def _missing(record_id: str) -> InvalidInput:
    return InvalidInput(
        f"There is no parked record {record_id!r}; `tallies parked list` shows them."
    )
