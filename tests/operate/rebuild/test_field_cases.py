"""Cases of the field that a rebuild answers, one by one, on the real stores."""

import json
from collections import Counter
from dataclasses import replace

from tallies.core.declaration.declaration import Declaration
from tallies.core.windows import Window
from tallies.favorites.favorite import Event
from tallies.favorites.tally import FAVORITES
from tests.conformance.backend import Backend

MONTHLY = replace(FAVORITES, windows=(Window.ALL, Window.MONTH), ranked=(Window.MONTH,))
DAYS = ("2082-11-22", "2082-11-23")


def amounts(backend: Backend) -> dict[tuple[str, str], int]:
    return {(row.group, row.window): int(row.values["favorites"]) for row in backend.store.rows()}


def test_case_6_a_table_with_history_is_seeded_under_traffic(backend: Backend) -> None:
    """What is written before the seed, during each of its steps, and after it, counts once."""
    store = backend.store
    history = [
        Event(f"u{user}", f"r{user % 5}", f"{DAYS[user % 2]}T08:00:00.000000Z")
        for user in range(40)
    ]
    for _ in store.load(history):
        pass
    steps = []

    def write(what: str, done: int, total: int | None) -> None:
        steps.append(what)
        store.mark(f"during {len(steps)}", "r1", created_at="2082-11-23T08:00:00.000000Z")
        store.unmark(f"u{len(steps)}", f"r{len(steps) % 5}")
        backend.step(3)

    backend.step(10)
    for window in ("all", "2082-11", *DAYS):
        backend.plant("r1", window, 77)
    assert store.rebuild(progress=write).drifted
    assert steps
    backend.settle()
    assert list(store.verify().drifted) == []
    expected = Counter({"r0": 8, "r1": 8, "r2": 8, "r3": 8, "r4": 8})
    expected["r1"] += len(steps)
    expected.subtract(f"r{number % 5}" for number in range(1, len(steps) + 1))
    assert dict(store.leaderboard("all", 10)) == dict(expected)


def test_case_7_what_seed_and_stream_both_have_counts_once(backend: Backend) -> None:
    """None, some or all of the records have been applied when the seed reads the table."""
    store = backend.store
    for applied in (0, 3, 100):
        group = f"after {applied}"
        for user in range(9):
            store.mark(f"u{user}", group)
        if applied:
            backend.step(applied)
        store.rebuild()
        backend.settle()
        assert store.tally(group, ["all"]) == {"all": 9}
        assert list(store.verify().drifted) == []


def test_case_8_drift_of_any_kind_is_found_exactly_and_mended_exactly(backend: Backend) -> None:
    store = backend.store
    for user in range(6):
        store.mark(f"u{user}", f"r{user % 3}")
    backend.settle()
    right = amounts(backend)
    backend.plant("r0", "all", 9)  # counted twice, or more
    backend.plant("r1", "2082-11", 1)  # lost in part
    backend.plant("r2", "2082-11-23", 0)  # lost whole
    backend.plant("r2", "2019-01", 4)  # a window in which nothing was
    backend.plant("ghost", "all", 3)  # a restaurant that nobody ever marked
    wrong = [
        ("ghost", "all", 0, 3),
        ("r0", "all", 2, 9),
        ("r1", "2082-11", 2, 1),
        ("r2", "2019-01", 0, 4),
        ("r2", "2082-11-23", 2, 0),
    ]
    assert sorted(drift[:4] for drift in store.verify().drifted) == wrong
    assert sorted(drift[:4] for drift in store.rebuild().drifted) == wrong
    assert amounts(backend) == right
    assert store.rebuild().drifted == []


def test_case_9_a_redefinition_needs_no_items_sent_again(backend: Backend) -> None:
    """Rows that were written long before, and are not touched, are in the new windows."""
    store = backend.store
    for user in range(6):
        store.mark(f"u{user}", "noodles", created_at="2081-02-03T08:00:00.000000Z")
    backend.settle()
    weekly = replace(FAVORITES, windows=(Window.WEEK, Window.YEAR), ranked=(Window.WEEK,))
    store.rebuild(Declaration([weekly]))
    assert store.windows_of("noodles") == {"2081": 6, "2081-W06": 6}
    assert [tuple(line) for line in store.leaderboard("2081-W06", 3)] == [("noodles", 6)]
    assert store.lag()[0] in (0, None)
    assert list(store.verify().drifted) == []


def test_case_12_what_could_not_be_counted_is_kept_whole(backend: Backend) -> None:
    """No pointer into a stream that forgets: the record itself, and why, and a way to decide."""
    store = backend.store
    backend.poison("bob", "noodles")
    store.mark("ann", "noodles")
    backend.settle()
    (record,) = store.parked.records()
    content = json.dumps(record.content)
    assert all(part in content for part in ("bob", "noodles", "2082-02-30T00:00:00.000000Z"))
    assert "2082-02-30" in record.reason
    assert store.tally("noodles", ["all"]) == {"all": 1}
    # A rebuild neither counts it nor lets it go.
    assert store.rebuild().drifted == []
    assert [each.id for each in store.parked.records()] == [record.id]
    store.parked.discard(record.id)
    assert store.parked.count() == 0
    assert list(store.verify().drifted) == []


def test_case_15_a_daily_view_added_beside_a_monthly_one_doubles_nothing(backend: Backend) -> None:
    store = backend.store
    store.rebuild(Declaration([MONTHLY]))
    for user in range(8):
        store.mark(f"u{user}", "noodles", created_at=f"{DAYS[user % 2]}T08:00:00.000000Z")
    backend.settle()
    assert store.windows_of("noodles") == {"all": 8, "2082-11": 8}
    store.mark("late", "noodles")  # on its way while the daily view is built

    def look(*_: object) -> None:
        assert store.tally("noodles", ["2082-11"])["2082-11"] in (8, 9)
        backend.step(1)

    store.rebuild(Declaration([FAVORITES]), progress=look)
    backend.settle()
    assert store.windows_of("noodles") == {
        "all": 9,
        "2082-11": 9,
        "2082-11-22": 4,
        "2082-11-23": 5,
    }
    assert list(store.verify().drifted) == []
