"""A table of one's own: what is parked or refused, and what others may do to its store."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import NotInitialised, WrongStore
from tallies.stores.dynamodb.catalog.settings import GuardKind
from tallies.stores.dynamodb.store import DynamoStore
from tests.cli.command import tallies
from tests.dynamodb.catalog.orders import key_of, make_table, put
from tests.dynamodb.traffic import settle
from tests.engines import DynamoDBAccount
from tests.layouts import OLDER

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


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
    make_table(client, "orders", view)
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


@pytest.mark.slow
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
