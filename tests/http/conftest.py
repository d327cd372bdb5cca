"""The service over a real store, with a clock that stands still."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from tallies.favorites.catalogue import Restaurant
from tallies.favorites.http import NoAuth, create_app
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.sqlite import SqliteStore
from tests.conformance.backend import ManualClock
from tests.engines import DynamoDBAccount
from tests.engines.fixtures import use_no_other

AnyStore = SqliteFavorites | DynamoFavorites

NAMES = {
    "noodles": Restaurant("noodles", "Blue Heron Noodles", "Noodles"),
    "pizza": Restaurant("pizza", "Two Foxes Pizza"),
    "heron": Restaurant("heron", "Heron's Nest"),
}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["sqlite", "dynamodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[AnyStore]:
    store: AnyStore
    if request.param == "sqlite":
        store = SqliteFavorites(tmp_path / "s.db", clock=clock)
    else:
        account: DynamoDBAccount = request.getfixturevalue("aws_environment")
        store = DynamoFavorites.from_url(account.store_url("http"), clock=clock)
    with store:
        store.init()
        yield store


@pytest.fixture
def client(store: AnyStore, clock: ManualClock) -> Iterator[TestClient]:
    with _service(store, clock) as client:
        yield client


@pytest.fixture(scope="module", params=["sqlite", "dynamodb"])
def shared_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AnyStore]:
    """One store for all tests of a module that leave in it what they found."""
    store: AnyStore
    if request.param == "sqlite":
        with SqliteFavorites(
            tmp_path_factory.mktemp("shared") / "s.db", clock=ManualClock()
        ) as store:
            store.init()
            yield store
        return
    account = DynamoDBAccount(request.getfixturevalue("dynamodb_endpoint"), "permodule")
    with pytest.MonkeyPatch.context() as patch:
        use_no_other(account, patch)
        store = DynamoFavorites.from_url(account.store_url("http"), clock=ManualClock())
        store.init()  # from here on it has the credentials
    with store:
        yield store
    account.wipe()


@pytest.fixture(scope="module")
def shared_client(shared_store: AnyStore) -> Iterator[TestClient]:
    """The service over the store of the module, for the same tests."""
    with _service(shared_store, ManualClock()) as client:
        yield client


@contextmanager
def _service(store: AnyStore, clock: ManualClock) -> Iterator[TestClient]:
    app = create_app(
        store,
        auth=NoAuth(),
        names=NAMES,
        clock=clock,
        notice="made up",
        remember_seconds=0,  # what is asked right after a change is no second later
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def settle(store: SqliteStore | DynamoStore) -> None:
    """Carry everything into the tallies."""
    aggregator = store.aggregator()
    while aggregator.step().records:
        pass


def is_problem(answer: Response, status: int, words: str = "") -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "code"}
    assert body["status"] == status
    assert words in body["detail"]
