"""The questions of a feed: many at once, order among some, places, spans."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tallies.core.times import canonical_time
from tallies.favorites.favorite import Event
from tests.conformance.backend import ManualClock
from tests.http.conftest import AnyStore, is_problem, settle

TODAY = "2082-11-23"


@pytest.fixture
def city(store: AnyStore, clock: ManualClock) -> AnyStore:
    """Noodles lead of all time, pizza this week; sushi and tacos tie."""
    events = [
        (user, place, days)
        for place, users, days in [
            ("noodles", "abcd", 40),
            ("noodles", "e", 0),
            ("pizza", "abc", 2),
            ("sushi", "ab", 1),
            ("tacos", "cd", 5),
        ]
        for user in users
    ]
    for _ in store.load(
        Event(user, place, canonical_time(clock() - timedelta(days=days)), "mark")
        for user, place, days in events
    ):
        pass
    settle(store)
    return store


def lines(answer: Any) -> list[tuple[int, str, float]]:
    assert answer.status_code == 200, answer.text
    return [(i["rank"], i["restaurant_id"], i["favorites"]) for i in answer.json()["items"]]


def test_spans_and_trending(city: AnyStore, client: TestClient) -> None:
    week = [(1, "pizza", 3), (2, "sushi", 2), (3, "tacos", 2), (4, "noodles", 1)]
    assert lines(client.get("/leaderboards/last-7-days")) == week
    found = client.get("/leaderboards/2082-11-17..2082-11-23")
    assert lines(found) == week
    assert found.json()["window"] == "2082-11-17..2082-11-23"
    trending = lines(client.get("/leaderboards/trending-1-days"))
    assert trending == [
        (1, "noodles", 1),
        (2, "sushi", 1),
        (3, "pizza", 0.75),
        (4, "tacos", 0.0625),
    ]


def test_a_span_page_by_page(city: AnyStore, client: TestClient) -> None:
    for window in ("all", "last-7-days", "trending"):
        whole = lines(client.get(f"/leaderboards/{window}"))
        assert len(whole) == 4
        paged: list[tuple[int, str, float]] = []
        cursor = None
        while True:
            params = {"limit": 1} | ({"cursor": cursor} if cursor else {})
            page = client.get(f"/leaderboards/{window}", params=params)
            paged += lines(page)
            cursor = page.json()["next"]
            if cursor is None:
                break
        assert paged == whole
        skipped = client.get(f"/leaderboards/{window}", params={"offset": 2, "limit": 1})
        assert lines(skipped) == whole[2:3]
        following = client.get(f"/leaderboards/{window}?cursor={skipped.json()['next']}")
        assert lines(following) == whole[3:]


def test_the_place_of_a_restaurant(city: AnyStore, client: TestClient) -> None:
    found = client.get("/leaderboards/all/ranks/sushi?around=1").json()
    assert found == {
        "window": "all",
        "restaurant_id": "sushi",
        "rank": 3,
        "of": 4,
        "favorites": 2,
        "items": [
            {"rank": 2, "restaurant_id": "pizza", "favorites": 3},
            {"rank": 3, "restaurant_id": "sushi", "favorites": 2},
            {"rank": 4, "restaurant_id": "tacos", "favorites": 2},
        ],
    }
    assert client.get("/leaderboards/last-7-days/ranks/noodles").json()["rank"] == 4
    is_problem(client.get("/leaderboards/all/ranks/nowhere"), 404, "not on this leaderboard")


def test_the_order_among_some(city: AnyStore, client: TestClient) -> None:
    body = {"among": ["tacos", "noodles", "nowhere"]}
    found = client.post("/leaderboards/all", json=body)
    assert lines(found) == [(1, "noodles", 5), (2, "tacos", 2)]
    assert lines(client.post("/leaderboards/last-7-days", json=body)) == [
        (1, "tacos", 2),
        (2, "noodles", 1),
    ]


def test_tallies_of_many(city: AnyStore, client: TestClient) -> None:
    expected = [
        {"restaurant_id": "sushi", "windows": {"all": 2, "2082-11": 2, TODAY: 0}},
        {"restaurant_id": "nowhere", "windows": {"all": 0, "2082-11": 0, TODAY: 0}},
        {"restaurant_id": "noodles", "windows": {"all": 5, "2082-11": 1, TODAY: 1}},
    ]
    ids = ["sushi", "nowhere", "noodles"]
    assert client.get("/restaurants/tallies", params={"id": ids}).json() == {"items": expected}
    assert client.post("/restaurants/tallies", json={"ids": ids}).json() == {"items": expected}
    some = client.post(
        "/restaurants/tallies", json={"ids": ["sushi"], "windows": ["2082-11", "all"]}
    )
    assert some.json()["items"] == [{"restaurant_id": "sushi", "windows": {"2082-11": 2, "all": 2}}]


def test_which_of_some_are_favorites(city: AnyStore, client: TestClient) -> None:
    ids = ["tacos", "sushi", "noodles"]
    for answer in (
        client.get("/users/a/favorites", params={"id": ids}),
        client.post("/users/a/favorites", json={"among": ids}),
    ):
        assert [one["restaurant_id"] for one in answer.json()["items"]] == ["sushi", "noodles"]
        assert answer.json()["next"] is None


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("GET", "/leaderboards/2082-11-23..2082-11-01", None, "swap them"),
        ("GET", "/leaderboards/2082-11..2082-11-01", None, "two of one kind"),
        ("GET", "/leaderboards/last-0-days", None, "no time at all"),
        ("GET", "/leaderboards/trending-0-days", None, "half-life"),
        ("GET", "/leaderboards/last-24-hours", None, "add hour"),
        ("GET", "/leaderboards/1000-01-02..2000-01-02", None, ""),
        ("GET", "/leaderboards/all?offset=10001", None, "10000"),
        ("GET", "/leaderboards/all/ranks/x?around=101", None, "100"),
        ("POST", "/leaderboards/all", {"among": []}, "1 item"),
        ("POST", "/leaderboards/all", {"among": ["a", "a"]}, "twice"),
        ("POST", "/leaderboards/all", {"among": ["\n"]}, "control character"),
        ("POST", "/leaderboards/all", {"among": [str(n) for n in range(1001)]}, "1000"),
        ("POST", "/restaurants/tallies", {"ids": ["a"], "windows": ["hour"]}, "no windows by hour"),
        ("POST", "/restaurants/tallies", {"ids": ["a"], "windows": ["?"]}, "names no window"),
        ("GET", "/restaurants/tallies", None, "id"),
        ("GET", "/restaurants/tallies?id=", None, "empty"),
        ("GET", "/restaurants/tallies?" + "&".join(f"id={n}" for n in range(101)), None, "100"),
        ("POST", "/users/ann/favorites", {"among": ["a", "a"]}, "twice"),
    ],
)
@pytest.mark.parametrize("shared_store", ["sqlite"], indirect=True)
def test_bad_input(shared_client: TestClient, method: str, path: str, body: Any, says: str) -> None:
    answer = shared_client.request(method, path, json=body)
    is_problem(answer, 400)
    assert says in answer.json()["detail"]
