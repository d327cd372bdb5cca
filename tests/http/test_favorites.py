"""The routes of users."""

from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from tallies.http.service.limits import MAX_BODY_BYTES
from tests.conformance.backend import ManualClock
from tests.http.conftest import AnyStore, is_problem, settle

ONE = "/users/ann/favorites/noodles"
LATER = "2082-12-01T00:00:00Z"
ROW = {"user_id": "ann", "restaurant_id": "noodles", "created_at": "2082-11-23T14:05:06Z"}


def test_put_get_delete(client: TestClient) -> None:
    is_problem(client.get(ONE), 404, "not favorited")
    first, second = client.put(ONE), client.put(ONE)
    assert (first.status_code, first.json()) == (201, ROW)
    assert (second.status_code, second.json()) == (200, ROW)
    assert client.get(ONE).json() == ROW
    for _ in range(2):
        gone = client.delete(ONE)
        assert (gone.status_code, gone.content) == (204, b"")
    is_problem(client.get(ONE), 404)


def test_put_with_a_body_sets_exactly_that(client: TestClient) -> None:
    full = {"note": "window seat", "expires_at": LATER}
    assert client.put(ONE, json=full).json() == {**ROW, **full}
    again = client.put(ONE, json={"note": "bar"})
    assert (again.status_code, again.json()) == (200, {**ROW, "note": "bar"})
    assert client.put(ONE).json() == {**ROW, "note": "bar"}  # no body: it stays as it is
    assert client.put(ONE, json={}).json() == ROW


def test_patch_changes_what_is_given_and_null_removes(client: TestClient) -> None:
    is_problem(client.patch(ONE, json={"note": "x"}), 404)
    client.put(ONE, json={"note": "x", "expires_at": LATER})
    assert client.patch(ONE, json={"note": "y"}).json() == {**ROW, "note": "y", "expires_at": LATER}
    assert client.patch(ONE, json={"expires_at": None}).json() == {**ROW, "note": "y"}
    assert client.patch(ONE, json={"note": None}).json() == ROW
    assert client.patch(ONE, json={}).json() == ROW


def test_expiry_is_any_zone_and_must_come(client: TestClient, clock: ManualClock) -> None:
    zoned = client.put(ONE, json={"expires_at": "2082-11-23T16:05:07.5+02:00"})
    assert zoned.json()["expires_at"] == "2082-11-23T14:05:07.500000Z"
    clock.move(seconds=2)
    is_problem(client.get(ONE), 404)
    is_problem(client.patch(ONE, json={"note": "x"}), 404)
    assert client.get("/users/ann/favorites").json()["items"] == []
    assert client.put(ONE).status_code == 201


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"expires_at": "2082-11-23T14:05:06Z"}, "past"),
        ({"expires_at": "2082-12-01T00:00:00"}, "zone"),
        ({"expires_at": "soon"}, "timestamp"),
        ({"expires_at": 1_800_000_000}, "expires_at must be a text."),
        ({"note": 7}, "note must be a text."),
        ({"note": "é" * 2049}, "4098 bytes"),
        ({"notes": "x"}, "notes is unknown here."),
        (["note"], "The body must be a JSON object"),
    ],
)
def test_bodies_that_are_wrong(shared_client: TestClient, body: object, words: str) -> None:
    is_problem(shared_client.put(ONE, json=body), 400, words)
    shared_client.put(ONE)
    try:
        is_problem(shared_client.patch(ONE, json=body), 400, words)
        assert shared_client.get(ONE).json() == ROW
    finally:
        shared_client.delete(ONE)


def test_bodies_that_are_no_json_or_too_large(client: TestClient) -> None:
    json = {"content-type": "application/json"}
    is_problem(client.put(ONE, content=b"{note", headers=json), 400, "JSON")
    is_problem(client.put(ONE, content=b"\xff\xfe", headers=json), 400)
    is_problem(client.put(ONE, content=b'{"note": "\\ud800"}', headers=json), 400)
    is_problem(client.put(ONE, content=b"[" * 65_000, headers=json), 400)
    is_problem(client.put(ONE, content=b" " * (MAX_BODY_BYTES + 1), headers=json), 413, "4194304")
    is_problem(client.patch(ONE), 400)
    is_problem(client.put(ONE, content=b'{"note": "x"}'), 400, "Content-Type: application/json")


@pytest.mark.parametrize(
    "id_",
    [
        "a/b",
        "#",
        "%",
        "%2F",
        "a b",
        "🍜 ramen",
        "مطعم",
        "..",
        "a?b",
        "a;b",
        "+",
        "é" * 512,
        "~",
        "\\",
    ],
)
def test_any_id_survives_the_path(shared_client: TestClient, id_: str) -> None:
    coded = quote(id_, safe="").replace(".", "%2E")
    one = f"/users/{coded}/favorites/{coded}"
    made = shared_client.put(one)
    assert made.status_code == 201
    assert (made.json()["user_id"], made.json()["restaurant_id"]) == (id_, id_)
    assert shared_client.get(one).status_code == 200
    assert len(shared_client.get(f"/users/{coded}/favorites").json()["items"]) == 1
    assert shared_client.get(f"/restaurants/{coded}/tally").json()["restaurant_id"] == id_
    assert shared_client.delete(one).status_code == 204


@pytest.mark.parametrize(
    ("coded", "words"),
    [
        ("", "empty"),
        ("a" * 1025, "1025 bytes"),
        ("%F0%9F%8D%9C" * 257, "1028 bytes"),
        ("a%00", "U+0000"),
        ("a%0A", "U+000A"),
        ("%C2%85", "U+0085"),
        ("%FF", "UTF-8"),
        ("%ED%A0%80", "UTF-8"),
    ],
)
def test_ids_that_are_wrong(shared_client: TestClient, coded: str, words: str) -> None:
    for path in (f"/users/{coded}/favorites/x", f"/users/x/favorites/{coded}"):
        for method in ("PUT", "GET", "DELETE"):
            is_problem(shared_client.request(method, path), 400, words)
        is_problem(shared_client.patch(path, json={}), 400, words)
    is_problem(shared_client.get(f"/users/{coded}/favorites"), 400, words)
    is_problem(shared_client.get(f"/restaurants/{coded}/tally"), 400, words)
    is_problem(shared_client.get(f"/restaurants/{coded}/history"), 400, words)


def test_a_users_favorites_in_pages(client: TestClient, clock: ManualClock) -> None:
    for name in "edcba":
        client.put(f"/users/ann/favorites/{name}")
        clock.move(seconds=1)
    client.put("/users/bob/favorites/a")
    found: list[str] = []
    cursor = None
    while True:
        page = client.get(
            "/users/ann/favorites", params={"limit": 2, **({"cursor": cursor} if cursor else {})}
        ).json()
        found += [item["restaurant_id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
        client.put("/users/ann/favorites/newer")  # does not shift the pages that follow
    assert found == ["a", "b", "c", "d", "e"]


def test_cursors_belong_to_one_list(client: TestClient) -> None:
    for name in "abc":
        client.put(f"/users/ann/favorites/{name}")
    cursor = client.get("/users/ann/favorites?limit=1").json()["next"]
    for path in ("/users/bob/favorites", "/leaderboards/all"):
        is_problem(client.get(path, params={"cursor": cursor}), 400, "cursor")
    for forged in ("", "x", "%%%", "WzFd", cursor[:-2], "A" * 9000, "bnVsbA", "W" * 8000):
        is_problem(client.get("/users/ann/favorites", params={"cursor": forged}), 400, "cursor")


def test_a_cursor_goes_on_where_its_page_ended(client: TestClient, store: AnyStore) -> None:
    for name in ("noodles", "sushi"):
        client.put(f"/users/ann/favorites/{name}")
    settle(store)
    cursor = client.get("/leaderboards/all?limit=1").json()["next"]
    both = client.get("/leaderboards/all", params={"cursor": cursor, "offset": 1})
    is_problem(both, 400, "leave offset out")


@pytest.mark.parametrize("path", ["/users/ann/favorites", "/leaderboards/all"])
def test_limits(shared_client: TestClient, path: str) -> None:
    for limit in ("1", "1000"):
        assert shared_client.get(path, params={"limit": limit}).status_code == 200
    for limit, words in (
        ("0", "must be at least 1"),
        ("-1", "must be at least 1"),
        ("1001", "must be at most 1000"),
        ("many", "must be a whole number"),
        ("1.5", "must be a whole number"),
        ("", "must be a whole number"),
        ("9" * 5000, "is too large a number"),
    ):
        is_problem(shared_client.get(path, params={"limit": limit}), 400, f"limit {words}.")


def test_what_is_not_there(client: TestClient) -> None:
    is_problem(client.get("/nowhere"), 404)
    is_problem(client.post("/users/ann/favorites/noodles"), 405)
    is_problem(client.get("/static/nothing.js"), 404)
    is_problem(client.get("/static/..%2f..%2fapp.py"), 404)
