"""The lag in seconds, with clocks that are ahead, behind, and set in mid-life."""

import sqlite3
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.stores.sqlite.source.lag import MAX_LOOKS, LagWatch

HOURS = 3600.0


class Watch:
    def __init__(self) -> None:
        self.now = 500.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("wrong", [0.0, 2 * HOURS, -2 * HOURS])
def test_who_has_looked_before_knows_the_age_whatever_the_clocks_say(wrong: float) -> None:
    watch = Watch()
    lag = LagWatch(watch)
    assert lag.age(position=5, end=5, by_clock=0.0) == 0.0
    watch.now += 1  # the sixth record is written here
    watch.now += 1
    found = lag.age(5, 6, 1.0 + wrong)
    assert found is None if wrong < 0 else found == (1.0 if not wrong else 2.0)
    watch.now += 10
    found = lag.age(5, 7, 11.0 + wrong)
    assert found is not None
    assert 10.0 <= found <= 12.0
    assert lag.age(7, 7, 0.0) == 0.0


def test_a_first_look_goes_by_the_clocks_unless_they_contradict_each_other() -> None:
    assert LagWatch().age(0, 2, 30.0) == 30.0
    assert LagWatch().age(0, 2, -7200.0) is None
    assert LagWatch().age(0, 2, -0.001) == 0.0


def test_a_clock_that_is_set_in_mid_life() -> None:
    watch = Watch()
    lag = LagWatch(watch)
    lag.age(0, 0, 0.0)
    ages = []
    for second in range(1, 20):
        watch.now += 1
        step = 2 * HOURS if 5 <= second < 10 else -2 * HOURS if 10 <= second < 15 else 0.0
        age = lag.age(0, 1, second - 0.5 + step)
        assert age is not None
        ages.append(age - (second - 0.5))
    assert all(-0.5 <= off <= 0.5 for off in ages)


@given(
    st.lists(
        st.tuples(st.floats(0, 10), st.integers(0, 3), st.integers(0, 3), st.floats(-1e4, 1e4)),
        max_size=60,
    )
)
def test_it_is_never_outside_of_what_was_seen(turns: list[tuple[float, int, int, float]]) -> None:
    watch = Watch()
    lag = LagWatch(watch)
    lag.age(0, 0, 0.0)
    written: list[float] = []
    seen = [(0, watch.now)]
    position = 0
    for seconds, writes, applies, skew in turns:
        written += [watch.now] * writes
        watch.now += seconds
        position = min(position + applies, len(written))
        due = written[position] if position < len(written) else None
        age = lag.age(position, len(written), 0.0 if due is None else watch.now - due + skew)
        if due is None:
            assert age == 0.0
        elif age is not None:
            after = max(at for end, at in seen if end <= position)
            first = min([at for end, at in seen if end > position] or [watch.now])
            assert watch.now - first - 1e-6 <= age <= max(watch.now - after, 0) + 1e-6
        seen.append((len(written), watch.now))


def test_it_remembers_no_more_than_it_has_to() -> None:
    watch = Watch()
    lag = LagWatch(watch)
    for end in range(20 * MAX_LOOKS):
        watch.now += 1
        lag.age(0, end, -7200.0)
    assert len(lag._looks) <= MAX_LOOKS
    assert lag.age(0, end, -7200.0) == pytest.approx(20 * MAX_LOOKS, rel=0.1)


def test_the_newest_look_is_never_forgotten() -> None:
    for looks in range(MAX_LOOKS - 2, MAX_LOOKS + 3):
        watch = Watch()
        lag = LagWatch(watch)
        for end in range(1, looks + 1):
            watch.now += 1
            lag.age(0, end, -7200.0)
        watch.now += 5
        assert lag.age(looks - 1, looks, 5.0) == 5.0


def test_the_log_of_another_file() -> None:
    lag = LagWatch()
    lag.age(50, 100, 5.0)
    assert lag.age(1, 2, 7.0) == 7.0


@pytest.mark.parametrize("days", [1, -1])
def test_a_store_written_by_a_clock_that_was_off_by_a_day(tmp_path: Path, days: int) -> None:
    path = tmp_path / "s.db"
    with SqliteFavorites(path) as store:
        store.init()
        started = monotonic()
        assert store.lag() == (0, 0.0)
        store.mark("ann", "noodles")
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE tallies_log SET logged_at = logged_at + ?", (days,))
        records, _ = store.lag()
        assert records == 1
        sleep(0.05)
        records, seconds = store.lag()
        assert records == 1
        assert seconds is not None
        assert 0.05 <= seconds < monotonic() - started
    with SqliteFavorites(path) as store:
        seconds = store.status().lag_seconds
        if days > 0:
            assert seconds is None
        else:
            assert seconds is not None
            assert seconds > 86_000
