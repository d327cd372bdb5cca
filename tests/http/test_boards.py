"""The routes that all may read."""

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallies.favorites.catalogue import Restaurant
from tallies.favorites.http import NoAuth, create_app
from tests.conformance.backend import ManualClock
from tests.http.conftest import AnyStore, is_problem, settle
from tests.length import at_length


def mark(store: AnyStore, counts: dict[str, int], time: str | None = None) -> None:
    for restaurant, count in counts.items():
        for user in range(count):
            store.mark(f"u{user}{time}", restaurant, created_at=time)
    settle(store)


def test_a_tally_has_all_time_this_month_and_today(
    client: TestClient, store: AnyStore, clock: ManualClock
) -> None:
    mark(store, {"noodles": 2}, "2082-11-01T00:00:00.000000Z")
    mark(store, {"noodles": 1})
    windows = {"all": 3, "2082-11": 3, "2082-11-23": 1}
    answer = {"restaurant_id": "noodles", "windows": windows}
    assert client.get("/restaurants/noodles/tally").json() == answer
    clock.move(days=8)  # into the next month
    windows = {"all": 3, "2082-12": 0, "2082-12-01": 0}
    assert client.get("/restaurants/noodles/tally").json()["windows"] == windows
    assert client.get("/restaurants/unheard-of/tally").json()["windows"]["all"] == 0


def test_a_history_has_a_point_for_every_window(client: TestClient, store: AnyStore) -> None:
    mark(store, {"noodles": 2}, "2082-11-21T00:00:00.000000Z")
    mark(store, {"noodles": 1})
    url = "/restaurants/noodles/history"
    points = client.get(url, params={"from": "2082-11-20", "to": "2082-11-23"}).json()["points"]
    assert [(p["window"], p["favorites"]) for p in points] == [
        ("2082-11-20", 0),
        ("2082-11-21", 2),
        ("2082-11-22", 0),
        ("2082-11-23", 1),
    ]
    days = client.get(url).json()["points"]
    assert (len(days), days[0]["window"], days[-1]["window"]) == (30, "2082-10-25", "2082-11-23")
    months = client.get(url, params={"by": "month"}).json()["points"]
    assert (len(months), months[0]["window"], months[-1]["favorites"]) == (12, "2081-12", 3)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"by": "week"}, "by"),
        ({"by": "hour"}, "by"),
        ({"from": "2082-11"}, "no day"),
        ({"by": "month", "to": "2082-11-23"}, "no month"),
        ({"from": "2082-11-24"}, "swap"),
        ({"from": "2020-01-01"}, "1000 points"),
        ({"from": "yesterday"}, "names no window"),
        ({"from": "all"}, "no day"),
    ],
)
def test_histories_that_cannot_be(
    shared_client: TestClient, params: dict[str, str], words: str
) -> None:
    is_problem(shared_client.get("/restaurants/noodles/history", params=params), 400, words)


def test_leaderboards(client: TestClient, store: AnyStore, clock: ManualClock) -> None:
    mark(store, {"b": 2, "a": 2, "c": 1})
    board = client.get("/leaderboards/all").json()
    assert board == {
        "window": "all",
        "items": [
            {"rank": 1, "restaurant_id": "a", "favorites": 2},
            {"rank": 2, "restaurant_id": "b", "favorites": 2},
            {"rank": 3, "restaurant_id": "c", "favorites": 1},
        ],
        "next": None,
    }
    for name, window in [("month", "2082-11"), ("day", "2082-11-23"), ("2082-11", "2082-11")]:
        assert client.get(f"/leaderboards/{name}").json() == {**board, "window": window}
    clock.moment += timedelta(hours=10)  # midnight passes
    assert client.get("/leaderboards/day").json() == {
        "window": "2082-11-24",
        "items": [],
        "next": None,
    }


@pytest.mark.parametrize("window", ["week", "year", "hour", "2082-W48", "2082", "2082-11-23T14"])
def test_windows_without_a_leaderboard(shared_client: TestClient, window: str) -> None:
    is_problem(shared_client.get(f"/leaderboards/{window}"), 400, "no leaderboard by")
    is_problem(shared_client.get(f"/leaderboards/{window}/live"), 400, "no leaderboard by")


@pytest.mark.parametrize("window", ["", "ALL", "2082-13", "2082-02-30", "%F0%9F%8D%9C", "a%2Fb"])
def test_names_of_no_window(shared_client: TestClient, window: str) -> None:
    is_problem(shared_client.get(f"/leaderboards/{window}"), 400, "names no window")


@pytest.mark.slow(only="dynamodb")
@given(
    counts=st.dictionaries(st.sampled_from("abcdefghij"), st.integers(1, 4), min_size=2),
    size=st.integers(1, 4),
    moves=st.lists(st.tuples(st.sampled_from("abcdefghij"), st.booleans()), max_size=8),
)
@settings(
    max_examples=at_length(40, least=5),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_paging_while_counts_change_neither_repeats_nor_skips_the_others(
    client: TestClient,
    store: AnyStore,
    counts: dict[str, int],
    size: int,
    moves: list[tuple[str, bool]],
) -> None:
    for favorite in [f for u in range(9) for f in store.favorites_of(f"u{u}None", 100)]:
        store.unmark(favorite.user_id, favorite.restaurant_id)
    mark(store, counts)
    seen: list[tuple[int, str]] = []
    cursor: dict[str, str] = {}
    pending = list(moves)
    while True:
        page = client.get("/leaderboards/all", params={"limit": size, **cursor}).json()
        seen += [(item["rank"], item["restaurant_id"]) for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
        if pending:
            restaurant, up = pending.pop()
            (store.mark if up else store.unmark)(f"u{8 if up else 0}None", restaurant)
            settle(store)
    assert [rank for rank, _ in seen] == list(range(1, len(seen) + 1))
    moved = {restaurant for restaurant, _ in moves}
    unmoved = sorted(set(counts) - moved, key=lambda r: (-counts[r], r))
    assert [r for _, r in seen if r not in moved] == unmoved


def test_names_and_search(client: TestClient) -> None:
    names = client.get("/names", params={"id": ["pizza", "unknown", "noodles"]}).json()
    assert names == {
        "pizza": {"name": "Two Foxes Pizza", "cuisine": None},
        "noodles": {"name": "Blue Heron Noodles", "cuisine": "Noodles"},
    }
    found = client.get("/restaurants", params={"query": "HERON"}).json()["items"]
    assert [item["restaurant_id"] for item in found] == ["heron", "noodles"]
    assert client.get("/restaurants?query=nothing").json() == {"items": []}
    is_problem(client.get("/names", params={"id": ["x"] * 101}), 400)


def test_restaurants_by_cuisine(store: AnyStore, clock: ManualClock) -> None:
    entries = [
        Restaurant("b", "Bell", "Seafood"),
        Restaurant("a", "Anchor", "Seafood"),
        Restaurant("c", "Corner", "café"),
        Restaurant("d", "Dock", "Snacks"),
        Restaurant("e", "Eastern"),
    ]
    app = create_app(store, auth=NoAuth(), names={e.id: e for e in entries}, clock=clock)
    with TestClient(app) as client:
        assert client.get("/cuisines").json()["items"] == [
            {"cuisine": "café", "restaurants": 1},
            {"cuisine": "Seafood", "restaurants": 2},
            {"cuisine": "Snacks", "restaurants": 1},
        ]

        def found(**asked: str | int) -> list[str]:
            items = client.get("/restaurants", params=asked).json()["items"]
            return [item["restaurant_id"] for item in items]

        assert found(cuisine="Seafood", limit=1000) == ["a", "b"]
        assert found(cuisine="Seafood", query="be") == ["b"]
        assert found(cuisine="seafood") == []
        assert found(cuisine="") == []
        assert found() == ["a", "b", "c", "d", "e"]
        is_problem(client.get("/restaurants?limit=1001"), 400)


def test_a_catalogue_without_cuisines_has_none(store: AnyStore) -> None:
    with TestClient(create_app(store, auth=NoAuth())) as client:
        assert client.get("/cuisines").json() == {"items": []}
