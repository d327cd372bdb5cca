"""Drift and parked records: what verify and rebuild find and mend. A part of the suite."""

import pytest

from tallies.core.errors import InvalidInput, Unfoldable
from tallies.core.fold import Folder
from tallies.stores.protocol import Ranked
from tallies.stores.verified import Drift
from tests.conformance.backend import Backend


class MendingSuite:
    """Each test gets a fresh store."""

    def test_verify_finds_planted_drift_exactly(self, backend: Backend) -> None:
        store = backend.store
        for user in range(3):
            store.mark(f"u{user}", "noodles")
        backend.settle()
        clean = store.verify()
        assert (clean.checked, list(clean.drifted)) == (3, [])
        backend.plant("noodles", "all", 4)
        backend.plant("ghost", "2082-11", 1)
        backend.plant("noodles", "2082-11-23", 0)
        assert sorted(store.verify().drifted) == [
            Drift("ghost", "2082-11", 0, 1, "favorites"),
            Drift("noodles", "2082-11-23", 3, 0, "favorites"),
            Drift("noodles", "all", 3, 4, "favorites"),
        ]

    def test_rebuild_mends_planted_drift_and_nothing_else(self, backend: Backend) -> None:
        store = backend.store
        for user in range(3):
            store.mark(f"u{user}", "noodles")
        backend.settle()
        store.mark("late", "noodles")  # on its way, and no drift
        backend.plant("noodles", "all", 5)
        backend.plant("ghost", "2082-11", 2)
        backend.plant("noodles", "2082-11-23", 0)
        assert len(store.rebuild().drifted) == 3
        assert list(store.verify().drifted) == []
        assert store.rebuild().drifted == []
        backend.settle()
        assert store.windows_of("noodles") == {"all": 4, "2082-11": 4, "2082-11-23": 4}
        assert store.windows_of("ghost") == {}
        assert store.leaderboard("2082-11", 10) == [Ranked("noodles", 4)]

    def test_a_record_that_no_tally_takes_is_parked_until_it_is_decided(
        self, backend: Backend
    ) -> None:
        store = backend.store
        store.mark("ann", "noodles")
        backend.poison("bob", "noodles")
        store.mark("cyd", "noodles")
        backend.settle()
        assert store.tally("noodles", ["all"]) == {"all": 2}
        (record,) = store.parked.records()
        assert (record.tally, store.parked.count(), store.status().parked) == ("favorites", 1, 1)
        assert "2082-02-30" in record.reason
        assert "bob" in str(record.content)
        assert list(store.verify().drifted) == []
        assert store.rebuild().drifted == []
        with pytest.raises(Unfoldable, match="2082-02-30"):
            store.parked.retry(record.id)
        for unknown in (f"{record.id}x", "nothing", ""):
            with pytest.raises(InvalidInput, match=f"no parked record '{unknown}'"):
                store.parked.retry(unknown)
        store.parked.discard(record.id)
        assert list(store.parked.records()) == []
        with pytest.raises(InvalidInput, match="no parked record"):
            store.parked.discard(record.id)
        assert store.tally("noodles", ["all"]) == {"all": 2}

    def test_a_rebuild_counts_once_what_an_older_version_had_parked(
        self, backend: Backend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = backend.store
        windows = Folder._windows

        def of_older_version(folder: Folder, cut: str) -> tuple[str, ...]:
            if cut.startswith("2082-10-05"):
                raise Unfoldable("That day is not known yet.")
            return windows(folder, cut)

        with monkeypatch.context() as older:
            older.setattr(Folder, "_windows", of_older_version)
            store.mark("ann", "noodles", created_at="2082-10-05T08:00:00.000000Z")
            store.mark("bob", "noodles", created_at="2082-10-06T08:00:00.000000Z")
            backend.poison("cyd", "noodles")
            backend.settle()
            assert store.parked.count() == 2
            assert store.tally("noodles", ["all"]) == {"all": 1}
        store.rebuild()
        assert store.tally("noodles", ["all", "2082-10"]) == {"all": 2, "2082-10": 2}
        (left,) = store.parked.records()
        assert "2082-02-30" in left.reason
        assert list(store.verify().drifted) == []

    def test_changes_in_flight_are_lag_and_no_drift(self, backend: Backend) -> None:
        store = backend.store
        store.mark("ann", "noodles")
        backend.settle()
        before = store.version()
        store.mark("bob", "noodles")
        assert store.lag()[0] in (1, None)
        assert list(store.verify().drifted) == []
        backend.settle()
        assert store.lag()[0] in (0, None)
        assert before is None or store.version() != before
        status = store.status()
        assert (status.source_rows in (2, None), status.parked) == (True, 0)
