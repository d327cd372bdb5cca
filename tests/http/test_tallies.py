"""The questions to the tallies of a table of one's own, over HTTP, on both stores."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from fastapi.testclient import TestClient

from tallies.http.app import create_app
from tallies.http.service.auth import JwtAuth
from tests.conformance.backend import ManualClock
from tests.http.conftest import is_problem, settle
from tests.http.orders import Orders, dynamo_orders, sqlite_orders

SECRET = "a secret of at least thirty-two bytes, long enough"


@pytest.fixture(params=["sqlite", "dynamodb"])
def orders(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Orders]:
    if request.param == "sqlite":
        with sqlite_orders(tmp_path, clock) as made:
            yield made
    else:
        with dynamo_orders(request.getfixturevalue("aws_environment"), clock) as made:
            yield made


@pytest.fixture
def client(orders: Orders, clock: ManualClock) -> Iterator[TestClient]:
    app = create_app(orders.store, clock=clock, remember_seconds=0, notice="a shop")
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def sold(orders: Orders) -> Orders:
    orders.put(1)
    orders.put(2, total="2.25")
    orders.put(3, shop="b", total="100")
    orders.put(4, city="São#Paulo", total="0.10", at="2082-10-01T00:00:00Z")
    orders.put(5, status="open")
    orders.put(6, shop="b", total="1")
    orders.remove(6)
    settle(orders.store)
    return orders


def test_what_is_kept(client: TestClient) -> None:
    found = client.get("/tallies").json()
    assert found["source"] == "orders"
    assert [one["name"] for one in found["items"]] == ["sales", "statuses", "everything"]
    assert found["items"][0] == {
        "name": "sales",
        "group_by": ["city", "shop"],
        "measures": ["orders", "revenue", "average"],
        "windows": ["all", "month", "day"],
        "ranked": ["all", "day"],
        "ranked_by": "revenue",
        "zone": "UTC",
    }


def test_one_group(client: TestClient, sold: Orders) -> None:
    found = client.get("/tallies/sales/tally?group=Rome&group=a").json()
    now = {"orders": 2, "revenue": 3.75, "average": 1.875}
    assert found == {
        "city": "Rome",
        "shop": "a",
        "group": ["Rome", "a"],
        "windows": {"all": now, "2082-11": now, "2082-11-23": now},
    }
    assert client.get("/tallies/everything/tally").json() == {
        "group": [],
        "windows": {"all": {"orders": 5}},
    }


def test_decimals_are_exact(client: TestClient, orders: Orders) -> None:
    orders.put(1, total="12345678901234567890.123456789")
    orders.put(2, total="0.000000001")
    settle(orders.store)
    text = client.get("/tallies/sales/leaderboards/all").text
    assert '"revenue":12345678901234567890.12345679}' in text


def test_many_groups(client: TestClient, sold: Orders) -> None:
    asked = {"groups": [["São#Paulo", "a"], ["Oslo", "x"]], "windows": ["all", "day"]}
    found = client.post("/tallies/sales/tallies", json=asked).json()
    nothing = {"orders": 0, "revenue": 0, "average": 0}
    some = {"orders": 1, "revenue": 0.1, "average": 0.1}
    assert found["items"] == [
        {
            "city": "São#Paulo",
            "shop": "a",
            "group": ["São#Paulo", "a"],
            "windows": {"all": some, "2082-11-23": nothing},
        },
        {
            "city": "Oslo",
            "shop": "x",
            "group": ["Oslo", "x"],
            "windows": {"all": nothing, "2082-11-23": nothing},
        },
    ]


def test_history(client: TestClient, sold: Orders) -> None:
    path = "/tallies/sales/history?group=Rome&group=a"
    found = client.get(f"{path}&by=day&from=2082-11-22&to=2082-11-23").json()["points"]
    assert found == [
        {"window": "2082-11-22", "orders": 0, "revenue": 0, "average": 0},
        {"window": "2082-11-23", "orders": 2, "revenue": 3.75, "average": 1.875},
    ]
    assert len(client.get(f"{path}&by=month").json()["points"]) == 12
    is_problem(client.get(f"{path}&by=hour"), 400, "keeps no windows by hour")


def named(city: str, shop: str) -> dict[str, Any]:
    return {"city": city, "shop": shop, "group": [city, shop]}


def test_leaderboard_and_place(client: TestClient, sold: Orders) -> None:
    board = client.get("/tallies/sales/leaderboards/all").json()
    assert board == {
        "window": "all",
        "items": [
            {"rank": 1, "city": "Rome", "shop": "b", "group": ["Rome", "b"], "revenue": 100},
            {"rank": 2, "city": "Rome", "shop": "a", "group": ["Rome", "a"], "revenue": 3.75},
            {
                "rank": 3,
                "city": "São#Paulo",
                "shop": "a",
                "group": ["São#Paulo", "a"],
                "revenue": 0.1,
            },
        ],
        "next": None,
    }
    paged: list[Any] = []
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        cursor = {"cursor": page["next"]} if page["next"] else {}
        page = client.get("/tallies/sales/leaderboards/all", params={"limit": 1, **cursor}).json()
        paged += page["items"]
    assert paged == board["items"]
    week = client.get("/tallies/sales/leaderboards/last-7-days").json()
    assert [item["revenue"] for item in week["items"]] == [100, 3.75]
    place = client.get("/tallies/sales/leaderboards/all/rank?group=Rome&group=a&around=1").json()
    assert (place["rank"], place["of"], place["revenue"]) == (2, 3, 3.75)
    assert place["items"] == board["items"]
    among = client.post(
        "/tallies/sales/leaderboards/all", json={"among": [["São#Paulo", "a"], ["Rome", "a"]]}
    ).json()
    assert [(i["rank"], i["group"]) for i in among["items"]] == [
        (1, ["Rome", "a"]),
        (2, ["São#Paulo", "a"]),
    ]


def test_answers_are_asked_again_by_their_etag(client: TestClient, sold: Orders) -> None:
    for path in (
        "/tallies",
        "/tallies/statuses/tally?group=paid",
        "/tallies/statuses/leaderboards/all",
        "/tallies/statuses/leaderboards/all/rank?group=paid",
    ):
        first = client.get(path)
        assert first.headers["cache-control"] == "public, max-age=1"
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_a_live_board(client: TestClient, sold: Orders) -> None:
    with client.stream("GET", "/tallies/statuses/leaderboards/all/live") as stream:
        line = next(line for line in stream.iter_lines() if line.startswith("data: "))
    assert json.loads(line.removeprefix("data: "))["items"] == [
        {"rank": 1, "status": "paid", "group": ["paid"], "orders": 4},
        {"rank": 2, "status": "open", "group": ["open"], "orders": 1},
    ]


@pytest.mark.parametrize("orders", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("status", "method", "path", "body", "says"),
    [
        (404, "GET", "/tallies/nope/tally", None, "There is no tally 'nope'; there is sales"),
        (400, "GET", "/tallies/sales/tally?group=Rome", None, "Give 2 values: city, shop."),
        (400, "GET", "/tallies/statuses/tally?group=", None, "empty"),
        (400, "GET", "/tallies/statuses/tally?group=%0A", None, "control character"),
        (400, "GET", "/tallies/statuses/tally?group=" + 2001 * "x", None, "2000 bytes"),
        (400, "GET", "/tallies/everything/tally?group=x", None, "the total of its table"),
        (400, "GET", "/tallies/sales/leaderboards/month", None, "no leaderboard by month"),
        (400, "GET", "/tallies/statuses/leaderboards/last-7-days", None, "add day"),
        (400, "GET", "/tallies/sales/leaderboards/all?cursor=abc", None, "cursor is broken"),
        (404, "GET", "/tallies/sales/leaderboards/all/rank?group=x&group=y", None, "not on this"),
        (400, "POST", "/tallies/sales/leaderboards/all", {"among": [["Rome"]]}, "Group 1: Give 2"),
        (400, "POST", "/tallies/sales/leaderboards/all", {"among": []}, "1 item"),
        (400, "POST", "/tallies/statuses/leaderboards/all", {"among": [["a"], ["a"]]}, "twice"),
        (400, "POST", "/tallies/statuses/tallies", {"groups": [["a"]], "windows": ["day"]}, "day"),
    ],
)  # fmt: skip
def test_bad_input(
    client: TestClient, status: int, method: str, path: str, body: Any, says: str
) -> None:
    is_problem(client.request(method, path, json=body), status, says)


@pytest.mark.parametrize("orders", ["sqlite"], indirect=True)
def test_with_sign_in_every_question_needs_a_token(orders: Orders, clock: ManualClock) -> None:
    app = create_app(orders.store, auth=JwtAuth(secret=SECRET), clock=clock)
    client = TestClient(app)
    token = jwt.encode({"sub": "ann", "exp": 4_000_000_000}, SECRET, "HS256")
    for path in ("/tallies", "/tallies/statuses/tally?group=paid"):
        refused = client.get(path)
        is_problem(refused, 401)
        assert refused.headers["www-authenticate"] == "Bearer"
        assert client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("orders", ["sqlite"], indirect=True)
def test_metrics_tell_tallies_apart(client: TestClient) -> None:
    client.get("/tallies/statuses/tally?group=paid")
    line = 'tallies_questions_total{question="tally",tally="statuses"} 1.0'
    assert line in client.get("/metrics").text


def test_the_page_is_that_of_any_table(client: TestClient) -> None:
    assert "static/any.js" in client.get("/").text
    assert client.get("/static/plot.js").status_code == 200
    assert client.get("/health").json()["notice"] == "a shop"
