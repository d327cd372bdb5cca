"""The made-up city, the catalogue, and replays."""

import gzip
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from tallies.core.errors import InvalidInput
from tallies.core.times import canonical_time
from tallies.favorites.catalogue import Restaurant, read_names
from tallies.favorites.city import DAYS, City, restaurants
from tallies.favorites.replay import replay
from tallies.stores.protocol import Event

NOW = datetime(2026, 11, 23, 14, tzinfo=UTC)


def test_the_city_has_some_sixty_restaurants_with_names_and_cuisines() -> None:
    found = restaurants()
    assert len(found) == 60
    assert len({entry.name for entry in found.values()}) == 60
    assert all(entry.cuisine and entry.id == id_ for id_, entry in found.items())


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
    taken_back = 0
    for event in events:
        if event.op == "mark":
            liked.add((event.user_id, event.restaurant_id))
        else:
            liked.remove((event.user_id, event.restaurant_id))  # only what was marked
            taken_back += 1
    assert taken_back > 1000
    lunch = sum(time[11:13] == "12" for time in times)
    night = sum(time[11:13] == "04" for time in times)
    assert lunch > 5 * night


def test_live_goes_on_a_few_times_a_second() -> None:
    city = City()
    assert list(city.history(NOW))
    waits = [wait for wait, _ in islice(city.live(), 2000)]
    assert 1 < 2000 / sum(waits) < 10
    assert {event.op for _, event in islice(city.live(), 200)} == {"mark", "unmark"}


def test_a_replay_keeps_the_logs_pace_made_faster() -> None:
    times = [NOW, NOW + timedelta(hours=1), NOW, NOW + timedelta(hours=2)]
    events = [Event("a", "b", canonical_time(time)) for time in times]
    assert [wait for wait, _ in replay(events, speed=3600)] == [0, 1, 0, 1]


def test_names_are_read(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("restaurant_id,name,cuisine\na,Äpfel & Co,Deli\nb,Bar,\n", "utf-8-sig")
    assert read_names(path) == {
        "a": Restaurant("a", "Äpfel & Co", "Deli"),
        "b": Restaurant("b", "Bar"),
    }
    packed = tmp_path / "names.csv.gz"
    packed.write_bytes(gzip.compress(b'restaurant_id,favorites,title\n1,0,"What, where?"\n'))
    assert read_names(packed) == {"1": Restaurant("1", "What, where?")}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "first line"),
        (b"id,name\n", "first line"),
        (b"restaurant_id,name\na\n", "line 2"),
        (b"restaurant_id,name\n,x\n", "line 2"),
        (b"restaurant_id,name\na\0,x\n", "U+0000"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"\x1f\x8b\x08torn", "gzip"),
    ],
)
def test_names_that_cannot_be_read(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "names.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as error:
        read_names(path)
    assert words in str(error.value)
