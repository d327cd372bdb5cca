"""The behaviour of every store. Subclass `StoreSuite` and give it a fixture `backend`."""

from collections import Counter
from itertools import groupby, product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallies import Window
from tallies.core.errors import InvalidInput, Unfoldable
from tallies.core.fold import Folder
from tallies.core.times import canonical_time, parse_time
from tallies.favorites.favorite import Event, Favorite
from tallies.stores.protocol import Ranked, TallyRow
from tallies.stores.verified import Drift
from tests.conformance.backend import Backend
from tests.conformance.questions import QuestionsSuite
from tests.length import at_length

ODD_IDS = ["a", "a#b", "a/b", "%23", " ", "🍜 bar", "مطعم", "'; DROP TABLE favorites; --", "all"]
NOW = "2082-11-23T14:05:06.000000Z"
THEN = "2081-01-31T23:59:59.500000Z"

ids = st.sampled_from(["a", "b", "a#b", "🍜"])
times = st.sampled_from([NOW, THEN, "2082-11-22T00:00:00.000000Z", "2082-11-01T00:00:00.000000Z"])
histories = st.lists(
    st.tuples(st.sampled_from(["mark", "mark", "unmark", "note", "step", "load"]), ids, ids, times),
    max_size=25,
)


class StoreSuite(QuestionsSuite):
    """Each test gets a fresh store."""

    def test_a_mark_is_new_once(self, backend: Backend) -> None:
        store = backend.store
        assert store.mark("ann", "noodles") == (Favorite("ann", "noodles", NOW), True)
        backend.clock.move(days=1)
        assert store.mark("ann", "noodles") == (Favorite("ann", "noodles", NOW), False)
        assert store.get("ann", "noodles") == Favorite("ann", "noodles", NOW)
        assert store.get("ann", "pizza") is None
        assert store.get("noodles", "ann") is None

    def test_unmark_removes_what_is_there(self, backend: Backend) -> None:
        store = backend.store
        assert not store.unmark("ann", "noodles")
        store.mark("ann", "noodles")
        assert store.unmark("ann", "noodles")
        assert store.get("ann", "noodles") is None
        backend.settle()
        assert store.windows_of("noodles") == {}

    def test_put_sets_note_and_expiry_and_keeps_the_time(self, backend: Backend) -> None:
        store = backend.store
        later = "2082-12-01T00:00:00.000000Z"
        assert store.put("ann", "noodles", note="best", expires_at=later)[1]
        backend.clock.move(hours=1)
        favorite, new = store.put("ann", "noodles", note=None, expires_at=None)
        assert (favorite, new) == (Favorite("ann", "noodles", NOW), False)
        assert store.get("ann", "noodles") == favorite

    def test_update_changes_only_what_is_given(self, backend: Backend) -> None:
        store = backend.store
        later = "2082-12-01T00:00:00.000000Z"
        assert store.update("ann", "noodles", note="x") is None
        store.put("ann", "noodles", note="first", expires_at=later)
        assert store.update("ann", "noodles", note="second") == Favorite(
            "ann", "noodles", NOW, "second", later
        )
        assert store.update("ann", "noodles", note=None, expires_at=None) == Favorite(
            "ann", "noodles", NOW
        )
        assert store.get("ann", "noodles") == Favorite("ann", "noodles", NOW)
        backend.settle()
        assert store.tally("noodles", ["all"]) == {"all": 1}

    def test_an_expired_favorite_is_gone_at_once_and_counted_out_later(
        self, backend: Backend
    ) -> None:
        store = backend.store
        store.put("ann", "noodles", note=None, expires_at="2082-11-23T15:00:00.000000Z")
        store.mark("bob", "noodles")
        backend.settle()
        backend.clock.move(hours=1)
        assert store.get("ann", "noodles") is None
        assert store.update("ann", "noodles", note="x") is None
        assert store.favorites_of("ann", 10) == []
        backend.expire()
        backend.settle()
        assert store.tally("noodles", ["all"]) == {"all": 1}
        assert store.verify().drifted == []

    def test_a_mark_over_an_expired_favorite_is_new(self, backend: Backend) -> None:
        store = backend.store
        store.put("ann", "noodles", note="old", expires_at="2082-11-23T15:00:00.000000Z")
        store.put("bob", "noodles", note="old", expires_at="2082-11-23T15:00:00.000000Z")
        backend.clock.move(days=1)
        now = canonical_time(backend.clock())
        assert store.mark("ann", "noodles") == (Favorite("ann", "noodles", now), True)
        assert store.put("bob", "noodles", note="new", expires_at=None)[1]
        backend.settle()
        assert store.windows_of("noodles") == {"all": 2, "2082-11": 2, "2082-11-24": 2}
        assert store.verify().drifted == []

    def test_a_users_favorites_come_newest_first_in_pages(self, backend: Backend) -> None:
        store = backend.store
        for index in range(7):
            backend.clock.move(seconds=index % 3)  # some share a time
            store.mark("ann", f"r{9 - index}")
        store.mark("bob", "r1")
        every = store.favorites_of("ann", 100)
        expected = sorted(
            every, key=lambda f: (-parse_time(f.created_at).timestamp(), f.restaurant_id)
        )
        assert [f.restaurant_id for f in every] == [f.restaurant_id for f in expected]
        paged: list[Favorite] = []
        after = None
        while page := store.favorites_of("ann", 2, after):
            paged += page
            after = (page[-1].created_at, page[-1].restaurant_id)
        assert paged == every
        assert len(every) == 7

    @pytest.mark.parametrize("user", ODD_IDS)
    def test_any_id_works_and_none_meets_another(self, backend: Backend, user: str) -> None:
        store = backend.store
        for restaurant in ODD_IDS:
            store.mark(user, restaurant)
        backend.settle()
        assert len(store.favorites_of(user, 100)) == len(ODD_IDS)
        for restaurant in ODD_IDS:
            found = store.get(user, restaurant)
            assert found is not None
            assert (found.user_id, found.restaurant_id) == (user, restaurant)
            assert store.windows_of(restaurant) == {"all": 1, "2082-11": 1, "2082-11-23": 1}
        assert store.verify().drifted == []

    def test_tallies_of_windows_and_history(self, backend: Backend) -> None:
        store = backend.store
        for user, day in product("ab", ("2082-10-31", "2082-11-01", "2082-11-23")):
            store.mark(user + day, "noodles", created_at=f"{day}T08:00:00.000000Z")
        store.mark("c", "noodles", created_at="2082-11-23T00:00:00.000000Z")
        backend.settle()
        assert store.tally("noodles", ["all", "2082-11", "2082-11-22"]) == {
            "all": 7,
            "2082-11": 5,
            "2082-11-22": 0,
        }
        assert store.history("noodles", Window.DAY, "2082-11-01", "2082-11-23") == [
            ("2082-11-01", 2),
            ("2082-11-23", 3),
        ]
        assert store.history("noodles", Window.MONTH, "2082-01", "2082-12") == [
            ("2082-10", 2),
            ("2082-11", 5),
        ]
        assert store.history("pizza", Window.DAY, "2082-11-01", "2082-11-23") == []

    def test_leaderboards_are_most_first_ties_by_id_in_pages_of_any_size(
        self, backend: Backend
    ) -> None:
        store = backend.store
        counts = {"a": 3, "b": 1, "c": 1, "a#b": 1, "d": 2, "🍜": 1, "B": 1}
        for restaurant, count in counts.items():
            for user in range(count):
                store.mark(f"u{user}", restaurant)
        store.mark("x", "gone")
        store.unmark("x", "gone")
        backend.settle()
        expected = sorted((Ranked(*item) for item in counts.items()), key=_place)
        assert store.leaderboard("all", 100) == expected
        assert store.leaderboard("2082-11", 2) == expected[:2]
        assert store.leaderboard("2082-12", 2) == []
        for size in (1, 2, 3, 7):
            paged: list[Ranked] = []
            while page := store.leaderboard("2082-11-23", size, paged[-1] if paged else None):
                assert len(page) <= size
                paged += page
            assert paged == expected

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

    def test_every_row_can_be_read(self, backend: Backend) -> None:
        store = backend.store
        assert list(store.rows()) == []
        for user, restaurant in [("ann", "noodles"), ("bob", "noodles"), ("ann", "fish")]:
            store.mark(user, restaurant)
        backend.poison("bob", "fish")
        backend.settle()
        store.unmark("ann", "fish")
        store.mark("cyd", "pizza", created_at="2081-01-31T00:00:00.000000Z")
        backend.settle()
        windows = [list(map(_values, each)) for _, each in groupby(store.rows(), _group)]
        assert sorted(windows) == [
            [("noodles", "2082-11", 2), ("noodles", "2082-11-23", 2), ("noodles", "all", 2)],
            [("pizza", "2081-01", 1), ("pizza", "2081-01-31", 1), ("pizza", "all", 1)],
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

    def test_init_is_idempotent(self, backend: Backend) -> None:
        backend.store.mark("ann", "noodles")
        assert backend.store.init() is False
        assert backend.store.get("ann", "noodles") is not None

    @given(history=histories)
    @settings(
        max_examples=at_length(40, least=10),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_any_history_equals_group_by(
        self, backend: Backend, history: list[tuple[str, str, str, str]]
    ) -> None:
        backend = backend.again()
        store = backend.store
        model: dict[tuple[str, str], str] = {}
        for index, (action, user, restaurant, time) in enumerate(history):
            match action:
                case "mark":
                    _, new = store.mark(user, restaurant, created_at=time)
                    assert new == ((user, restaurant) not in model)
                    model.setdefault((user, restaurant), time)
                case "unmark":
                    assert store.unmark(user, restaurant) == ((user, restaurant) in model)
                    model.pop((user, restaurant), None)
                case "note":
                    store.update(user, restaurant, note=f"{index}")
                case "load":
                    events = [
                        Event(user, restaurant, time, "mark"),
                        Event(user, "a", time, "unmark"),
                        Event(user, "a", time, "mark"),
                    ]
                    assert list(store.load(events))[-1] == 3
                    model.setdefault((user, restaurant), time)
                    model[user, "a"] = time
                case _:
                    backend.step(1 + index % 3)
        backend.settle()
        expected = Counter(
            (restaurant, window)
            for (_, restaurant), time in model.items()
            for window in ("all", time[:7], time[:10])
        )
        found = {
            (group, window): count
            for group in {restaurant for _, _, restaurant, _ in history} | {"a"}
            for window, count in store.windows_of(group).items()
        }
        assert found == dict(expected)
        assert list(store.verify().drifted) == []
        store.close()


def _place(line: Ranked) -> tuple[int, str]:
    return -int(line.amount), line.group


def _values(row: TallyRow) -> tuple[object, ...]:
    return row.group, row.window, *row.values.values()


def _group(row: TallyRow) -> str:
    return row.group
