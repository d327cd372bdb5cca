"""Tallies of somebody else's table, whose rows change in place."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tallies.core.declaration.declaration import Declaration, read_declaration
from tallies.core.errors import NotInitialised, StoreUnavailable, WrongStore
from tallies.core.tally import Number
from tallies.stores.dynamodb.catalog.settings import GuardKind
from tallies.stores.dynamodb.client.fast_client import FastClient
from tallies.stores.dynamodb.rows.keys import row_key
from tallies.stores.dynamodb.snapshot.read.scan import SEGMENTS
from tallies.stores.dynamodb.snapshot.spill.spill import Spill
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.verified import Verified
from tests.cli.command import tallies
from tests.dynamodb.snapshot.test_snapshot import Killed, settle
from tests.engines import DynamoDBAccount, make_streamed_table
from tests.layouts import OLDER

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TOML = """
table = "orders"

[[tally]]
name = "sales"
group_by = ["city", "shop"]
time = "at"
windows = ["all", "day"]
ranked = ["all", "day"]
ranked_by = "revenue"
where = { status = "paid" }
measures = { orders = "count", revenue = { sum = "total" }, average = { average = "total" } }

[[tally]]
name = "statuses"
group_by = "status"
measures = { orders = "count" }
ranked = ["all"]
"""


@pytest.fixture
def declared() -> Declaration:
    return read_declaration(TOML)


@pytest.fixture
def orders(client: "DynamoDBClient") -> "DynamoDBClient":
    """The client of an application that has the table `orders`."""
    _make_table(client, "orders", "NEW_AND_OLD_IMAGES")
    return client


def _make_table(client: "DynamoDBClient", name: str, view: Any) -> None:
    stream: Any = {"StreamEnabled": True, "StreamViewType": view}
    client.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": "customer", "KeyType": "HASH"},
            {"AttributeName": "order", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "customer", "AttributeType": "S"},
            {"AttributeName": "order", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
        **({"StreamSpecification": stream} if view else {}),
    )


@pytest.fixture
def sales(
    orders: "DynamoDBClient",
    aws_environment: DynamoDBAccount,
    declared: Declaration,
    layout_options: str,
) -> Iterator[DynamoStore]:
    url = aws_environment.store_url("app") + layout_options
    with DynamoStore.from_url(url, declared) as store:
        store.init()
        yield store


def key_of(number: int) -> dict[str, Any]:
    return {"customer": {"S": f"c{number % 3}"}, "order": {"N": str(number)}}


def put(client: "DynamoDBClient", number: int, **changes: Any) -> None:
    row = {
        "city": {"S": "Rome"},
        "shop": {"S": "a"},
        "status": {"S": "paid"},
        "total": {"N": "1.50"},
        "at": {"S": "2082-11-23T09:00:00Z"},
    }
    client.put_item(TableName="orders", Item=key_of(number) | row | changes)


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
    for step in range(200):
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


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"L": [{"S": "Rome"}]}, "neither text nor number"),
        ({"NULL": True}, "neither text nor number"),
        ({"S": "R" * 2001}, "more than 2000 bytes"),
        (None, "no attribute 'city'"),
    ],
    ids=["list", "null", "long", "missing"],
)
def test_a_group_value_that_is_none_is_parked(
    sales: DynamoStore, orders: "DynamoDBClient", value: Any, reason: str
) -> None:
    put(orders, 1)
    item = {**key_of(2), "shop": {"S": "a"}, "status": {"S": "paid"}, "total": {"N": "1"}}
    item["at"] = {"S": "2082-11-23T09:00:00Z"}
    orders.put_item(TableName="orders", Item=item | ({"city": value} if value else {}))
    settle(sales)

    (record,) = sales.parked.records()
    assert (record.tally, reason in record.reason) == ("sales", True), record.reason
    assert sales.measures_of("Rome#a")["all"]["orders"] == 1
    assert sales.reading("statuses").tally("paid", ["all"]) == {"all": 2}
    assert sales.verify().drifted == []


@pytest.mark.parametrize("view", ["KEYS_ONLY", "NEW_IMAGE", None])
def test_a_stream_that_cannot_be_tallied_is_refused(
    client: "DynamoDBClient", aws_environment: DynamoDBAccount, declared: Declaration, view: Any
) -> None:
    _make_table(client, "orders", view)
    with (
        DynamoStore.from_url(aws_environment.store_url("app"), declared) as store,
        pytest.raises(WrongStore, match="NEW_AND_OLD_IMAGES"),
    ):
        store.init()


def test_a_table_that_is_not_there_is_named(
    aws_environment: DynamoDBAccount, declared: Declaration
) -> None:
    with (
        DynamoStore.from_url(aws_environment.store_url("app"), declared) as store,
        pytest.raises(NotInitialised, match="no table orders"),
    ):
        store.init()


@pytest.mark.parametrize(
    ("layout_options", "guard"),
    [("", "positions"), (OLDER, "positions"), (OLDER, "markers")],
    indirect=["layout_options"],
)
def test_who_applies_need_not_declare_what_the_store_keeps(
    sales: DynamoStore, aws_environment: DynamoDBAccount, guard: GuardKind
) -> None:
    with DynamoStore.from_url(aws_environment.store_url("app")) as store:
        store.guarded_apply(guard)
        assert store.settings.guard() == guard
        assert store.settings.read() == sales.settings.read()


def test_the_application_of_favorites_keeps_away(
    sales: DynamoStore, aws_environment: DynamoDBAccount, tmp_path: Path
) -> None:
    log = tmp_path / "log.csv"
    log.write_text("user_id,restaurant_id,created_at\nann,noodles,2082-11-23T00:00:00Z\n")
    url = aws_environment.store_url("app")
    ran = tallies("load", str(log), store=url)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "does not count favorites of restaurants but the table orders" in ran.err
    assert "app-favorites" not in aws_environment.dynamodb().list_tables()["TableNames"]


def test_commands_speak_of_what_was_declared(
    sales: DynamoStore, orders: "DynamoDBClient", aws_environment: DynamoDBAccount
) -> None:
    put(orders, 1, total={"N": "2.25"})
    put(orders, 2, total={"N": "1"})
    put(orders, 3, status={"S": "open"})
    settle(sales)
    url = aws_environment.store_url("app")

    def answer(*arguments: str) -> Any:
        ran = tallies(*arguments, "--json", store=url)
        assert ran.code == 0, ran.err
        return json.loads(ran.out)

    assert answer("top") == [{"rank": 1, "city": "Rome", "shop": "a", "revenue": 3.25}]
    assert answer("top", "--tally", "statuses") == [
        {"rank": 1, "status": "paid", "orders": 2},
        {"rank": 2, "status": "open", "orders": 1},
    ]
    assert answer("show", "Rome", "a") == {
        "city": "Rome",
        "shop": "a",
        "windows": {
            window: {"orders": 2, "revenue": 3.25, "average": 1.625}
            for window in ("all", "2082-11-23")
        },
    }
    assert answer("verify") == {"checked": 4, "drifted": []}
    found = tallies("export", "--kind", "all", store=url)
    assert found.out == (
        "city,shop,kind,window,starts,orders,revenue,average\nRome,a,all,all,,2,3.25,1.625\n"
    )
    few = tallies("show", "Rome", store=url)
    assert (few.code, few.err) == (2, "tallies: Give 2 values: city, shop.\n")
    assert "no tally 'x'; there is sales, statuses" in tallies("top", "--tally", "x", store=url).err


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
