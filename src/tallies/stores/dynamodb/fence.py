"""The fence: every shard's position is moved into an epoch, so that no earlier one goes on."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import uuid4

from botocore.exceptions import ClientError

from tallies.core.errors import StoreUnavailable
from tallies.stores.dynamodb.explain import explained
from tallies.stores.dynamodb.guard import read_position
from tallies.stores.dynamodb.keys import POSITION, reserved_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TRIES = 50
"""A position that moves all the time is soon moved by an aggregator of the new epoch itself."""


def fence(client: "DynamoDBClient", table: str, shards: Iterable[str], epoch: int) -> None:
    """See that what is applied from here on is applied in this epoch or a later one.

    A shard without a position needs no fence: its first move looks at the settings.

    Raises:
        StoreUnavailable: a position does not keep still.
    """
    client = explained(client, f"table {table}")
    for shard in shards:
        for _ in range(TRIES):
            known = read_position(client, table, shard)
            if (
                known.revision is None
                or known.epoch >= epoch
                or _moved(client, table, shard, known.revision, epoch)
            ):
                break
        else:
            raise StoreUnavailable(f"Shard {shard} does not keep still; run it again.")


def _moved(client: "DynamoDBClient", table: str, shard: str, revision: str, epoch: int) -> bool:
    try:
        client.update_item(
            TableName=table,
            Key=reserved_key(POSITION, shard),
            # Another revision: what is under way for the earlier epoch is refused.
            UpdateExpression="SET epoch = :epoch, revision = :fence",
            ConditionExpression="revision = :known",
            ExpressionAttributeValues={
                ":epoch": {"N": str(epoch)},
                ":fence": {"S": uuid4().hex},
                ":known": {"S": revision},
            },
        )
    except ClientError:  # an aggregator was faster
        return False
    return True
