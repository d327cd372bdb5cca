"""The lease: exactly one aggregates, and another takes over when it dies."""

import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

from tallies.runtimes.embedded import EmbeddedLoop
from tallies.stores.sqlite import SqliteStore, lease
from tallies.stores.sqlite.lease import LEASE_SECONDS


def test_one_holds_it_until_it_gives_it_back(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "s.db") as store:
        store.init()
        first, second = store.lease(), store.lease()
        assert first.hold()
        assert first.hold()
        assert not second.hold()
        assert store.status().aggregator == first.holder
        first.release()
        assert second.hold()
        assert not first.hold()


def test_a_lease_that_ran_out_is_taken_and_its_old_holder_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(lease, "time", lambda: now)
    monkeypatch.setattr(lease, "monotonic", lambda: now)
    with SqliteStore(tmp_path / "s.db") as store:
        store.init()
        first, second = store.lease(), store.lease()
        assert first.hold()
        now += LEASE_SECONDS / 2
        assert first.hold()  # renewed
        now += LEASE_SECONDS - 0.1
        assert not second.hold()
        now += 0.2
        assert second.hold()
        assert not first.hold()


def test_another_process_takes_over_from_a_killed_one(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with SqliteStore(path) as store:
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


def wait_until_applied(store: SqliteStore) -> None:
    deadline = monotonic() + 10 * LEASE_SECONDS
    while store.lag()[0]:
        assert monotonic() < deadline, "nobody aggregates"
        sleep(0.01)
