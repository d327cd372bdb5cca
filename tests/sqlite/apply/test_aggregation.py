"""Aggregation of the log: exact through crashes between any two steps, rivals, poison."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tallies.core.errors import StoreError
from tallies.favorites.favorite import Event
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop
from tallies.stores.protocol import Applied

LONG_AGO = "2020-01-01T00:00:00.000000Z"
TIME = "2082-11-23T12:00:00.000000Z"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteFavorites]:
    with SqliteFavorites(tmp_path / "favorites.db") as made:
        made.init()
        yield made


def fill(store: SqliteFavorites, users: int = 9) -> None:
    events = [Event(f"u{u}", f"r{r}", TIME) for u in range(users) for r in range(3)]
    for _ in store.load([*events, Event("u1", "r1", TIME, "unmark")]):
        pass


def test_deltas_position_and_trimming_are_one_commit(store: SqliteFavorites) -> None:
    fill(store)
    assert store.lag()[0] == 28
    applied = store.aggregator().step()
    assert (applied.records, applied.duplicates, applied.parked) == (28, 0, 0)
    assert store.lag() == (0, 0.0)
    assert store.windows_of("r1") == {"all": 8, "2082-11": 8, "2082-11-23": 8}
    with closing(sqlite3.connect(store.path)) as connection:
        records = "SELECT count(*) FROM tallies_log WHERE amount <> 0"
        assert connection.execute(records).fetchone() == (0,)
    assert store.aggregator().step() == Applied(0)


def test_positions_go_on_after_the_log_was_trimmed_to_nothing(store: SqliteFavorites) -> None:
    fill(store)
    store.aggregator().step()
    before = store.position()
    store.mark("zoe", "r1")
    assert store.end_of_log() == before + 1
    store.aggregator().step()
    assert store.tally("r1", ["all"]) == {"all": 9}


def test_a_crash_between_any_two_steps_changes_nothing(store: SqliteFavorites) -> None:
    fill(store)
    with closing(sqlite3.connect(store.path)) as connection:
        before = list(connection.iterdump())
    allowed = 0
    while (applied := crash_after(store, allowed)) is None:
        with closing(sqlite3.connect(store.path)) as connection:
            assert list(connection.iterdump()) == before, f"after {allowed} actions"
        allowed += 1
    assert allowed > 15
    assert applied.records == 28
    assert list(store.verify().drifted) == []


def crash_after(store: SqliteFavorites, allowed: int) -> Applied | None:
    """A step that fails at the n-th action that SQLite is asked to authorise: any statement of
    it, begin and commit included. None when it failed."""
    done = 0

    def stop(*_: object) -> int:
        nonlocal done
        done += 1
        return sqlite3.SQLITE_DENY if done > allowed else sqlite3.SQLITE_OK

    with store.database.connection() as reader, store.database.writing() as writer:
        pass
    for connection in (reader, writer):
        connection.set_authorizer(stop)
    try:
        return store.aggregator().step()
    except StoreError:
        return None
    finally:
        store.close()


def test_of_two_aggregators_on_one_batch_one_wins_and_the_other_changes_nothing(
    store: SqliteFavorites, monkeypatch: pytest.MonkeyPatch
) -> None:
    """field.md, case 1: the same batch twice. Both have read; both try to commit."""
    fill(store)
    first, second = store.aggregator(), store.aggregator()
    commit = second._commit

    def late(*arguments: Any) -> bool:
        assert first.step().records == 28
        return commit(*arguments)

    monkeypatch.setattr(second, "_commit", late)  # the fault: it is overtaken here
    assert second.step().duplicates == 28
    assert store.tally("r0", ["all"]) == {"all": 9}
    assert list(store.verify().drifted) == []


def test_many_writers_and_rival_aggregators_end_exact(store: SqliteFavorites) -> None:
    def write(name: str) -> None:
        for turn in range(120):
            store.mark(name, f"r{turn % 7}")
            if turn % 3 == 0:
                store.unmark(name, f"r{turn % 5}")

    def aggregate() -> None:
        aggregator = store.aggregator(batch=10)
        while writers_alive() or store.lag()[0]:
            aggregator.step()

    writers = [Thread(target=write, args=(f"u{n}",)) for n in range(4)]

    def writers_alive() -> bool:
        return any(writer.is_alive() for writer in writers)

    for writer in writers:
        writer.start()
    rivals = [Thread(target=aggregate) for _ in range(2)]
    for rival in rivals:
        rival.start()
    while writers_alive():
        assert list(store.verify().drifted) == []  # what is in flight is no drift
    for thread in [*writers, *rivals]:
        thread.join()
    assert store.lag()[0] == 0
    assert list(store.verify().drifted) == []


def test_a_record_that_cannot_be_folded_is_parked_whole(store: SqliteFavorites) -> None:
    store.mark("ann", "r1", created_at=TIME)
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute(
            "INSERT INTO favorites (restaurant_id, user_id, created_at)"
            " VALUES ('r1', 'bob', '2082-02-30T00:00:00.000000Z')"
        )
    store.mark("zoe", "r1", created_at=TIME)
    applied = store.aggregator().step()
    assert (applied.records, applied.parked) == (3, 1)
    assert store.tally("r1", ["all"]) == {"all": 2}
    assert store.status().parked == 1
    with closing(sqlite3.connect(store.path)) as connection:
        ((tally, reason, content),) = connection.execute(
            "SELECT tally, reason, content FROM tallies_parked"
        ).fetchall()
    assert tally == "favorites"
    assert "2082-02-30" in reason
    assert '"user_id": "bob"' in content


def test_a_row_changed_by_hand_moves(store: SqliteFavorites) -> None:
    store.mark("ann", "r1", created_at=TIME)
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE favorites SET restaurant_id = 'r2'")
    store.aggregator().step()
    assert store.windows_of("r1") == {}
    assert store.tally("r2", ["all"]) == {"all": 1}
    assert list(store.verify().drifted) == []


def test_the_loop_carries_over_what_is_left_when_it_stops(store: SqliteFavorites) -> None:
    steps: list[Applied] = []
    with EmbeddedLoop(store, steps.append, tick_seconds=3600):
        fill(store)
    assert sum(step.records for step in steps) == 28
    assert store.lag()[0] == 0
    assert store.status().aggregator is None


def test_the_loop_sweeps_what_has_expired(store: SqliteFavorites) -> None:
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute(
            "INSERT INTO favorites VALUES ('r1', 'ann', ?, NULL, ?)", (LONG_AGO,) * 2
        )
    with EmbeddedLoop(store, tick_seconds=0.001):
        while store.status().source_rows:
            pass
    assert store.windows_of("r1") == {}


def test_a_position_is_never_used_again(store: SqliteFavorites) -> None:
    """Though the log is emptied again and again, by a process or by another."""
    seen = 0
    for number in range(3):
        fill(store, users=2 + number)
        with SqliteFavorites(store.path) as other:
            while other.aggregator().step().records:
                pass
        assert store.end_of_log() == store.position() > seen
        seen = store.position()
    assert store.verify().drifted == []
