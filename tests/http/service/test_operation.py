"""Health, metrics, headers, description: what operators and clients rely on."""

import sqlite3
from contextlib import closing

import pytest
from fastapi.testclient import TestClient

from tallies.favorites.http import FavoritesInstruments, NoAuth, create_app
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop
from tallies.stores.sqlite.connection import transactions
from tests.http.conftest import is_problem

embedded = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
"""What only this store can do: tell the lag at once, or break in this way."""


@pytest.mark.parametrize("store", ["dynamodb"], indirect=True)
def test_health_where_the_lag_is_not_known_at_once(client: TestClient) -> None:
    body = client.get("/health").json()
    assert (body["status"], body["lag_records"], body["lag_seconds"]) == ("ok", None, None)


@embedded
def test_health(client: TestClient, store: SqliteFavorites) -> None:
    body = {"status": "ok", "lag_records": 0, "lag_seconds": 0.0, "notice": "made up"}
    assert client.get("/health").json() == body
    store.mark("ann", "noodles")
    assert client.get("/health").json()["lag_records"] == 1


@embedded
def test_metrics_count_what_happens_and_carry_no_ids(store: SqliteFavorites) -> None:
    instruments = FavoritesInstruments()
    loop = EmbeddedLoop(store, instruments.applied)
    app = create_app(store, auth=NoAuth(), instruments=instruments, background=loop)
    with TestClient(app) as client:
        client.put("/users/ann-of-mars/favorites/noodles")
        client.put("/users/ann-of-mars/favorites/noodles")
        client.delete("/users/ann-of-mars/favorites/noodles")
        client.delete("/users/ann-of-mars/favorites/noodles")
        client.get("/users/ann-of-mars/nowhere")
        while store.lag()[0]:
            pass
    with TestClient(create_app(store, auth=NoAuth(), instruments=instruments)) as client:
        text = client.get("/metrics").text
    for line in (
        'tallies_marks_total{outcome="new"} 1.0',
        'tallies_marks_total{outcome="already"} 1.0',
        'tallies_unmarks_total{outcome="done"} 1.0',
        'tallies_unmarks_total{outcome="none"} 1.0',
        "tallies_records_applied_total 2.0",
        "tallies_duplicates_dropped_total 0.0",
        "tallies_records_parked_total 0.0",
        "tallies_lag_records 0.0",
        "tallies_lag_seconds 0.0",
    ):
        assert line in text.splitlines()
    assert 'route="/users/{user_id:id}/favorites/{restaurant_id:id}"' in text
    for name in ("fold", "commit", "request"):
        assert f"tallies_{name}_seconds_bucket" in text
    assert "mars" not in text


def test_every_answer_has_the_security_headers(client: TestClient) -> None:
    for path in ("/", "/health", "/nowhere", "/leaderboards/nope", "/static/main.js"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_the_pages_files_are_packed_and_always_of_one_version(client: TestClient) -> None:
    first = client.get("/static/main.js")
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/static/main.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


def test_the_description_is_whole(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    assert set(schema["paths"]) == {
        "/users/{user_id}/favorites/{restaurant_id}",
        "/users/{user_id}/favorites",
        "/restaurants/{restaurant_id}/tally",
        "/restaurants/{restaurant_id}/history",
        "/leaderboards/{window}",
        "/leaderboards/{window}/live",
        "/leaderboards/{window}/ranks/{restaurant_id}",
        "/restaurants/tallies",
        "/tallies",
        "/tallies/{name}/tally",
        "/tallies/{name}/tallies",
        "/tallies/{name}/history",
        "/tallies/{name}/leaderboards/{window}",
        "/tallies/{name}/leaderboards/{window}/rank",
        "/tallies/{name}/leaderboards/{window}/live",
        "/names",
        "/restaurants",
        "/cuisines",
        "/health",
    }
    for path in schema["paths"].values():
        for operation in path.values():
            assert "422" not in operation["responses"]
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"]
    assert "Problem" in schema["components"]["schemas"]


@embedded
def test_a_store_that_is_busy_says_when_to_come_again(
    client: TestClient, store: SqliteFavorites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "BUSY_TIMEOUT_SECONDS", 0.05)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = client.put("/users/ann/favorites/noodles")
    is_problem(answer, 503, "try again")
    assert answer.headers["retry-after"] == "1"


@embedded
def test_a_store_that_is_full_or_broken(
    client: TestClient, store: SqliteFavorites, caplog: pytest.LogCaptureFixture
) -> None:
    with store.database.writing() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    codes = {client.put(f"/users/u{n}/favorites/{'r' * 500}").status_code for n in range(50)}
    assert codes <= {201, 507}
    assert 507 in codes
    with store.database.connection() as connection:
        connection.execute("PRAGMA max_page_count = 100000")
        connection.execute("DROP TABLE tallies_favorites")
        connection.execute("DROP TABLE favorites")
    for path in ("/leaderboards/all", "/users/ann/favorites/secret-clinic"):
        answer = client.get(path)
        is_problem(answer, 500)
        assert "table" not in answer.json()["detail"]  # internals are for the log
    assert "no such table" in caplog.text
    assert "secret-clinic" not in caplog.text
    assert "GET /users/{user_id:id}/favorites/{restaurant_id:id}" in caplog.text


@embedded
def test_what_nobody_foresaw_is_answered_like_anything_else(
    store: SqliteFavorites, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(store, "tally", breaks)
    origin = "https://app.example.org"
    client = TestClient(create_app(store, auth=NoAuth(), origins=[origin]))
    answer = client.get("/restaurants/noodles/tally", headers={"Origin": origin})
    is_problem(answer, 500, "log says what")
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "a secret" not in answer.text
    assert "a secret" in caplog.text
    assert client.head("/restaurants/noodles/tally").content == b""
