"""The service over windows that were declared: their zone says which day it is."""

from dataclasses import replace
from datetime import UTC, datetime

from fastapi.testclient import TestClient

from tallies.core.declaration.declaration import Declaration
from tallies.core.windows import Window
from tallies.favorites.tally import FAVORITES
from tests.conformance.backend import ManualClock
from tests.http.conftest import AnyStore, settle

EAST = replace(
    FAVORITES,
    windows=(Window.ALL, Window.WEEK, Window.DAY),
    ranked=(Window.WEEK, Window.DAY),
    zone="Pacific/Auckland",
)


def test_the_current_windows_are_those_of_the_zone(
    store: AnyStore, client: TestClient, clock: ManualClock
) -> None:
    store.rebuild(Declaration([EAST]))
    clock.moment = datetime(2082, 11, 22, 12, tzinfo=UTC)  # Monday has begun in Auckland
    assert client.put("/users/ann/favorites/noodles").status_code == 201
    settle(store)

    tally = client.get("/restaurants/noodles/tally").json()
    assert tally["windows"] == {"all": 1, "2082-W48": 1, "2082-11-23": 1}
    for window, name in (("day", "2082-11-23"), ("week", "2082-W48")):
        board = client.get(f"/leaderboards/{window}").json()
        assert (board["window"], len(board["items"])) == (name, 1)
    refused = client.get("/leaderboards/all")
    assert refused.status_code == 400
    assert "There is no leaderboard by all; there is: week, day" in refused.json()["detail"]
