"""A store whose leaderboards are ordered by buckets, on DynamoDB Local."""

import random
from collections.abc import Iterator
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

from tallies.core.boards.buckets import bucket_of
from tallies.core.boards.topk import place
from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import InvalidTally
from tallies.core.tally import Count, Tally
from tallies.core.windows import Window
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.rows.keys import is_reserved, row_key
from tallies.stores.dynamodb.snapshot.mend import misplaced
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.layout import GUARDS, Guard, LayoutWish
from tallies.stores.protocol import Ranked
from tallies.stores.verified import Drift
from tests.conformance.backend import ManualClock
from tests.dynamodb.traffic import busy, settle, write
from tests.engines import DynamoDBAccount
from tests.length import at_length

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def store(aws_environment: DynamoDBAccount, clock: ManualClock) -> Iterator[DynamoFavorites]:
    url = aws_environment.store_url("app") + "&ranking=buckets&guard=transactions"
    with DynamoFavorites.from_url(url, clock=clock) as store:
        store.init()
        yield store


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(misplaced, "LOOK_SECONDS", 0.01)


def mark(store: DynamoFavorites, restaurant: str, users: int) -> None:
    for number in range(users):
        store.mark(f"u{number}", restaurant)
    settle(store)


def put_into_bucket(
    store: DynamoFavorites, client: "DynamoDBClient", restaurant: str, window: str, bucket: str
) -> None:
    client.update_item(
        TableName=store.settings.read().live[0].table,
        Key=row_key(restaurant, window),
        UpdateExpression="SET #bucket = :bucket",
        ExpressionAttributeNames={"#bucket": "bucket"},
        ExpressionAttributeValues={":bucket": {"N": bucket}},
    )


def buckets_of(store: DynamoStore, client: "DynamoDBClient") -> dict[tuple[str, str], int]:
    table = store.settings.read().live[0].table
    items: list[Any] = client.scan(TableName=table, ConsistentRead=True)["Items"]
    return {
        (item["group"]["S"], item["time_window"]["S"]): int(item["bucket"]["N"])
        for item in items
        if not is_reserved(item["group"]["S"])
    }


def test_each_row_is_in_the_bucket_of_its_count(
    store: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    dice = random.Random(1)
    for number in range(at_length(300, least=100)):
        write(store, dice)
        if number % 7 == 0:
            settle(store)
    settle(store)
    found = {(row.group, row.window): row.values["favorites"] for row in store.rows()}
    assert {at: bucket for at, bucket in buckets_of(store, client).items() if bucket} == {
        at: bucket_of(count) for at, count in found.items()
    }


def test_a_row_in_a_wrong_bucket_is_drift_of_its_own_kind_and_is_mended(
    store: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    mark(store, "noodles", 7)
    mark(store, "pizza", 2)
    store.unmark("u0", "pizza")
    store.unmark("u1", "pizza")
    settle(store)
    put_into_bucket(store, client, "noodles", "all", "1")
    put_into_bucket(store, client, "pizza", "all", "3")
    assert store.leaderboard("all", 9) == [Ranked("pizza", 3), Ranked("noodles", 1)]
    wrong = [
        Drift("noodles", "all", 6, 1, "bucket"),
        Drift("pizza", "all", 0, 3, "bucket"),  # has come to zero, and stands on the board
    ]
    found = store.verify()
    assert list(found.drifted) == wrong
    assert found.drifted_groups == 2
    assert list(store.rebuild().drifted) == wrong
    assert list(store.verify().drifted) == []
    assert store.leaderboard("all", 9) == [Ranked("noodles", 7)]


def test_a_row_whose_numbers_are_wrong_is_mended_with_its_bucket(
    store: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    mark(store, "noodles", 7)
    client.update_item(
        TableName=store.names.tallies,
        Key=row_key("noodles", "all"),
        UpdateExpression="SET favorites = :planted",
        ExpressionAttributeValues={":planted": {"N": "70"}},
    )
    found = store.rebuild()
    assert list(found.drifted) == [Drift("noodles", "all", 7, 70, "favorites")]
    assert found.drifted_groups == 1
    assert list(store.verify().drifted) == []
    assert buckets_of(store, client)["noodles", "all"] == 6


def test_a_row_that_waits_for_its_bucket_is_no_drift(
    store: DynamoFavorites, client: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    mark(store, "noodles", 7)
    put_into_bucket(store, client, "noodles", "all", "1")
    put_into_bucket(store, client, "noodles", "2082-11", "4")
    waits: list[float] = []

    def meanwhile(seconds: float) -> None:
        """The second write of one row, then that of the other, as a slow writer makes them."""
        waits.append(seconds)
        window = ["2082-11", "all", ""][min(len(waits), 3) - 1]
        if window:
            put_into_bucket(store, client, "noodles", window, "6")

    monkeypatch.setattr(misplaced, "sleep", meanwhile)
    assert list(store.verify().drifted) == []
    assert len(waits) == 3


@pytest.mark.slow(but="rows")
@pytest.mark.parametrize("guard", GUARDS)
def test_buckets_are_built_beside_the_measure_and_back_with_readers_that_notice_nothing(
    aws_environment: DynamoDBAccount, guard: Guard
) -> None:
    url = aws_environment.store_url("app")
    with DynamoFavorites.from_url(f"{url}&ranking=measure&guard={guard}") as older:
        older.init()
    with DynamoFavorites.from_url(url) as store, DynamoFavorites.from_url(url) as reader:
        for number in range(12):
            mark(store, f"r{number:02}", number + 1)
        expected = [Ranked(f"r{number:02}", number + 1) for number in reversed(range(12))]
        stop = Event()
        seen: list[list[Ranked]] = []

        def read() -> None:
            while not stop.is_set():
                seen.append(reader.leaderboard("all", 5))
                seen.append(reader.leaderboard("all", 20, expected[4]))
                seen[-1] = seen[-1][:3]

        reading = Thread(target=read)
        reading.start()
        try:
            for ranking in ("buckets", "measure", "buckets"):
                wish = LayoutWish(ranking=ranking)
                assert store.differs(layout=wish) == "'favorites' differs in ranking"
                assert list(store.rebuild(layout=wish).drifted) != []
                assert store.differs(layout=wish) == ""
                assert store.leaderboard("all", 20) == expected
        finally:
            stop.set()
            reading.join()
        assert {tuple(page) for page in seen} == {tuple(expected[:5]), tuple(expected[5:8])}
        assert store.settings.read().live[0].layout.ranking == "buckets"
        dice = random.Random(3)
        with busy(store, 3):
            store.rebuild(layout=LayoutWish(ranking_shards=3))
        write(store, dice)
        settle(store)
        assert list(store.verify().drifted) == []
        counts = [
            Ranked(row.group, row.values["favorites"])
            for row in store.rows()
            if row.window == "all"
        ]
        assert store.leaderboard("all", 100) == sorted(counts, key=place)


def test_a_measure_called_like_the_bucket_is_refused(aws_environment: DynamoDBAccount) -> None:
    tally = Tally(name="orders", group_by="shop", measures={"bucket": Count()}, ranked=[Window.ALL])
    url = aws_environment.store_url("other")
    account = aws_environment.dynamodb()
    account.create_table(
        TableName="orders",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    with (
        DynamoStore.from_url(url + "&ranking=buckets", Declaration([tally], "orders")) as store,
        pytest.raises(InvalidTally, match="cannot be named 'bucket'"),
    ):
        store.init()
