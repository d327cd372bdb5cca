"""The designs on DynamoDB: tables of their own, made for the run and dropped after it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tallies.core.errors import InvalidInput
from tallies.favorites.favorite import Event, Favorite
from tallies.favorites.item import favorite_key, favorite_of
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.operate.compare.designs import (
    NAIVE,
    NAMES,
    SCAN,
    SECOND,
    STREAM,
    Counts,
    Design,
    windows_of,
)
from tallies.stores.dynamodb.apply.aggregate import StreamAggregator
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.client.clients import Clients
from tallies.stores.dynamodb.client.errors import HistoryTrimmed, IteratorExpired
from tallies.stores.dynamodb.client.paging import rows as all_rows
from tallies.stores.dynamodb.client.url import parse_url
from tallies.stores.dynamodb.rows.keys import is_reserved, row_key
from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.dynamodb.stream.stream import Shard, Stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

IN_TRANSACTION = 2
INDEX_MOVE = 2
"""Units of a row's move in the ranking index."""
BATCH = 100
TRIES = 20
"""Of a read: DynamoDB Local at times refuses a new iterator as expired."""
CHECKPOINT = {"group": {"S": "checkpoint"}, "time_window": {"S": "-"}}


@contextmanager
def fresh_tables(url: str, design: str) -> Iterator[str]:
    """The URL of a store whose tables are made now, and dropped at the end.

    Raises:
        InvalidInput: tables of its name exist already: somebody needs them.
    """
    location = parse_url(url)
    place = replace(location, prefix=f"{location.prefix}-compare{NAMES.index(design)}").url
    with DynamoFavorites.from_url(place) as store:
        client = Clients(location.region, location.endpoint).dynamodb
        names = [store.names.source, store.names.tallies]
        for name in names:
            with suppress(ClientError):
                client.describe_table(TableName=name)
                raise InvalidInput(f"There is a table {name}; choose another prefix to compare on.")
        store.init()
    try:
        yield place
    finally:
        for name in names:
            client.delete_table(TableName=name)


def on_dynamodb(name: str, url: str) -> Design:
    """A design over the tables of a store."""
    if name == STREAM:
        return _Tallies(url)
    if name == NAIVE:
        return _Naive(url)
    if name == SCAN:
        return _Scan(url)
    return _SecondWrite(url, together=name != SECOND)


class _Base:
    in_background = False

    def __init__(self, url: str) -> None:
        self.store = DynamoFavorites.from_url(url)
        location = parse_url(url)
        self.client: DynamoDBClient = Clients(location.region, location.endpoint).dynamodb
        self.write_units = self.read_units = 0.0

    def write(self, event: Event) -> None:
        if event.op == "mark":
            self.store.mark(event.user_id, event.restaurant_id, created_at=event.created_at)
        else:
            self.store.unmark(event.user_id, event.restaurant_id)

    def carry(self) -> int:
        return 0

    def counts(self) -> Counts:
        found = all_rows(self.client.scan, TableName=self.store.names.tallies, ConsistentRead=True)
        return {
            (item["group"]["S"], item["time_window"]["S"]): number
            for item in found
            if not is_reserved(item["group"]["S"]) and "favorites" in item
            if (number := int(item["favorites"]["N"]))
        }

    def favorites(self) -> Iterable[Favorite]:
        found = all_rows(self.client.scan, TableName=self.store.names.source, ConsistentRead=True)
        return map(favorite_of, found)

    def close(self) -> None:
        self.store.close()
        self.client.close()

    def _add(self, group: str, window: str, amount: int) -> Any:
        return {
            "TableName": self.store.names.tallies,
            "Key": row_key(group, window),
            "UpdateExpression": "SET ranking = :window ADD favorites :n",
            "ExpressionAttributeValues": {":window": {"S": window}, ":n": {"N": str(amount)}},
        }


class _Metered:
    """The client of the apply, and what its requests cost."""

    def __init__(self, client: Any, design: _Base) -> None:
        self._client = client
        self._design = design
        self.meta = client.meta

    def transact_write_items(self, **request: Any) -> Any:
        answer = self._client.transact_write_items(**request)
        for action in request["TransactItems"]:
            ((_, write),) = action.items()
            self._count(write)
        return answer

    def update_item(self, **request: Any) -> Any:
        # As the service reports it; for transactions the emulator reports it wrongly.
        try:
            answer = self._client.update_item(**request, ReturnConsumedCapacity="TOTAL")
        except ClientError:
            self._design.write_units += 1
            raise
        self._design.write_units += answer["ConsumedCapacity"]["CapacityUnits"]
        return answer

    def get_item(self, **request: Any) -> Any:
        self._design.read_units += 1
        return self._client.get_item(**request)

    def batch_get_item(self, **request: Any) -> Any:
        asked = request["RequestItems"].values()
        self._design.read_units += sum(len(each["Keys"]) for each in asked)
        return self._client.batch_get_item(**request)

    def _count(self, write: Mapping[str, Any]) -> None:
        self._design.write_units += IN_TRANSACTION
        if ":ranking" in write.get("ExpressionAttributeValues", {}):
            self._design.write_units += INDEX_MOVE


class _Tallies(_Base):
    in_background = True

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.store.settings.claim("positions")
        catalog = self.store.settings.catalog()
        location = parse_url(url)
        client: Any = _Metered(Clients(location.region, location.endpoint).once, self)
        apply = GuardedApply(
            client,
            catalog.names,
            catalog.folders(),
            epoch=catalog.epoch,
            redeclared=self.store.settings.read,
        )
        self._aggregator = StreamAggregator(self.store.stream, apply)

    def carry(self) -> int:
        return self._aggregator.step().records


class _Naive(_Base):
    """Three updates for each record; the batch is checked off when all of it is written."""

    in_background = True

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._stream: Stream = self.store.stream
        self._shard: Shard = self._stream.shards()[-1]
        self._iterator: str | None = None

    def carry(self) -> int:
        records, self._iterator = self._read()
        for record in records:
            for image, amount in ((record.change.old, -1), (record.change.new, 1)):
                if image is not None:
                    for window in windows_of(image["created_at"]):
                        self.client.update_item(**self._add(image["restaurant_id"], window, amount))
                        self.write_units += 1 + INDEX_MOVE
        if records:
            self.client.put_item(
                TableName=self.store.names.tallies,
                Item={**CHECKPOINT, "position": {"S": records[-1].change.position}},
            )
        return len(records)

    def _read(self) -> tuple[list[StreamRecord], str | None]:
        """The next records, by a new iterator where the current one no longer works."""
        for _ in range(TRIES - 1):
            with suppress(IteratorExpired, HistoryTrimmed):
                return self._stream.read(self._iterator or self._at_checkpoint(), BATCH)
            self._iterator = None
        return self._stream.read(self._at_checkpoint(), BATCH)

    def _at_checkpoint(self) -> str:
        found = self.client.get_item(
            TableName=self.store.names.tallies, Key=CHECKPOINT, ConsistentRead=True
        ).get("Item", {})
        after = found.get("position", {}).get("S", "")
        return self._stream.iterator(self._shard.id, after)


class _SecondWrite(_Base):
    """The application adds to the counts itself, after the favorite or together with it."""

    def __init__(self, url: str, *, together: bool) -> None:
        super().__init__(url)
        self._together = together

    def write(self, event: Event) -> None:
        if self._together:
            self._write_together(event)
            return
        amount, created_at = 1, event.created_at
        if event.op == "mark":
            _, is_new = self.store.mark(
                event.user_id, event.restaurant_id, created_at=event.created_at
            )
            if not is_new:
                return
        else:
            row = self.store.get(event.user_id, event.restaurant_id)
            self.read_units += 1
            if row is None or not self.store.unmark(event.user_id, event.restaurant_id):
                return
            amount, created_at = -1, row.created_at
        for window in windows_of(created_at):
            self.client.update_item(**self._add(event.restaurant_id, window, amount))
            self.write_units += 1 + INDEX_MOVE

    def _write_together(self, event: Event) -> None:
        key = {"pk": {"S": favorite_key(event.restaurant_id, event.user_id)}}
        table = self.store.names.source
        action: Any
        amount, created_at = 1, event.created_at
        if event.op == "mark":
            item = {
                **key,
                "user_id": {"S": event.user_id},
                "restaurant_id": {"S": event.restaurant_id},
                "created_at": {"S": created_at},
            }
            condition = {"ConditionExpression": "attribute_not_exists(pk)"}
            action = {"Put": {"TableName": table, "Item": item, **condition}}
        else:
            row = self.store.get(event.user_id, event.restaurant_id)
            self.read_units += 1
            if row is None:
                return
            amount, created_at = -1, row.created_at
            condition = {"ConditionExpression": "attribute_exists(pk)"}
            action = {"Delete": {"TableName": table, "Key": key, **condition}}
        windows = windows_of(created_at)
        counts: list[Any] = [
            {"Update": self._add(event.restaurant_id, window, amount)} for window in windows
        ]
        try:
            self.client.transact_write_items(TransactItems=[action, *counts])
        except ClientError as error:
            reasons: Any = error.response.get("CancellationReasons", [{}])
            if reasons[0].get("Code") != "ConditionalCheckFailed":
                raise
            return  # marked already, or gone already
        self.write_units += 1 + len(windows) * (IN_TRANSACTION + INDEX_MOVE)


class _Scan(_Base):
    """Everything is counted anew."""

    def carry(self) -> int:
        table = self.store.names.tallies
        found: dict[tuple[str, str], int] = {}
        rows = 0
        for row in self.favorites():
            rows += 1
            for window in windows_of(row.created_at):
                found[row.restaurant_id, window] = found.get((row.restaurant_id, window), 0) + 1
        self.read_units += max(1, rows * 200 / 4096)
        for place, number in found.items():
            item: Any = {
                **row_key(*place),
                "ranking": {"S": place[1]},
                "favorites": {"N": str(number)},
            }
            self.client.put_item(TableName=table, Item=item)
            self.write_units += 1 + INDEX_MOVE
        for place in self.counts().keys() - found.keys():
            self.client.delete_item(TableName=table, Key=row_key(*place))
        return 0
