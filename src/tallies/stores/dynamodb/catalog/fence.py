"""The fence: every shard's position is moved into an epoch, so that no earlier one goes on."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from tallies.core.errors import StoreUnavailable
from tallies.stores.dynamodb.apply.position import fencing, read_position
from tallies.stores.dynamodb.client.explain import explained

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TRIES = 50
"""A position that moves all the time is soon moved by an aggregator that is in the new epoch."""


def fence(client: "DynamoDBClient", table: str, shards: Iterable[str], epoch: int) -> None:
    """Make sure that all that is applied from now on is applied in this epoch or a later one.

    A shard without a position needs no fence: its first move checks the settings.

    Raises:
        StoreUnavailable: a position never stops moving.
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
        client.update_item(**fencing(table, shard, revision, epoch))
    except ClientError:  # an aggregator was faster
        return False
    return True
