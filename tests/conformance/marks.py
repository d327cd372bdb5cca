"""Favorites that users mark, change and unmark, as every store keeps them. A part of the suite."""

from itertools import product

from tallies.core.times import canonical_time, parse_time
from tallies.favorites.favorite import Favorite
from tests.conformance.backend import Backend

ODD_IDS = ["a", "a#b", "a/b", "%23", " ", "🍜 bar", "مطعم", "'; DROP TABLE favorites; --", "all"]
NOW = "2082-11-23T14:05:06.000000Z"


class MarksSuite:
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

    def test_any_id_works_and_none_meets_another(self, backend: Backend) -> None:
        store = backend.store
        for user, restaurant in product(ODD_IDS, ODD_IDS):
            assert store.mark(user, restaurant)[1]
        backend.settle()
        for user, restaurant in product(ODD_IDS, ODD_IDS):
            found = store.get(user, restaurant)
            assert found is not None
            assert (found.user_id, found.restaurant_id) == (user, restaurant)
        for user in ODD_IDS:
            listed = [favorite.restaurant_id for favorite in store.favorites_of(user, 100)]
            assert sorted(listed) == sorted(ODD_IDS)
        users = len(ODD_IDS)
        for restaurant in ODD_IDS:
            counts = {"all": users, "2082-11": users, "2082-11-23": users}
            assert store.windows_of(restaurant) == counts
        assert store.verify().drifted == []
