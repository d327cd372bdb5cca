"""The behaviour of every store. Subclass `StoreSuite` and give it a fixture `backend`."""

from collections import Counter
from itertools import groupby, product

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallies import Window
from tallies.favorites.favorite import Event
from tallies.stores.protocol import Ranked, TallyRow
from tests.conformance.backend import Backend
from tests.conformance.marks import MarksSuite
from tests.conformance.mending import MendingSuite
from tests.conformance.questions import QuestionsSuite
from tests.length import at_length

NOW = "2082-11-23T14:05:06.000000Z"
THEN = "2081-01-31T23:59:59.500000Z"

ids = st.sampled_from(["a", "b", "a#b", "🍜"])
times = st.sampled_from([NOW, THEN, "2082-11-22T00:00:00.000000Z", "2082-11-01T00:00:00.000000Z"])
histories = st.lists(
    st.tuples(st.sampled_from(["mark", "mark", "unmark", "note", "step", "load"]), ids, ids, times),
    max_size=25,
)


class StoreSuite(MarksSuite, MendingSuite, QuestionsSuite):
    """Each test gets a fresh store."""

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
