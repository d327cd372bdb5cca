"""HEAD, OPTIONS and 405: what RFC 9110 asks of every path, whatever it is about."""

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute

from tallies.favorites.http import FavoritesInstruments, NoAuth, create_app
from tallies.http.service.methods import METHODS
from tests.http.conftest import AnyStore, is_problem, settle

VALUES = {
    "window": "all",
    "user_id": "ann",
    "restaurant_id": "a/b 🍜",
    "file": "main.js",
    "name": "favorites",
}
CODED = {"a/b 🍜": "a%2Fb%20%F0%9F%8D%9C"}


def every_path(client: TestClient) -> dict[str, set[str]]:
    """Each path that the service has, with an example in place of its parameters, and what it
    says to each method: read off the answers, not off the routes."""
    app = client.app
    assert isinstance(app, FastAPI)
    templates = {path for route in app.routes for path in _paths(route)}
    assert len(templates) >= 13
    found = {}
    for template in templates:
        path = re.sub(r"\{(\w+)[^}]*\}", lambda m: CODED.get(VALUES[m[1]], VALUES[m[1]]), template)
        found[path] = {
            method
            for method in METHODS
            if (method == "GET" and path.endswith("/live"))  # it would not end
            or client.request(method, path).status_code != 405
        }
    return found


def _paths(route: BaseRoute) -> list[str]:
    if hasattr(route, "effective_candidates"):
        return [one.path for one in route.effective_candidates()]
    return [route.path] if hasattr(route, "path") else []


def test_options_and_405_name_all_methods_of_the_path(client: TestClient) -> None:
    for path, methods in every_path(client).items():
        expected = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
        answer = client.options(path)
        assert (answer.status_code, answer.content) == (204, b"")
        assert set(answer.headers["allow"].split(", ")) == expected, path
        for method in ({*METHODS, "TRACE", "BREW"}) - methods:
            refused = client.request(method, path)
            is_problem(refused, 405)
            assert set(refused.headers["allow"].split(", ")) == expected, (method, path)


def test_every_get_has_its_head(client: TestClient, store: AnyStore) -> None:
    paths = every_path(client)  # which marks and unmarks
    client.put("/users/ann/favorites/a%2Fb%20%F0%9F%8D%9C")
    settle(store)  # or /health would tell a lag that grows between two questions
    for path, methods in paths.items():
        if "GET" not in methods:
            continue
        head = client.head(path)
        assert head.content == b"", path
        if path.endswith("/live"):  # GET's answer does not end, HEAD's does
            assert head.status_code == 200
            assert head.headers["content-type"].startswith("text/event-stream")
            continue
        get = client.get(path)
        assert head.status_code == get.status_code, path
        if path != "/metrics":  # which counts the requests themselves
            assert head.headers == get.headers, path


def test_head_tells_what_get_refuses(client: TestClient) -> None:
    for path, status in [
        ("/leaderboards/nope", 400),
        ("/leaderboards/nope/live", 400),
        ("/users/ann/favorites/noodles", 404),
        ("/nowhere", 404),
    ]:
        head = client.head(path)
        assert (head.status_code, head.content) == (status, b"")
        assert head.headers["content-type"] == "application/problem+json"


def test_what_is_not_there_has_no_methods(client: TestClient) -> None:
    for path in ("/nowhere", "/users", "/users/ann/favorites/a/b"):
        is_problem(client.options(path), 404)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_metrics_tell_methods_and_routes_apart(store: AnyStore) -> None:
    instruments = FavoritesInstruments()
    client = TestClient(create_app(store, auth=NoAuth(), instruments=instruments))
    client.head("/users/ann/favorites/%F0%9F%8D%9C")
    for number in range(3):
        client.request(f"MADE-UP-{number}", "/leaderboards/all")
    text = instruments.exposition().decode()
    assert "MADE-UP" not in text
    assert 'method="other"' in text
    route = "/users/{user_id:id}/favorites/{restaurant_id:id}"
    assert (
        f'tallies_request_seconds_count{{method="HEAD",route="{route}",status="404"}} 1.0' in text
    )
