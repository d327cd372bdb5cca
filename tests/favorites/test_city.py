"""The made-up city, and replays."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallies.core.times import canonical_time
from tallies.favorites.city import DAYS, City, restaurants
from tallies.favorites.favorite import Event
from tallies.favorites.logs.replay import replay

NOW = datetime(2026, 11, 23, 14, tzinfo=UTC)


def test_the_city_has_some_sixty_restaurants_with_names_and_cuisines() -> None:
    found = restaurants()
    assert len(found) == 60
    assert len({entry.name for entry in found.values()}) == 60
    assert all(entry.cuisine and entry.id == id_ for id_, entry in found.items())
    cuisines = Counter(entry.cuisine for entry in found.values())
    assert min(cuisines.values()) >= 2, "a filter by cuisine has something to order"


def test_one_seed_is_one_city() -> None:
    assert list(City(3).history(NOW)) == list(City(3).history(NOW))
    assert list(City(3).history(NOW)) != list(City(4).history(NOW))
    assert list(islice(City(3).live(), 50)) == list(islice(City(3).live(), 50))


def test_its_history_is_in_order_and_in_the_past_and_has_changes_of_mind() -> None:
    events = list(City().history(NOW))
    times = [event.created_at for event in events]
    assert times == sorted(times)
    assert canonical_time(NOW - timedelta(days=DAYS)) <= times[0]
    assert times[-1] < canonical_time(NOW)
    liked: set[tuple[str, str]] = set()
    given_up: set[tuple[str, str]] = set()
    again = 0
    for user, restaurant, _, op in events:
        liking = user, restaurant
        if op == "mark":
            again += liking in given_up
            given_up.discard(liking)
            liked.add(liking)
        else:
            liked.remove(liking)  # only what was marked
            given_up.add(liking)
    assert len(given_up) > 1000
    assert again > 1000
    lunch = sum(time[11:13] == "12" for time in times)
    night = sum(time[11:13] == "04" for time in times)
    assert lunch > 5 * night


def test_live_goes_on_a_few_times_a_second() -> None:
    city = City()
    assert list(city.history(NOW))
    waits = [wait for wait, _ in islice(city.live(), 2000)]
    assert 1 < 2000 / sum(waits) < 10
    assert {event.op for _, event in islice(city.live(), 200)} == {"mark", "unmark"}


def test_live_takes_back_what_the_history_has_marked_and_moves_ranks() -> None:
    city = City()
    liked: set[tuple[str, str]] = set()
    counts: Counter[str] = Counter()

    def happens(event: Event) -> list[str]:
        liking = event.user_id, event.restaurant_id
        if event.op == "unmark":
            liked.remove(liking)
            counts[event.restaurant_id] -= 1
        elif liking not in liked:
            liked.add(liking)
            counts[event.restaurant_id] += 1
        return sorted(counts, key=lambda id_: (-counts[id_], id_))[:25]

    for event in city.history(NOW):
        happens(event)
    orders = [happens(event) for _, event in islice(city.live(), 1000)]
    assert sum(before != after for before, after in pairwise(orders)) >= 5


@pytest.mark.slow
@given(st.integers(), st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))
@settings(max_examples=5, deadline=None)
def test_whatever_seed_and_moment_the_city_has_a_past(seed: int, now: datetime) -> None:
    events = list(City(seed).history(now.replace(tzinfo=UTC)))
    assert 40_000 < len(events) < 70_000
    assert all(event.created_at < canonical_time(now.replace(tzinfo=UTC)) for event in events)


def test_a_replay_keeps_the_logs_pace_made_faster() -> None:
    times = [NOW, NOW + timedelta(hours=1), NOW, NOW + timedelta(hours=2)]
    events = [Event("a", "b", canonical_time(time)) for time in times]
    assert [wait for wait, _ in replay(events, speed=3600)] == [0, 1, 0, 1]
