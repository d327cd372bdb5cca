"""What a store says of itself, so that writers and readers agree."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from tallies.core.errors import WrongStore
from tallies.stores.dynamodb.explain import explained
from tallies.stores.dynamodb.keys import SETTINGS, reserved_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FORMAT = 1


class Settings:
    """The settings item of a store."""

    def __init__(self, client: "DynamoDBClient", table: str, wanted: int | None) -> None:
        """`wanted` is the number of ranking shards that the store URL names."""
        self._client = explained(client, f"table {table}")
        self._table = table
        self._wanted = wanted
        self._ranking_shards: int | None = None

    def create(self) -> bool:
        """Write the item if there is none. Whether it was written."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    **reserved_key(SETTINGS),
                    "format": {"N": str(FORMAT)},
                    "ranking_shards": {"N": str(self._wanted or 1)},
                },
                ConditionExpression="attribute_not_exists(time_window)",
            )
        except ClientError:
            self.ranking_shards()
            return False
        return True

    def ranking_shards(self) -> int:
        """How many partitions each leaderboard has.

        Raises:
            WrongStore: the URL names another number, or the store is of a later version.
        """
        if self._ranking_shards is None:
            self._ranking_shards = self._read()
        return self._ranking_shards

    def _read(self) -> int:
        found = self._client.get_item(
            TableName=self._table, Key=reserved_key(SETTINGS), ConsistentRead=True
        ).get("Item")
        if found is None:  # tables made by a template
            return self._wanted or 1
        if (version := int(found["format"]["N"])) > FORMAT:
            raise WrongStore(
                f"The table {self._table} is of format {version}, and this tallies knows"
                f" {FORMAT}; install a newer one."
            )
        shards = int(found["ranking_shards"]["N"])
        if self._wanted not in (None, shards):
            raise WrongStore(
                f"The table {self._table} has leaderboards of {shards} partitions, not"
                f" {self._wanted}; leave ranking_shards out of the store URL."
            )
        return shards
