"""Questions that every store answers: many at once, places, spans. A part of the suite."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallies.core.boards.spans import Span
from tallies.core.boards.tiling import find_span
from tallies.core.boards.trending import weights_of
from tallies.core.errors import InvalidInput
from tallies.core.tally import Number
from tallies.favorites.favorite import Event
from tallies.stores.protocol import MAX_GROUPS, MAX_OFFSET, BoardPage, Rank, Ranked
from tallies.stores.questions import (
    among,
    check_groups,
    every_leader,
    leaders,
    neighbours,
    numbered,
)
from tests.conformance.backend import Backend
from tests.length import at_length, stride

COUNTS = {"a": 3, "b": 1, "c": 1, "a#b": 1, "d": 2, "🍜": 1, "B": 1, "é": 2}
SPANS = [
    "all",
    "2082-11",
    "2082-11-23",
    "2082-11-22..2082-11-23",
    "2082-10-31..2082-11-23",
    "2082-10..2082-11",
    "2080-02-28..2080-03-01",
    "2080-02..2082-11",
    "2083-01-01..2083-01-05",
    "last-7-days",
    "last-40-days",
    "trending",
    "trending-1-days",
]
DAYS = [
    "2080-02-29",
    "2080-03-01",
    "2082-10-14",
    "2082-10-31",
    "2082-11-01",
    "2082-11-21",
    "2082-11-22",
    "2082-11-23",
    "2083-01-03",
]
marks = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "a#b", "🍜"]), st.sampled_from(DAYS)), max_size=40
)


class QuestionsSuite:
    """Each test gets a fresh store."""

    def test_many_are_as_each_alone(self, backend: Backend) -> None:
        store = backend.store
        put(backend, [(place, "2082-11-22") for place in COUNTS] + [("a", "2082-11-23")])
        windows = ["all", "2082-11", "2082-11-23", "2081"]
        groups = [*COUNTS, "unheard of", "'; --", '"']
        assert store.many(groups, windows) == {g: store.tally(g, windows) for g in groups}
        assert store.many(["a"], []) == {"a": {}}
        assert store.many([], ["all"]) == {}

    def test_many_take_in_a_thousand(self, backend: Backend) -> None:
        names = [f"r{number:04}" for number in range(MAX_GROUPS)]
        counted = names[:: 3 * stride()]
        put(backend, [(name, "2082-11-23") for name in counted])
        found = backend.store.many(names, ["all", "2082-11-23"])
        assert list(found) == names
        assert sum(its["all"] for its in found.values()) == len(counted)
        assert backend.store.many(names[:3], ["all"]) == {
            "r0000": {"all": 1},
            "r0001": {"all": 0},
            "r0002": {"all": 0},
        }

    def test_every_place_is_the_one_that_pages_have(self, backend: Backend) -> None:
        store = backend.store
        put(backend, [(group, "2082-11-23") for group, n in COUNTS.items() for _ in range(n)])
        store.mark("x", "gone")
        store.unmark("x", "gone")
        backend.settle()
        board = store.leaderboard("all", 100)
        assert len(board) == len(COUNTS)
        for index, line in enumerate(board):
            assert store.rank("all", line.group) == Rank(index + 1, len(board), line.amount)
            for limit in (1, 2, 5, 100):
                above = board[max(0, index - limit) : index]
                assert store.above("all", line, limit) == above
        for group in ("gone", "unheard of"):
            assert store.rank("all", group) is None
        assert store.rank("2082-10", "a") is None

    def test_a_page_may_begin_at_a_number(self, backend: Backend) -> None:
        store = backend.store
        put(backend, [(group, "2082-11-23") for group, n in COUNTS.items() for _ in range(n)])
        board = store.leaderboard("all", 100)
        for offset in range(len(board) + 2):
            for limit in (1, 3, 100):
                expected = board[offset : offset + limit]
                assert store.leaderboard("all", limit, offset=offset) == expected
        asked = [BoardPage("all", 2, board[1]), BoardPage("2082-11", 1), BoardPage("2081-01", 9)]
        assert store.leaderboards(asked) == [board[2:4], board[:1], []]

    @given(history=marks, names=st.lists(st.sampled_from(SPANS), min_size=3, max_size=3))
    @settings(
        max_examples=at_length(6, least=2),  # the first is of no marks
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_every_answer_about_a_span_equals_the_full_count(
        self, backend: Backend, history: list[tuple[str, str]], names: list[str]
    ) -> None:
        backend = backend.again()
        store = backend.store
        put(backend, history)
        for name in names:
            span = find_span(name, store.of, backend.clock())
            expected = full_count(backend, span, name, history)
            lines = numbered(expected)
            assert leaders(store, span, 100) == expected
            assert leaders(store, span, 2) == expected[:2]
            assert leaders(store, span, 2, offset=1) == expected[1:3]
            assert every_leader(store, span) == expected
            paged: list[Ranked] = []
            while page := leaders(store, span, 2, paged[-1] if paged else None):
                paged += page
            assert paged == expected
            some = ["c", "unheard of", "b"]
            kept = [line for line in expected if line.group in some]
            assert among(store, span, some) == numbered(kept)
            for group in "a", "b", "nowhere":
                found = neighbours(store, span, group, 1)
                mine = [line for line in lines if line.group == group]
                if not mine:
                    assert found is None
                    continue
                assert found is not None
                assert (found.rank, found.amount) == (mine[0].rank, mine[0].amount)
                assert found.of == len(lines)
                assert list(found.lines) == lines[max(0, mine[0].rank - 2) : mine[0].rank + 1]
        store.close()

    def test_favorites_among_some_restaurants(self, backend: Backend) -> None:
        store = backend.store
        for index, restaurant in enumerate(["a", "b", "c", "a#b"]):
            backend.clock.move(seconds=index % 2)  # some share a time
            store.mark("ann", restaurant)
        store.put("ann", "over", note=None, expires_at="2082-11-23T15:00:00.000000Z")
        store.mark("bob", "d")
        backend.clock.move(hours=1)
        found = store.favorites_among("ann", ["a#b", "unheard of", "a", "d", "over", "c"])
        kept = [row for row in store.favorites_of("ann", 100) if row.restaurant_id != "b"]
        assert found == kept
        assert len(found) == 3
        assert store.favorites_among("ann", []) == []
        many = [f"r{number:04}" for number in range(MAX_GROUPS - 1)]
        assert store.favorites_among("ann", [*many, "b"]) == store.favorites_among("ann", ["b"])

    def test_answers_of_one_moment(self, backend: Backend) -> None:
        put(backend, [("a", "2082-11-23")])
        with backend.store.as_of_now() as now:
            assert now.of == backend.store.of
            assert now.leaderboard("all", 10) == [Ranked("a", 1)]
            assert now.many(["a"], ["all"]) == {"a": {"all": 1}}
            assert now.rank("all", "a") == Rank(1, 1, 1)

    def test_questions_that_are_too_large_are_refused(self, backend: Backend) -> None:
        span = find_span("last-7-days", backend.store.of, backend.clock())
        with pytest.raises(InvalidInput, match="go on with a cursor"):
            leaders(backend.store, span, 1, offset=MAX_OFFSET + 1)
        with pytest.raises(InvalidInput, match="give 1 to 1,000"):
            among(backend.store, span, [])
        with pytest.raises(InvalidInput, match="There are 1,001 groups"):
            check_groups([str(number) for number in range(MAX_GROUPS + 1)])
        with pytest.raises(InvalidInput, match="'a' is there twice"):
            check_groups(["a", "b", "a"])
        with pytest.raises(InvalidInput, match="more than 100,000 numbers"):
            check_groups([str(number) for number in range(MAX_GROUPS)], 101)


def put(backend: Backend, history: list[tuple[str, str]]) -> None:
    """Mark each of the restaurants on its day, and count."""
    events = (
        Event(f"user {index}", restaurant, f"{day}T12:00:00.000000Z")
        for index, (restaurant, day) in enumerate(history)
    )
    for _ in backend.store.load(events):
        pass
    backend.settle()


def full_count(
    backend: Backend, span: Span, name: str, history: list[tuple[str, str]]
) -> list[Ranked]:
    """The slow, obvious answer, from days alone."""
    today = backend.clock().date()
    if name.startswith("trending"):
        weights = weights_of(1 if "-1-" in name else 3)
        weight_of = {
            f"{today - timedelta(days=age)}": Decimal(weight) / 10**6
            for age, weight in enumerate(weights)
        }
    elif ".." in span.name:
        first, last = span.name.split("..")
        weight_of = {day: Decimal(first <= day[: len(first)] <= last) for day in DAYS}
    else:
        weight_of = {day: Decimal(name == "all" or day.startswith(name)) for day in DAYS}
    found: dict[str, Number] = {}
    for restaurant, day in history:
        found[restaurant] = found.get(restaurant, 0) + weight_of.get(day, Decimal(0))
    lines = [Ranked(group, amount) for group, amount in found.items() if amount]
    return sorted(lines, key=lambda line: (-line.amount, line.group))
