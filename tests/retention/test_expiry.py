"""Field case 4, on the real stores: a window that is over goes, and nothing brings it back."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from tests.length import at_length
from tests.retention.conftest import Keeping

KEPT = {"day": timedelta(days=2), "hour": timedelta(0)}
LENGTHS = {10: "day", 13: "hour"}
"""By the length of a window's name: 2082-11-23, 2082-11-23T14."""


def end_of(window: str) -> datetime | None:
    """When a window is no longer kept, by hand."""
    kind = LENGTHS.get(len(window))
    if kind is None:
        return None
    start = datetime.fromisoformat(window if kind == "day" else f"{window}:00").replace(tzinfo=UTC)
    return start + (timedelta(days=1) if kind == "day" else timedelta(hours=1)) + KEPT[kind]


def test_case_4_a_late_removal_makes_no_negative_row(keeping: Keeping) -> None:
    store = keeping.store
    for user in ("ann", "bob", "cyd"):
        store.mark(user, "noodles")
    keeping.settle()
    assert store.windows_of("noodles") == dict.fromkeys(
        ["all", "2082-11", "2082-11-23", "2082-11-23T14"], 3
    )
    keeping.clock.move(days=3)
    store.unmark("ann", "noodles")  # its day is over, and its row is still there
    keeping.settle()
    keeping.clock.move(days=1)
    keeping.retire()
    assert store.windows_of("noodles") == {"all": 2, "2082-11": 2}
    store.unmark("bob", "noodles")  # its day's row is gone
    keeping.settle()
    assert store.windows_of("noodles") == {"all": 1, "2082-11": 1}
    assert store.leaderboard("2082-11-23", 10) == []
    store.unmark("cyd", "noodles")
    keeping.settle()
    assert store.windows_of("noodles") == {}
    assert store.verify().drifted == []
    assert store.rebuild().drifted == []
    assert store.windows_of("noodles") == {}


def test_what_is_marked_for_a_window_that_is_over_does_not_open_it_again(keeping: Keeping) -> None:
    store = keeping.store
    store.mark("ann", "noodles", created_at="2082-11-20T08:00:00.000000Z")
    store.mark("bob", "noodles", created_at="2082-11-22T08:00:00.000000Z")
    keeping.settle()
    windows = {"all": 2, "2082-11": 2, "2082-11-22": 1}
    assert store.windows_of("noodles") == windows
    store.rebuild()  # a seed does not bring it back, either
    assert store.windows_of("noodles") == windows


@pytest.mark.parametrize("seed", range(5))
def test_case_4_no_history_goes_below_zero_or_comes_back(keeping: Keeping, seed: int) -> None:
    dice = Random(seed)
    store, clock = keeping.store, keeping.clock
    rows: dict[tuple[str, str], str] = {}
    for _ in range(at_length(80, least=40)):
        user, restaurant = f"u{dice.randrange(6)}", f"r{dice.randrange(3)}"
        match dice.randrange(6):
            case 0 | 1:
                favorite, _ = store.mark(user, restaurant)
                rows[user, restaurant] = favorite.created_at
            case 2 | 3:
                assert store.unmark(user, restaurant) == ((user, restaurant) in rows)
                rows.pop((user, restaurant), None)
            case 4:
                clock.move(hours=dice.choice([0.3, 1, 20, 50]))
            case _:
                keeping.step(dice.randrange(1, 6))
        if dice.random() < 0.2:
            keeping.retire()
        assert all(min(row.values.values()) > 0 for row in store.rows())
    keeping.settle()
    keeping.retire()
    assert store.verify().drifted == []
    there = {
        (row.group, row.window): row.values["favorites"]
        for row in store.rows()
        if (end := end_of(row.window)) is None or end > clock()
    }
    expected = Counter(
        (restaurant, window)
        for (_, restaurant), at in rows.items()
        for window in ("all", at[:7], at[:10], at[:13])
        if (end := end_of(window)) is None or end > clock()
    )
    assert there == dict(expected)
    clock.move(days=40)
    keeping.retire()
    assert {len(row.window) for row in store.rows()} <= {len("all"), len("2082-11")}
