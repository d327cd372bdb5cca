"""The suite on the DynamoDB store, on Amazon's own DynamoDB Local."""

from collections.abc import Iterator
from itertools import count

import pytest

from tallies.favorites.item import favorite_key, favorite_of
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.rows.keys import row_key
from tests.conformance.backend import Backend, ManualClock
from tests.conformance.suite import StoreSuite
from tests.engines import DynamoDBAccount
from tests.layouts import OLDER

PREFIXES = count()


class DynamoBackend(Backend):
    def __init__(self, account: DynamoDBAccount, options: str = "") -> None:
        self.account = account
        self.options = options
        self.clock = ManualClock()
        self.store: DynamoFavorites = DynamoFavorites.from_url(
            account.store_url(f"suite{next(PREFIXES)}") + options, clock=self.clock
        )
        self.store.init()
        self.client = account.dynamodb()

    def settle(self) -> None:
        # A new aggregator each time, as a function that was started anew would be.
        aggregator = self.store.aggregator()
        while aggregator.step().records:
            pass

    def step(self, records: int) -> None:
        self.store.aggregator(batch=records).step()

    def expire(self) -> None:
        # DynamoDB Local never expires rows of a table with an index; the service's own removal
        # gives a record like that of any other removal.
        table = self.store.names.source
        for item in self.client.scan(TableName=table)["Items"]:
            expires_at = favorite_of(item).expires_at
            if expires_at is not None and expires_at <= self.store.now():
                self.client.delete_item(TableName=table, Key={"pk": item["pk"]})

    def plant(self, group: str, window: str, favorites: int) -> None:
        self.client.update_item(
            TableName=self.store.names.tallies,
            Key=row_key(group, window),
            UpdateExpression="SET favorites = :planted",
            ExpressionAttributeValues={":planted": {"N": str(favorites)}},
        )

    def poison(self, user: str, restaurant: str) -> None:
        self.client.put_item(
            TableName=self.store.names.source,
            Item={
                "pk": {"S": favorite_key(restaurant, user)},
                "user_id": {"S": user},
                "restaurant_id": {"S": restaurant},
                "created_at": {"S": "2082-02-30T00:00:00.000000Z"},
            },
        )

    def again(self) -> "DynamoBackend":
        self.store.close()
        return DynamoBackend(self.account, self.options)


@pytest.mark.slow(but="in-rows-buckets")
class TestDynamoDB(StoreSuite):
    @pytest.fixture(
        params=[
            OLDER,
            f"{OLDER}&ranking_shards=3",
            "&guard=transactions&ranking=buckets&ranking_shards=3",
            "&guard=rows&ranking=measure",
            "&guard=rows&ranking=buckets",
        ],
        ids=["plain", "sharded", "sharded-buckets", "in-rows", "in-rows-buckets"],
    )
    def backend(
        self, aws_environment: DynamoDBAccount, request: pytest.FixtureRequest
    ) -> Iterator[Backend]:
        backend = DynamoBackend(aws_environment, request.param)
        yield backend
        backend.store.close()
