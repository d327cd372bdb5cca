"""Rows that hold their own positions, on DynamoDB Local."""

import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from tallies.core.errors import InvalidInput, InvalidTally
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.apply.in_rows.slot import PREFIX, Slot
from tallies.stores.dynamodb.rows.keys import POSITION, reserved_key, row_key
from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.layout import LayoutWish
from tests.conformance.backend import ManualClock
from tests.dynamodb.traffic import busy, settle, write
from tests.engines import DynamoDBAccount
from tests.layouts import OLDER

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

IN_ROWS = LayoutWish(guard="rows", ranking="buckets")
IN_TRANSACTIONS = LayoutWish(guard="transactions", ranking="measure")
ROW_LIMIT_BYTES = 1024
"""Of one write unit."""


@pytest.fixture
def in_rows(aws_environment: DynamoDBAccount, clock: ManualClock) -> Iterator[DynamoFavorites]:
    url = aws_environment.store_url("app") + "&guard=rows&ranking=buckets"
    with DynamoFavorites.from_url(url, clock=clock) as store:
        store.init()
        yield store


def counted(store: DynamoFavorites) -> dict[tuple[str, str], int]:
    return {
        (row.group, row.window): int(amount)
        for row in store.rows()
        for amount in row.values.values()
    }


def units_of(store: DynamoFavorites, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """From here on, the write units of each request of the apply, as the service tells them."""
    spent: list[float] = []
    once: Any = store.guarded_apply()._sender.client
    original = type(once)._call

    def call(self: Any, operation: str, arguments: dict[str, Any]) -> Any:
        arguments["ReturnConsumedCapacity"] = "INDEXES"
        answer = original(self, operation, arguments)
        if "Get" not in operation:
            capacity = answer.get("ConsumedCapacity", [])
            capacities = capacity if isinstance(capacity, list) else [capacity]
            spent.extend(each["CapacityUnits"] for each in capacities)
        return answer

    monkeypatch.setattr(type(once), "_call", call)
    return spent


def the_last(store: DynamoFavorites) -> tuple[str, list[StreamRecord]]:
    """The shard, and its last record."""
    (shard,) = store.stream.shards()
    return shard.id, list(store.stream.after(shard, ""))[-1:]


def test_a_record_alone_takes_one_unit_a_row(
    in_rows: DynamoFavorites, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in ("ann", "bob", "cat", "dan"):
        in_rows.mark(user, "noodles")
    settle(in_rows)  # the first one makes rows, and takes a slot
    in_rows.mark("eve", "noodles")
    spent = units_of(in_rows, monkeypatch)
    shard, last = the_last(in_rows)
    result = in_rows.guarded_apply().apply_shard(shard, last)
    assert (result.records, result.duplicates) == (1, 0)
    assert spent == [1, 1, 1]  # all time, month, day
    spent.clear()
    assert in_rows.guarded_apply().apply_shard(shard, last).duplicates == 1
    assert in_rows.tally("noodles", ["all"]) == {"all": 5}


def test_a_row_that_was_written_before_changes_its_bucket_by_its_own_write(
    in_rows: DynamoFavorites, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_rows.mark("ann", "noodles")
    settle(in_rows)
    in_rows.mark("bob", "noodles")
    spent = units_of(in_rows, monkeypatch)
    assert in_rows.guarded_apply().apply_shard(*the_last(in_rows)).records == 1
    # From one favorite to two each row changes its bucket: itself, out of the index, and in again.
    assert spent == [3, 3, 3]
    assert in_rows.verify().drifted == []


def test_a_row_that_nobody_here_knows_changes_its_bucket_by_a_second_write(
    in_rows: DynamoFavorites, aws_environment: DynamoDBAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_rows.mark("ann", "noodles")
    settle(in_rows)
    in_rows.mark("bob", "noodles")
    with DynamoFavorites.from_url(in_rows.url, clock=in_rows._clock) as another:
        spent = units_of(another, monkeypatch)
        assert another.guarded_apply().apply_shard(*the_last(another)).records == 1
        assert spent == [1, 1, 1, 3, 3, 3]
        assert another.verify().drifted == []


def test_a_row_that_somebody_else_has_written_since_is_brought_into_its_bucket_all_the_same(
    in_rows: DynamoFavorites, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_rows.mark("ann", "noodles")
    settle(in_rows)
    with DynamoFavorites.from_url(in_rows.url, clock=in_rows._clock) as another:
        for user in ("bob", "cat"):
            another.mark(user, "noodles")
        settle(another)
    in_rows.mark("dan", "noodles")  # here, they are thought to hold one
    spent = units_of(in_rows, monkeypatch)
    assert in_rows.guarded_apply().apply_shard(*the_last(in_rows)).records == 1
    assert spent == [3, 3, 3]  # the emulator does not tell of what it refuses
    assert in_rows.verify().drifted == []
    assert in_rows.tally("noodles", ["all"]) == {"all": 4}


def test_what_comes_again_and_cut_anew_counts_once(in_rows: DynamoFavorites) -> None:
    dice = random.Random(3)
    for _ in range(60):
        write(in_rows, dice)
    (shard,) = in_rows.stream.shards()
    records = list(in_rows.stream.after(shard, ""))
    apply = in_rows.guarded_apply()
    at = 0
    while at < len(records):
        size = dice.randrange(1, 20)
        assert (
            apply.apply_shard(shard.id, records[max(0, at - 7) : at + size]).unapplied_from is None
        )
        at += size
    again = apply.apply_shard(shard.id, records)
    assert (again.records, again.duplicates) == (0, len(records))
    assert in_rows.verify().drifted == []


def test_the_position_is_noted_before_a_rest_and_not_with_each_batch(
    in_rows: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    def noted() -> str | None:
        (item,) = (
            item
            for item in client.scan(TableName="app-tallies")["Items"]
            if POSITION in item["group"]["S"]
        )
        return item.get("position", {}).get("S")

    in_rows.mark("ann", "noodles")
    aggregator = in_rows.aggregator()
    assert aggregator.step().records == 1
    assert noted() is None
    assert in_rows.status().lag_records == 0  # the rows say it
    assert aggregator.step().records == 0
    (shard,) = in_rows.stream.shards()
    (record,) = in_rows.stream.after(shard, "")
    assert noted() == record.change.position


def test_a_note_that_cannot_be_written_is_given_up_in_time(
    in_rows: DynamoFavorites, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is to stop has no more than some seconds for it."""
    in_rows.mark("ann", "noodles")
    shard, records = the_last(in_rows)
    apply = in_rows.guarded_apply()
    assert apply.apply_shard(shard, records).records == 1
    slept: list[float] = []

    def away(**_: Any) -> Any:
        raise ConnectTimeoutError(endpoint_url="nowhere")

    monkeypatch.setattr(apply._sender, "client", SimpleNamespace(update_item=away))
    monkeypatch.setattr(apply._sender, "sleep", slept.append)
    monkeypatch.setattr(apply._sender, "monotonic", lambda: sum(slept))
    apply.note(shard)
    assert 2 < sum(slept) < 5


def test_a_row_stays_within_a_write_unit_at_four_shards_and_not_at_sixty_four(
    in_rows: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    in_rows.mark("ann", "a" * 100)
    settle(in_rows)
    key = row_key("a" * 100, "2082-11-23")
    (row,) = (i for i in client.scan(TableName="app-tallies")["Items"] if i.items() >= key.items())
    assert [name for name in row if name.startswith(PREFIX)] == ["@0"]

    def size(shards: int) -> int:
        marks: Any = {Slot(n, 1).attribute: {"B": Slot(n, 1).mark("9" * 40)} for n in range(shards)}
        return sum(
            len(name.encode()) + max(len(value) for value in attribute.values())
            for name, attribute in {**row, **marks}.items()
        )

    assert size(4) < ROW_LIMIT_BYTES / 2
    assert ROW_LIMIT_BYTES < size(64) < 2 * ROW_LIMIT_BYTES


def test_what_was_decided_about_is_not_parked_again(
    in_rows: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    client.put_item(TableName="app-favorites", Item={"pk": {"S": "no favorite"}})
    settle(in_rows)
    (shard,) = in_rows.stream.shards()
    records = list(in_rows.stream.after(shard, ""))
    (parked,) = in_rows.parked.records()
    assert in_rows.parked.count() == 1
    apply = in_rows.guarded_apply()
    # Delivered again before anybody has decided, and by one who has not heard of the note.
    client.update_item(
        TableName="app-tallies",
        Key=reserved_key(POSITION, shard.id),
        UpdateExpression="REMOVE #position",
        ExpressionAttributeNames={"#position": "position"},
    )
    assert apply.apply_shard(shard.id, records).parked == 0
    in_rows.parked.discard(parked.id)
    assert apply.apply_shard(shard.id, records).parked == 0
    assert in_rows.parked.count() == 0
    assert list(in_rows.parked.records()) == []
    with pytest.raises(InvalidInput, match="no parked record"):
        in_rows.parked.retry(parked.id)


def test_markers_are_refused(in_rows: DynamoFavorites) -> None:
    in_rows.mark("ann", "noodles")
    (shard,) = in_rows.stream.shards()
    records = list(in_rows.stream.after(shard, ""))
    with pytest.raises(InvalidTally, match="tumbling window, or run the worker"):
        in_rows.guarded_apply().apply_marked(records)


@pytest.mark.slow(but="1")
@pytest.mark.parametrize("seed", range(2))
def test_a_live_store_goes_over_to_the_other_guard_and_back(
    missing: DynamoFavorites, aws_environment: DynamoDBAccount, seed: int
) -> None:
    with DynamoFavorites.from_url(aws_environment.store_url("app") + OLDER) as older:
        older.init()
    store = missing
    dice = random.Random(seed)
    for _ in range(80):
        write(store, dice)
    settle(store)
    before = store.leaderboard("all", 100)
    assert store.differs(None, IN_ROWS) == "'favorites' differs in ranking, guard"
    store.rebuild(layout=IN_ROWS)
    assert store.leaderboard("all", 100) == before
    with busy(store, seed):
        store.rebuild(layout=IN_TRANSACTIONS)
        assert store.verify().drifted == []
        store.rebuild(layout=IN_ROWS)
        assert store.verify().drifted == []
    settle(store)
    assert store.verify().drifted == []
    assert store.differs(None, IN_ROWS) == ""
    with DynamoFavorites.from_url(f"{aws_environment.store_url('app')}&guard=rows") as same:
        assert same.leaderboard("all", 100) == store.leaderboard("all", 100)


def test_rows_that_were_changed_by_hand_are_mended(
    in_rows: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    for user in ("ann", "bob", "cleo"):
        in_rows.mark(user, "noodles")
    settle(in_rows)
    before = counted(in_rows)
    client.delete_item(TableName="app-tallies", Key=row_key("noodles", "all"))
    client.update_item(
        TableName="app-tallies",
        Key=row_key("noodles", "2082-11"),
        UpdateExpression="ADD favorites :five",
        ExpressionAttributeValues={":five": {"N": "5"}},
    )
    found = {(drift.window, drift.expected, drift.actual) for drift in in_rows.verify().drifted}
    assert found == {("all", 3, 0), ("2082-11", 3, 8)}
    in_rows.rebuild()
    assert counted(in_rows) == before
    (shard,) = in_rows.stream.shards()
    # What is delivered once more finds the mended row beyond it.
    in_rows.guarded_apply().apply_shard(shard.id, list(in_rows.stream.after(shard, "")))
    assert counted(in_rows) == before
    assert in_rows.verify().drifted == []
