"""Tallies of somebody else's table, whose rows change in place."""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tallies.core.declaration.declaration import read_declaration
from tallies.core.errors import StoreUnavailable
from tallies.core.tally import Number
from tallies.stores.dynamodb.client.fast_client import FastClient
from tallies.stores.dynamodb.rows.keys import row_key
from tallies.stores.dynamodb.snapshot.read.scan import SEGMENTS
from tallies.stores.dynamodb.snapshot.spill.spill import Spill
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.verified import Verified
from tests.dynamodb.catalog.orders import key_of, put
from tests.dynamodb.snapshot.killed import Killed
from tests.dynamodb.traffic import settle
from tests.engines import DynamoDBAccount, make_streamed_table
from tests.length import at_length

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def act(client: "DynamoDBClient", dice: random.Random) -> None:
    """A row is written anew, changed in place, or deleted."""
    number = dice.randrange(20)
    values = {
        "city": {"S": dice.choice(["Rome", "São#Paulo"])},
        "shop": {"S": dice.choice("ab")},
        "status": {"S": dice.choice(["paid", "open"])},
        "total": {"N": dice.choice(["1", "0.01", "-3.5", "99999999999999.999999999"])},
        "at": {"S": dice.choice(["2082-11-22T23:59:59Z", "2082-11-23T01:00:00+02:00"])},
    }
    choice = dice.random()
    if choice < 0.3:
        put(client, number, **values)
    elif choice < 0.4:
        client.delete_item(TableName="orders", Key=key_of(number))
    else:
        name = dice.choice(list(values))
        client.update_item(
            TableName="orders",
            Key=key_of(number),
            UpdateExpression="SET #name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": values[name]},
        )


def by_hand(client: "DynamoDBClient") -> dict[tuple[str, str], list[Number]]:
    """GROUP BY city and shop: (count, sum) of the rows that have all that it takes."""
    found: dict[tuple[str, str], list[Number]] = {}
    for item in client.scan(TableName="orders")["Items"]:
        row: dict[str, Any] = {name: next(iter(value.values())) for name, value in item.items()}
        if row.get("status") != "paid" or not {"city", "shop", "total", "at"} <= row.keys():
            continue
        day = "2082-11-22"  # either time, in UTC
        for window in ("all", day):
            place = f"{row['city'].replace('#', '%23')}#{row['shop']}", window
            count, total = found.setdefault(place, [0, Decimal(0)])
            found[place] = [count + 1, total + Decimal(row["total"])]
    return found


@pytest.mark.parametrize("seed", range(3))
def test_every_measure_of_rows_that_change_in_place_is_that_of_group_by(
    sales: DynamoStore, orders: "DynamoDBClient", seed: int
) -> None:
    dice = random.Random(seed)
    for step in range(at_length(200, least=80)):
        act(orders, dice)
        if step % 60 == 0:
            settle(sales)
    assert sales.verify().drifted == []  # with records on their way
    settle(sales)

    expected = by_hand(orders)
    rows = {(group, window): values for group, window, values in sales.rows()}
    assert {place: [v["orders"], v["revenue"]] for place, v in rows.items()} == expected
    for values in rows.values():
        assert values["average"] == Decimal(values["revenue"]) / values["orders"]
    board = [line.amount for line in sales.leaderboard("all", 10)]
    totals = [total for (_, window), (_, total) in expected.items() if window == "all" and total]
    assert board == sorted(totals, reverse=True)
    items = orders.scan(TableName="orders")["Items"]
    for status in ("paid", "open"):
        count = sum(item.get("status") == {"S": status} for item in items)
        assert sales.reading("statuses").tally(status, ["all"]) == {"all": count}
    assert sales.verify().drifted == []


def test_drift_of_any_measure_is_found_and_mended(
    sales: DynamoStore, orders: "DynamoDBClient"
) -> None:
    put(orders, 1)
    settle(sales)
    orders.update_item(
        TableName="app-tallies",
        Key=row_key("Rome#a", "all"),
        UpdateExpression="ADD revenue :more",
        ExpressionAttributeValues={":more": {"N": "0.001"}},
    )

    (drift,) = sales.verify().drifted

    assert drift == ("Rome#a", "all", Decimal("1.5"), Decimal("1.501"), "revenue")
    assert sales.rebuild().drifted == [drift]
    assert sales.verify().drifted == []
    assert sales.measures_of("Rome#a")["all"]["revenue"] == Decimal("1.5")


@pytest.mark.parametrize("work", [DynamoStore.verify, DynamoStore.rebuild])
def test_the_source_is_scanned_once_for_all_tallies(
    sales: DynamoStore,
    orders: "DynamoDBClient",
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[DynamoStore], Verified],
) -> None:
    for number in range(20):
        put(orders, number)
    settle(sales)
    scanned: Counter[str] = Counter()
    scan = FastClient.scan

    def counted(client: FastClient, **arguments: Any) -> Any:
        scanned[arguments["TableName"]] += 1
        return scan(client, **arguments)

    monkeypatch.setattr(FastClient, "scan", counted)
    assert work(sales).checked == 3
    assert scanned["orders"] == SEGMENTS


@pytest.mark.slow
def test_killed_anywhere_all_tallies_are_mended_when_it_is_run_again(
    sales: DynamoStore, orders: "DynamoDBClient", tmp_path: Path
) -> None:
    for number in range(20):
        put(orders, number)
    settle(sales)
    right = {row[:2]: row.values for row in sales.rows()}
    steps = 0
    for last in count(1):
        left = last

        def live(*_: object) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Killed

        for table, group in (("app-tallies", "Rome#a"), ("app-tallies-statuses", "paid")):
            name = "revenue" if "#" in group else "orders"
            orders.update_item(
                TableName=table,
                Key=row_key(group, "all"),
                UpdateExpression="ADD #name :one",
                ExpressionAttributeNames={"#name": name},
                ExpressionAttributeValues={":one": {"N": "1"}},
            )
        with suppress(Killed):
            sales.rebuild(folder=tmp_path, progress=live)
        if left:
            break
        steps = last
        # Meanwhile the table goes on.
        put(orders, 100 + last, status={"S": "open"})
        orders.delete_item(TableName="orders", Key=key_of(100 + last))
        sales.rebuild(folder=tmp_path)
        settle(sales)
        assert {row[:2]: row.values for row in sales.rows()} == right
    assert steps > SEGMENTS
    assert not list(tmp_path.iterdir())


def test_keys_of_bytes_are_the_same_in_the_table_and_its_stream(
    client: "DynamoDBClient", aws_environment: DynamoDBAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_streamed_table(client, "blobs", kind="B")

    def put_blobs(kind: str) -> None:
        for number in range(30):
            key = {"B": bytes([255, number])}
            client.put_item(TableName="blobs", Item={"id": key, "kind": {"S": kind}})

    declared = read_declaration(
        'table = "blobs"\n[[tally]]\nname = "kinds"\ngroup_by = "kind"\n'
        'measures = { blobs = "count" }\n'
    )
    with DynamoStore.from_url(aws_environment.store_url("app"), declared) as store:
        store.init()
        put_blobs("small")
        settle(store)
        group = Spill.group

        def once_more(spill: Spill) -> None:
            monkeypatch.setattr(Spill, "group", group)
            put_blobs("large")  # the stream has these after the scan
            raise StoreUnavailable("a stop, to be gone on from")

        monkeypatch.setattr(Spill, "group", once_more)
        with pytest.raises(StoreUnavailable):
            store.rebuild()
        assert store.rebuild().drifted == []
        settle(store)
        assert store.verify().drifted == []
