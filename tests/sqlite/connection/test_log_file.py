"""The write-ahead log shrinks when nobody holds it, and is told of while somebody does."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tallies.favorites.favorite import Event
from tallies.favorites.http import NoAuth, create_app
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop
from tallies.stores.sqlite.connection import log_file
from tallies.stores.sqlite.rows import read
from tests.waiting import until

CAP = 256 * 1024


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cap that a test reaches in no time."""
    monkeypatch.setattr(log_file, "CAP_BYTES", CAP)
    monkeypatch.setattr(log_file, "CHECKPOINT_PAGES", CAP // log_file.PAGE_BYTES)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteFavorites]:
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        yield store


def grow(store: SqliteFavorites, first: int = 0, events: int = 20_000) -> None:
    when = "2082-11-23T00:00:00.000000Z"
    for _ in store.load(Event(f"u{n}", f"r{n}", when) for n in range(first, first + events)):
        pass


@pytest.mark.slow
def test_it_shrinks_soon_after_its_reader_has_gone(store: SqliteFavorites) -> None:
    with EmbeddedLoop(store), closing(sqlite3.connect(store.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM favorites").fetchone()
        grow(store)
        until(lambda: log_file.log_bytes(store.path) > 4 * CAP)
        until(lambda: store.condition().troubles)
        assert "somebody reads" in store.status().details["trouble"]
        assert store.condition().figures["write_ahead_log_held"] == 1
        reader.execute("ROLLBACK")
        until(lambda: log_file.log_bytes(store.path) <= CAP)
        assert store.condition().troubles == []
        assert "trouble" not in store.status().details


def test_a_process_without_a_loop_tells_it_too(store: SqliteFavorites) -> None:
    with closing(sqlite3.connect(store.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM favorites").fetchone()
        grow(store)
        with SqliteFavorites(store.path) as other:
            assert "somebody reads" in other.status().details["trouble"]
        reader.execute("ROLLBACK")
        with SqliteFavorites(store.path) as other:
            assert "trouble" not in other.status().details


def test_health_and_metrics_tell_it(store: SqliteFavorites) -> None:
    with TestClient(create_app(store, auth=NoAuth())) as client:
        assert "troubles" not in client.get("/health").json()
        with closing(sqlite3.connect(store.path)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM favorites").fetchone()
            grow(store)
            (trouble,) = client.get("/health").json()["troubles"]
            assert "MB, because somebody reads" in trouble
            metrics = client.get("/metrics").text
            assert "tallies_write_ahead_log_held 1.0" in metrics
            assert "tallies_write_ahead_log_bytes" in metrics


def test_who_takes_rows_slowly_holds_nothing(
    store: SqliteFavorites, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "ROWS_IN_MEMORY", 100)
    grow(store, events=200)
    aggregator = store.aggregator()
    while aggregator.step().records:
        pass
    rows = store.rows()
    some = list(islice(rows, 150))
    grow(store, first=1_000)
    store.tidy()
    assert log_file.log_bytes(store.path) <= CAP
    rest = list(rows)  # as of the moment when it was asked
    groups = [row.group for row in some + rest]
    assert sorted(set(groups)) == sorted(f"r{n}" for n in range(200))
    assert len(groups) == 600

    abandoned = store.rows()
    next(abandoned)
    abandoned.close()  # type: ignore[attr-defined] # it is a generator
    assert len(list(store.rows())) == 600
