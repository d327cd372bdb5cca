"""Two real logs. Sources and licences: the README beside them."""

import csv
import gzip
import json
from collections import Counter
from pathlib import Path

from tallies.favorites.on_sqlite import SqliteFavorites
from tests.cli.command import tallies
from tests.length import at_length


def rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def test_all_time_tallies_equal_the_sites_own_counts(data: Path, tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/travel.db"
    loaded = tallies("load", data / "travel-favorites.csv.gz", store=store)
    assert (loaded.code, loaded.out) == (0, "11,996 events loaded\n")
    expected = rows(data / "travel-expected.csv.gz")
    assert len(expected) == 25_346
    with SqliteFavorites(tmp_path / "travel.db") as opened:
        wrong = [
            row["restaurant_id"]
            for row in expected
            if opened.tally(row["restaurant_id"], ["all"]) != {"all": int(row["favorites"])}
        ]
    assert wrong == []
    verified = tallies("verify", "--json", store=store)
    assert verified.code == 0
    assert json.loads(verified.out)["drifted"] == []


def test_replay_of_real_repeats_and_unmarks_equals_group_by(data: Path, tmp_path: Path) -> None:
    log = data / "retail-marks.csv.gz"
    with gzip.open(log, "rt", encoding="utf-8", newline="") as text:
        lines = text.readlines()
    assert len(lines) == 1 + 406_829
    taken = at_length(406_829)
    if taken < 406_829:
        log = tmp_path / "first.csv.gz"
        with gzip.open(log, "wt", encoding="utf-8", newline="", compresslevel=1) as text:
            text.writelines(lines[: 1 + taken])
    events = list(csv.DictReader(lines[: 1 + taken]))
    assert {event["op"] for event in events} == {"mark", "unmark"}
    favorites: dict[tuple[str, str], str] = {}
    for event in events:
        key = event["user_id"], event["restaurant_id"]
        if event["op"] == "mark":
            favorites.setdefault(key, event["created_at"])
        else:
            favorites.pop(key, None)
    expected = Counter(
        (restaurant, window)
        for (_, restaurant), time in favorites.items()
        for window in ("all", time[:7], time[:10])
    )
    store = f"sqlite:///{tmp_path}/retail.db"
    loaded = tallies("load", log, store=store)
    assert (loaded.code, loaded.out) == (0, f"{taken:,} events loaded\n")
    with SqliteFavorites(tmp_path / "retail.db") as opened:
        found = {
            (restaurant, window): count
            for restaurant in {event["restaurant_id"] for event in events}
            for window, count in opened.windows_of(restaurant).items()
        }
        board = opened.leaderboard("all", 1000)
    assert found == dict(expected)
    everything = [(r, n) for (r, window), n in expected.items() if window == "all"]
    everything.sort(key=lambda line: (-line[1], line[0]))
    assert [tuple(line) for line in board] == everything[:1000]
    assert tallies("verify", store=store).code == 0
