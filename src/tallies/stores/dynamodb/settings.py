"""What a store says of itself, so that writers and readers agree."""

from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from tallies.core.errors import WrongStore
from tallies.stores.dynamodb.explain import explained
from tallies.stores.dynamodb.keys import SETTINGS, reserved_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

FORMAT = 1

GuardKind = Literal["positions", "markers"]
"""What says of a record that it is in: its shard's position, or a marker of its own."""


class Settings:
    """The settings item of a store."""

    def __init__(self, client: "DynamoDBClient", table: str, wanted: int | None) -> None:
        """`wanted` is the number of ranking shards that the store URL names."""
        self._client = explained(client, f"table {table}")
        self._table = table
        self._wanted = wanted
        self._ranking_shards: int | None = None
        self._guard: str | None = None

    def create(self) -> bool:
        """Write the item if there is none. Whether it was written."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    **reserved_key(SETTINGS),
                    **self._defaults(),
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

    def guard(self) -> str | None:
        """The kind of guard that the tallies have; None before the first record."""
        if self._guard is None:
            self._read()
        return self._guard

    def claim(self, guard: GuardKind) -> None:
        """See that the tallies have this kind of guard, from now on if they had none.

        Neither kind knows what went in under the other, so a record that came both ways would
        count twice.

        Raises:
            WrongStore: they have the other kind.
        """
        if self.guard() is None:
            item = self._defaults()
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=reserved_key(SETTINGS),
                    UpdateExpression="SET #guard = :guard"
                    + "".join(f", #{name} = if_not_exists(#{name}, :{name})" for name in item),
                    ConditionExpression="attribute_not_exists(#guard) OR #guard = :guard",
                    ExpressionAttributeNames={f"#{name}": name for name in ("guard", *item)},
                    ExpressionAttributeValues={
                        ":guard": {"S": guard},
                        **{f":{name}": value for name, value in item.items()},
                    },
                )
            except ClientError:  # somebody else was faster
                self._read()
            else:
                self._guard = guard
        if self._guard != guard:
            raise WrongStore(_OTHER_GUARD[guard].format(table=self._table))

    def _defaults(self) -> "dict[str, AttributeValueTypeDef]":
        return {
            "format": {"N": str(FORMAT)},
            "ranking_shards": {"N": str(self._wanted or 1)},
        }

    def _read(self) -> int:
        found: dict[str, Any] = self._client.get_item(
            TableName=self._table, Key=reserved_key(SETTINGS), ConsistentRead=True
        ).get("Item", {})
        self._guard = found.get("guard", {}).get("S")
        if "format" not in found:  # tables made by a template
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


_OTHER_GUARD = {
    "positions": (
        "The records in {table} are marked one by one, by an event source mapping without a"
        " tumbling window; disable it and run `tallies rebuild`, then records can be told by"
        " their shard's position."
    ),
    "markers": (
        "The records in {table} are told by their shard's position; give the event source mapping"
        " a tumbling window, which tells the function the shard."
    ),
}
