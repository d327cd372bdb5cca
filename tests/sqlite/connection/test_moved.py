"""A file that is moved away or replaced under a running server: nothing is acknowledged into it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from tallies.favorites.http import NoAuth, create_app
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop
from tests.waiting import until

WITHIN_SECONDS = 1.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteFavorites]:
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        yield store


@pytest.fixture
def client(store: SqliteFavorites) -> Iterator[TestClient]:
    app = create_app(store, auth=NoAuth(), background=EmbeddedLoop(store))
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.put("/users/ann/favorites/noodles").status_code == 201
        until(lambda: client.get("/health").json()["lag_records"] == 0)
        yield client


def is_refused(answer: Response, word: str) -> bool:
    return answer.status_code == 503 and word in answer.json()["detail"]


def contents(*paths: Path) -> list[bytes | None]:
    files = [Path(f"{path}{end}") for path in paths for end in ("", "-wal")]
    return [file.read_bytes() if file.exists() else None for file in files]


def test_moved_away(client: TestClient, store: SqliteFavorites, tmp_path: Path) -> None:
    aside = tmp_path / "aside.db"
    store.path.rename(aside)
    assert is_refused(client.put("/users/ann/favorites/pizza"), "moved away")
    until(lambda: is_refused(client.get("/health"), "moved away"), wait_seconds=WITHIN_SECONDS)
    before = contents(aside, store.path)
    for method in ("put", "delete"):
        answer = getattr(client, method)("/users/ann/favorites/noodles")
        assert is_refused(answer, "start this process again")
    assert contents(aside, store.path) == before
    assert not store.path.exists()

    aside.rename(store.path)  # the same file, back in its place
    until(lambda: client.get("/health").status_code == 200, wait_seconds=WITHIN_SECONDS)
    assert client.put("/users/ann/favorites/pizza").status_code == 201
    until(lambda: client.get("/restaurants/pizza/tally").json()["windows"]["all"] == 1)
    assert store.verify().drifted == []


def test_replaced_by_a_backup(client: TestClient, store: SqliteFavorites, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    with SqliteFavorites(backup) as other:
        other.init()
        other.mark("bob", "pizza")
    shutil.copyfile(backup, tmp_path / "restored.db")
    (tmp_path / "restored.db").replace(store.path)
    assert is_refused(client.put("/users/ann/favorites/pizza"), "replaced by another")
    until(
        lambda: is_refused(client.get("/health"), "replaced by another"),
        wait_seconds=WITHIN_SECONDS,
    )
    store.close()
    assert store.path.read_bytes() == backup.read_bytes()


def test_a_store_that_nobody_has_open_may_be_another_next_time(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    store = SqliteFavorites(path)
    store.init()
    store.mark("ann", "noodles")
    store.close()
    path.unlink()
    store.init()
    assert store.get("ann", "noodles") is None
    store.close()
