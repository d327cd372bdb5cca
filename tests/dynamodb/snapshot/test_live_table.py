"""Verify and rebuild on a live table: writers and aggregators never stop."""

import random
from typing import TYPE_CHECKING, Any

import pytest

from tallies.core.errors import StoreUnavailable
from tallies.favorites.item import source_table
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.tally import FAVORITES
from tallies.stores.dynamodb.rows.keys import POSITION, reserved_key, row_key
from tallies.stores.dynamodb.rows.tables import tallies_table
from tallies.stores.dynamodb.snapshot.spill.spill import Spill
from tallies.stores.layout import NEWEST
from tallies.stores.verified import Drift
from tests.dynamodb.traffic import busy, by_hand, plant, settle, tallies_of, write
from tests.engines import DynamoDBAccount
from tests.layouts import in_transactions
from tests.length import at_length

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.mark.slow(but="0")
@pytest.mark.parametrize("seed", range(3))
def test_case_9_drift_is_found_and_mended_exactly_while_all_goes_on(
    store: DynamoFavorites, client: "DynamoDBClient", seed: int
) -> None:
    dice = random.Random(seed)
    for _ in range(at_length(150, least=60)):
        write(store, dice)
    settle(store)
    table = store.names.tallies
    plant(client, table, "r1", "all", 5)
    plant(client, table, "r2", "2082-11", -3)
    plant(client, table, "ghost", "2082-11-23", 2)
    client.delete_item(TableName=table, Key=row_key("r3", "all"))
    lost = by_hand(store, client)["r3", "all"]
    with busy(store, seed):
        found = {(d.group, d.window): d.actual - d.expected for d in store.verify().drifted}
        assert found == {
            ("r1", "all"): 5,
            ("r2", "2082-11"): -3,
            ("ghost", "2082-11-23"): 2,
            ("r3", "all"): -lost,
        }
        mended = store.rebuild()
        assert {(d.group, d.window): d.actual - d.expected for d in mended.drifted} == found
        assert store.verify().drifted == []
    settle(store)
    assert store.verify().drifted == []
    assert tallies_of(store) == by_hand(store, client)


@pytest.mark.slow(but="True")
@in_transactions
@pytest.mark.parametrize("back", [True, False])
def test_positions_moved_by_hand(
    store: DynamoFavorites, client: "DynamoDBClient", back: bool
) -> None:
    dice = random.Random(7)
    for _ in range(50):
        write(store, dice)
    settle(store)
    (shard,) = store.stream.shards()
    key = reserved_key(POSITION, shard.id)
    before = client.get_item(TableName=store.names.tallies, Key=key)["Item"]
    for _ in range(50):
        write(store, dice)
    if back:
        settle(store)
        client.put_item(TableName=store.names.tallies, Item=before)
    else:
        newest = list(store.stream.after(shard, ""))[-20].change.position
        client.put_item(TableName=store.names.tallies, Item={**before, "position": {"S": newest}})
    # Records in flight that will count twice, or never: drift before they are applied, too.
    assert store.verify().drifted
    settle(store)
    assert store.verify().drifted
    with busy(store, 8):
        store.rebuild()
    settle(store)
    assert store.verify().drifted == []
    assert tallies_of(store) == by_hand(store, client)


def test_a_table_with_history_is_seeded(missing: DynamoFavorites, client: "DynamoDBClient") -> None:
    shape = source_table(missing.names.source)
    stream = shape.pop("StreamSpecification")
    client.create_table(**shape)
    client.create_table(**tallies_table(missing.names.tallies, FAVORITES, NEWEST))
    dice = random.Random(3)
    for _ in range(at_length(200, least=80)):
        write(missing, dice)
    client.update_table(TableName=missing.names.source, StreamSpecification=stream)
    missing.init()
    with busy(missing, 3):
        assert missing.rebuild().drifted
    settle(missing)
    assert missing.verify().drifted == []
    assert tallies_of(missing) == by_hand(missing, client)


@pytest.mark.slow
def test_a_new_stream_for_the_same_table_loses_nothing(
    store: DynamoFavorites, client: "DynamoDBClient", aws_environment: DynamoDBAccount
) -> None:
    dice = random.Random(4)
    for _ in range(100):
        write(store, dice)
    settle(store)
    table = store.names.source
    client.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    for _ in range(100):
        write(store, dice)  # no stream hears of these
    client.update_table(
        TableName=table, StreamSpecification=source_table(table)["StreamSpecification"]
    )
    with DynamoFavorites.from_url(aws_environment.store_url("app")) as again:
        assert again.verify().drifted
        with busy(again, 5):
            again.rebuild()
        settle(again)
        assert again.verify().drifted == []
        assert tallies_of(again) == by_hand(again, client)


@pytest.mark.slow
@in_transactions
def test_records_that_are_known_by_markers(
    store: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    apply = store.guarded_apply("markers")
    dice = random.Random(5)
    for _ in range(150):
        write(store, dice)
    (shard,) = store.stream.shards()
    records = list(store.stream.after(shard, ""))
    apply.apply_marked(records[:40])
    apply.apply_marked(records[60:])
    assert store.verify().drifted == []  # twenty are on their way
    plant(client, store.names.tallies, "r1", "all", 5)
    (drift,) = store.verify().drifted
    assert (drift.group, drift.window, drift.actual - drift.expected) == ("r1", "all", 5)
    store.rebuild()
    apply.apply_marked(records[30:70])
    assert store.verify().drifted == []
    assert tallies_of(store) == by_hand(store, client)


@in_transactions
def test_markers_that_come_meanwhile_are_no_drift(
    store: DynamoFavorites, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = store.guarded_apply("markers")
    for user in range(30):
        store.mark(f"u{user}", "r1")
    (shard,) = store.stream.shards()
    records = list(store.stream.after(shard, ""))
    left = iter(range(len(records)))
    add_actual = Spill.add_actual

    def apply_one_more(spill: Spill, rows: Any) -> None:
        add_actual(spill, rows)
        number = next(left, None)
        if number is not None:
            apply.apply_marked(records[number : number + 1])

    monkeypatch.setattr(Spill, "add_actual", apply_one_more)
    with pytest.raises(StoreUnavailable, match="disable the event source mapping"):
        store.verify()


def test_a_row_of_no_window_is_removed(store: DynamoFavorites, client: "DynamoDBClient") -> None:
    plant(client, store.names.tallies, "r1", "by hand", 3)
    assert store.rebuild().drifted == [Drift("r1", "by hand", 0, 3, "favorites")]
    assert store.windows_of("r1") == {}
