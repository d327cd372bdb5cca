"""docs/reading.md: a program in another language reads the same answers from the tables as ours."""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tallies.core.declaration.declaration import read_declaration
from tallies.core.groups import group_text
from tallies.core.ids import split_ids
from tallies.core.windows import Window
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.catalog.settings import FORMAT
from tallies.stores.dynamodb.rows.keys import SETTINGS, reserved_key
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.protocol import Ranked
from tests.docs.reading.conftest import Answer
from tests.docs.reading.sales import ACCOUNT, SHOPS, TABLE, TOML
from tests.dynamodb.traffic import settle
from tests.engines import DynamoDBAccount
from tests.engines.errors import EngineError
from tests.engines.fetched import node
from tests.engines.fixtures import missing_engine_skips

pytestmark = pytest.mark.slow(only="partition")

PAGE = Path(__file__).parents[3] / "docs" / "reading.md"
PLACES = Decimal("1e-20")
"""To which big.js divides."""
DIGITS = Decimal("1e-27")
"""To which Python does."""


def agree(printed: dict[str, str], ours: dict[str, Any]) -> bool:
    """Whether measures are the same: sums to the last digit, averages as far as both divide."""
    assert printed.keys() == ours.keys()
    for name, value in ours.items():
        error = abs(Decimal(printed[name]) - Decimal(value))
        is_average = name in ("average", "weight")
        if error > (max(PLACES, abs(Decimal(value)) * DIGITS) if is_average else 0):
            return False
    return True


def lines(board: Sequence[Ranked]) -> list[tuple[str, Decimal]]:
    return [(line.group, Decimal(line.amount)) for line in board]


def printed(board: Sequence[dict[str, str]]) -> list[tuple[str, Decimal]]:
    return [(line["group"], Decimal(line["amount"])) for line in board]


@pytest.mark.slow
def test_rows_and_histories_are_those_that_we_read(sales: DynamoStore, answer: Answer) -> None:
    groups = sorted({row.group for row in sales.rows()})
    assert len(groups) > 10
    spans = [
        (Window.DAY, "2082-10-01", "2082-11-30"),
        (Window.MONTH, "2081-01", "2082-11"),
        (Window.YEAR, "2081", "2082"),
        (Window.WEEK, "2081-W50", "2082-W45"),
        (Window.HOUR, "2082-10-10T00", "2082-10-30T23"),
    ]
    answers = iter(
        answer(
            *(["sales", "windows", group] for group in groups),
            *(["sales", "history", group, *span] for span in spans for group in groups),
        )
    )
    for group in groups:
        found, ours = dict(next(answers)), sales.measures_of(group)
        assert found.keys() == ours.keys()
        assert all(agree(found[window], ours[window]) for window in ours)
    for span in spans:
        for group in groups:
            history, between = next(answers), sales.measures_between(group, *span)
            assert [window for window, _ in history] == [window for window, _ in between]
            for (_, measures), (_, expected) in zip(history, between, strict=True):
                assert agree(measures, expected)


def test_many_groups_zeros_included(sales: DynamoStore, answer: Answer) -> None:
    groups = [*sorted({row.group for row in sales.rows()}), *(f"none {n}" for n in range(60))]
    windows = ["all", "2082-11", "2082-W02"]
    (found,) = answer(["sales", "many", groups, windows])
    ours = sales.measures(groups, windows)
    assert list(found) == groups
    for group in groups:
        for window in windows:
            assert agree(found[group][window], ours[group][window])


def test_leaderboards_page_by_page_ties_by_the_text_of_the_group(
    sales: DynamoStore, answer: Answer
) -> None:
    for window in ("all", "2082-11", "2080-01"):
        whole = sales.leaderboard(window, 1000)
        asked: list[tuple[int, Ranked | None]] = [(1000, None), (1, None), (4, None)]
        asked += [(3, line) for line in whole]
        answers = answer(
            *(
                ["sales", "leaderboard", window, limit]
                + ([{"group": after.group, "amount": str(after.amount)}] if after else [])
                for limit, after in asked
            )
        )
        for (limit, after), found in zip(asked, answers, strict=True):
            assert printed(found) == lines(sales.leaderboard(window, limit, after))


def test_every_tally_of_the_store_has_a_table_of_its_own(
    sales: DynamoStore, answer: Answer
) -> None:
    names, shops, whole, board = answer(
        ["", "names"],
        ["shops", "many", SHOPS, ["all"]],
        ["whole", "windows", "total"],
        ["whole", "leaderboard", "all", 5],
    )
    assert names == ["sales", "shops", "whole"]
    for shop in SHOPS:
        ours = sales.reading("shops").measures_of(shop)["all"]
        assert Decimal(shops[shop]["all"]["visits"]) == ours["visits"]
    orders = sales.reading("whole").measures_of("total")["all"]["orders"]
    assert whole == [["all", {"orders": str(orders)}]]
    assert board == [{"group": "total", "amount": str(orders)}]


def test_groups_are_named_as_we_name_them(sales: DynamoStore, answer: Answer) -> None:
    values: list[list[Any]] = [[], ["a#b%"], ["a#b%", "%23", "c"], [7, "x"]]
    texts = answer(*(["", "groupText", *each] for each in values))
    assert texts == [group_text(each) for each in values]
    back = answer(*(["", "groupValues", t, len(v)] for t, v in zip(texts, values, strict=True)))
    assert back == [[], ["a#b%"], list(split_ids(texts[2])), ["7", "x"]]


def test_readers_go_over_to_what_a_rebuild_built(
    own_sales: DynamoStore, answer: Answer, tmp_path: Path
) -> None:
    changed = TOML.replace('group_by = "shop"', 'group_by = "city"')
    own_sales.rebuild(read_declaration(changed), folder=tmp_path)
    (found,) = answer(["shops", "windows", "Rome"])
    with DynamoStore.from_url(own_sales.url) as now:
        ours = now.reading("shops").measures_of("Rome")["all"]["visits"]
    assert found == [["all", {"visits": str(ours)}]]


def test_favorites(aws_environment: DynamoDBAccount, answer: Answer) -> None:
    two_and_one = [("r1", Decimal(2)), ("r2", Decimal(1))]
    with DynamoFavorites.from_url(aws_environment.store_url("app")) as store:
        store.init()
        for user, restaurant in ("a1", "a2", "b1", "c3"):
            store.mark(user, f"r{restaurant}", created_at="2082-11-23T09:00:00Z")
        store.unmark("c", "r3")
        settle(store)
        ((name,),) = answer(["", "names"])
        rows, gone, board = answer(
            [name, "windows", "r1"], [name, "windows", "r3"], [name, "leaderboard", "2082-11", 10]
        )
        assert {window: each["favorites"] for window, each in rows} == {
            window: str(count) for window, count in store.windows_of("r1").items()
        }
        assert (gone, store.windows_of("r3")) == ([], {})
        assert printed(board) == lines(store.leaderboard("2082-11", 10)) == two_and_one


def test_the_program_of_the_page(sales: DynamoStore, dynamodb_endpoint: str) -> None:
    account = DynamoDBAccount(dynamodb_endpoint, ACCOUNT)
    env = {**account.env, "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_endpoint}
    with missing_engine_skips():
        printed = node.run(node.READING, "top.mjs", TABLE, "all", env=env)
    found = [line.split(" ", 1) for line in printed.splitlines()]
    ours = lines(sales.leaderboard("all", 10))
    assert [(values, Decimal(amount)) for amount, values in found] == [
        (" ".join(split_ids(group)), amount) for group, amount in ours
    ]


def test_a_later_format_is_refused(own_sales: DynamoStore, answer: Answer) -> None:
    client = own_sales._clients.dynamodb  # the account's own
    for change, says in (
        ("SET #format = :later", "is of format 3, and this program knows 2"),
        ("REMOVE #format", "does not say yet what it tallies"),
    ):
        values: Any = {":later": {"N": str(FORMAT + 1)}} if ":later" in change else None
        client.update_item(
            TableName=TABLE,
            Key=reserved_key(SETTINGS),
            UpdateExpression=change,
            ExpressionAttributeNames={"#format": "format"},
            **({"ExpressionAttributeValues": values} if values else {}),
        )
        with pytest.raises(EngineError, match=says):
            answer(["", "names"])


def test_the_items_have_the_attributes_that_the_page_names(sales: DynamoStore) -> None:
    """What is stored may only grow, and what grows has to be on the page."""
    page = PAGE.read_text()
    settings: Any = sales._clients.dynamodb.get_item(TableName=TABLE, Key=reserved_key(SETTINGS))[
        "Item"
    ]
    kept = json.loads(settings["live"]["S"])[0]
    key = {"group": {"S": group_text(["Rome", "a"])}, "time_window": {"S": "all"}}
    row = sales._clients.dynamodb.get_item(TableName=TABLE, Key=key)["Item"]
    names = {*settings, *kept, *kept["tally"], *row, "building", "expires_at"}
    measures = {"average_sum", "weight_sum", "revenue", "orders"}
    for name in names - measures:
        assert f"`{name}`" in page, name
    by_buckets = kept["ranking"] == "buckets"
    assert settings["format"] == {"N": "2" if by_buckets else "1"}
    assert ("bucket" in row) == by_buckets
    assert row.keys() >= measures - {"average_sum"}
    assert "average_sum" not in row  # its sum is that of revenue
