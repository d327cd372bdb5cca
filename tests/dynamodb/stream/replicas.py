"""Two replicas of a global table, and what carries changes from one to the other.

DynamoDB Local has no global tables. What replicates here is a part of the tests, but the tables,
their streams, and all that is read from them are real: each region is a database of its own.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.dynamodb.stream.stream import Stream
from tests.engines import DynamoDBAccount

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Version = Literal["2017.11.29", "2019.11.21"]
REPLICATION = "aws:rep:"
"""Begins the names of the attributes that version 2017.11.29 gives to every row."""
TABLE = "orders"
Row = Mapping[str, Any]


class Replica:
    """The table in one region. Its rows say in `written_in` where they were written."""

    def __init__(self, account: DynamoDBAccount, version: Version) -> None:
        self.account = account
        self.region = account.region
        self.client: DynamoDBClient = account.dynamodb()
        self._version = version
        self.client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self._stream = Stream.of_table(self.client, account.streams(), TABLE)
        (self._shard,) = self._stream.shards()  # which stays open
        self._read = ""

    def rows(self) -> dict[str, Row]:
        """All rows, by their ids, without what replication adds."""
        items = self.client.scan(TableName=TABLE, ConsistentRead=True)["Items"]
        return {
            str(item["id"]["S"]): {
                name: value for name, value in item.items() if not name.startswith(REPLICATION)
            }
            for item in items
        }

    def put(self, row: str, version: int, **values: Any) -> None:
        """What a user of this region does; the version decides between two of one row."""
        self.client.put_item(
            TableName=TABLE,
            Item={
                "id": {"S": row},
                "version": {"N": str(version)},
                "written_in": {"S": self.region},
                **values,
            },
        )

    def delete(self, row: str) -> None:
        """As a user does."""
        self.client.delete_item(TableName=TABLE, Key={"id": {"S": row}})

    def replicate(self, other: "Replica") -> int:
        """Carry over what users have done here since last time. How many records there were."""
        records = list(self._new_records())
        for record in records:
            image = record.raw["dynamodb"].get("NewImage")
            if image is None:
                self._remove(other, record.raw["dynamodb"]["OldImage"])
            elif image["written_in"]["S"] == self.region:
                self._carry(other, image)
        return len(records)

    def _new_records(self) -> Iterator[StreamRecord]:
        for record in self._stream.after(self._shard, self._read):
            self._read = record.change.position
            yield record

    def _carry(self, other: "Replica", image: Row) -> None:
        if self._version == "2019.11.21":
            other.take(image)
        elif f"{REPLICATION}updatetime" not in image:
            stamped = {
                **image,
                f"{REPLICATION}deleting": {"BOOL": False},
                f"{REPLICATION}updatetime": {"N": image["version"]["N"]},
                f"{REPLICATION}updateregion": {"S": self.region},
            }
            # First here, which is one more record in this region's own stream.
            self.take(stamped, again=True)
            other.take(stamped)

    def take(self, image: Row, *, again: bool = False) -> None:
        """Put a row unless a later one is there; `again`, only if this very one is."""
        condition = "version = :version" if again else "version < :version"
        if not again:
            condition += " OR attribute_not_exists(id)"
        with contextlib.suppress(self.client.exceptions.ConditionalCheckFailedException):
            self.client.put_item(
                TableName=TABLE,
                Item=image,
                ConditionExpression=condition,
                ExpressionAttributeValues={":version": image["version"]},
            )

    def _remove(self, other: "Replica", image: Row) -> None:
        if image.get(f"{REPLICATION}deleting") == {"BOOL": True}:
            return  # removed here by replication
        key = {"id": image["id"]}
        same: dict[str, Any] = {
            "ConditionExpression": "version = :version",
            "ExpressionAttributeValues": {":version": image["version"]},
        }
        try:
            if self._version == "2017.11.29":
                values = {**same["ExpressionAttributeValues"], ":yes": {"BOOL": True}}
                other.client.update_item(
                    TableName=TABLE,
                    Key=key,
                    UpdateExpression="SET #deleting = :yes",
                    ExpressionAttributeNames={"#deleting": f"{REPLICATION}deleting"},
                    **{**same, "ExpressionAttributeValues": values},
                )
            other.client.delete_item(TableName=TABLE, Key=key, **same)
        except other.client.exceptions.ConditionalCheckFailedException:
            pass


def replicate(one: Replica, other: Replica) -> None:
    """Carry changes to and fro until both regions have the same rows."""
    while one.replicate(other) + other.replicate(one):
        pass
