"""The lease: exactly one aggregates, another takes over when it dies, and no clock matters."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop
from tallies.stores.sqlite.apply import lease
from tallies.stores.sqlite.apply.lease import LEASE_SECONDS, Lease

HOURS = 3600.0


class Clocks:
    """A watch that a test moves, and a wall clock that it sets as it likes."""

    def __init__(self) -> None:
        self.watch = 1000.0
        self.wall = 1_800_000_000.0

    def pass_by(self, seconds: float) -> None:
        self.watch += seconds
        self.wall += seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(lease, "time", lambda: clocks.wall)
    monkeypatch.setattr(lease, "monotonic", lambda: clocks.watch)
    monkeypatch.setattr(lease, "sleep", clocks.pass_by)
    return clocks


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteFavorites]:
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        yield store


def lease_of(store: SqliteFavorites, clocks: Clocks) -> Lease:
    return Lease(store.database, store.names, watch=lambda: clocks.watch)


def test_one_holds_it_until_it_gives_it_back(store: SqliteFavorites) -> None:
    first, second = store.lease(), store.lease()
    assert first.hold()
    assert first.hold()
    assert not second.hold()
    assert store.status().aggregator == first.holder
    first.release()
    assert store.status().aggregator is None
    assert second.hold()
    assert not first.hold()


@pytest.mark.parametrize("step", [0.0, 2 * HOURS, -2 * HOURS])
def test_a_silent_holder_is_relieved_and_told_whatever_the_clock_is_set_to(
    store: SqliteFavorites, clocks: Clocks, step: float
) -> None:
    first, second = lease_of(store, clocks), lease_of(store, clocks)
    assert first.hold()
    assert not second.hold()
    clocks.wall += step
    for _ in range(20):  # who lives, keeps it
        clocks.pass_by(LEASE_SECONDS / 2)
        assert first.hold()
        assert not second.hold()
    clocks.wall -= step
    clocks.pass_by(LEASE_SECONDS - 0.1)
    assert not second.hold()
    clocks.pass_by(0.2)
    assert second.hold()
    assert not first.hold()


@pytest.mark.parametrize("wrong", [2 * HOURS, -2 * HOURS])
def test_the_lease_of_a_dead_process_whose_clock_was_wrong(
    store: SqliteFavorites, clocks: Clocks, wrong: float
) -> None:
    clocks.wall += wrong
    dead = lease_of(store, clocks)
    assert dead.hold()
    clocks.wall -= wrong
    clocks.pass_by(10.0)
    assert store.status().aggregator is None
    following = lease_of(store, clocks)
    assert not following.hold()
    waited = 0.0
    while not following.hold():
        waited += following.due - clocks.watch
        clocks.pass_by(following.due - clocks.watch)
    assert waited == LEASE_SECONDS
    assert store.status().aggregator == following.holder


@pytest.mark.parametrize("wrong", [2 * HOURS, -2 * HOURS])
def test_a_living_holder_is_named_whatever_its_clock_says(
    store: SqliteFavorites, clocks: Clocks, monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    holder = lease_of(store, clocks)
    assert holder.hold()
    clocks.wall += wrong

    def live_on(seconds: float) -> None:
        clocks.pass_by(seconds)
        holder.hold()

    monkeypatch.setattr(lease, "sleep", live_on)
    assert store.status().aggregator == holder.holder


def test_two_that_see_it_free_do_not_both_take_it(store: SqliteFavorites, clocks: Clocks) -> None:
    for _ in range(3):
        dead, *others = (lease_of(store, clocks) for _ in range(4))
        dead._held = dead._take(
            lease._read(store.database, store.names, "aggregator"), clocks.watch
        )
        known = lease._read(store.database, store.names, "aggregator")
        for other in others:
            other._take(known, clocks.watch)
        clocks.pass_by(LEASE_SECONDS)
        assert [other._take(known, clocks.watch) for other in others] == [True, False, False]
        others[0].release()


@pytest.mark.slow
def test_another_process_takes_over_from_a_killed_one(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with SqliteFavorites(path) as store:
        store.init()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.sqlite.actors", "aggregate", str(path)],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        with process.stdout:
            assert process.stdout.readline() == b"ready\n"
            store.mark("ann", "noodles")
            wait_until_applied(store)
            holder = store.status().aggregator
            assert holder is not None
            with EmbeddedLoop(store):
                store.mark("bob", "noodles")
                wait_until_applied(store)
                assert store.status().aggregator == holder  # ours stands by
                process.kill()
                process.wait()
                store.mark("zoe", "noodles")
                wait_until_applied(store)
                assert store.status().aggregator not in (None, holder)
        assert store.tally("noodles", ["all"]) == {"all": 3}


def wait_until_applied(store: SqliteFavorites) -> None:
    deadline = monotonic() + 20 * LEASE_SECONDS
    while store.lag()[0]:
        assert monotonic() < deadline, "nobody aggregates"
        sleep(0.01)
