"""`kill -9` at any moment loses nothing acknowledged and counts nothing twice."""

import os
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import pytest

from tallies import Count, Declaration, Sum, Tally
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.stores.sqlite import SqliteStore
from tests.length import at_length

ROUNDS = int(os.environ.get("TALLIES_KILL_ROUNDS", at_length(12, least=4)))
WRITERS = 2
AGGREGATORS = 2


def start(*arguments: str, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.sqlite.actors", *arguments], stdout=out
        )


def acknowledged(log: Path) -> tuple[dict[tuple[str, str], bool], set[tuple[str, str]]]:
    """What the writers were told is so, and the rows whose last act nobody answered for."""
    known: dict[tuple[str, str], bool] = {}
    open_: set[tuple[str, str]] = set()
    # What follows the last line break is torn: the process was killed while it wrote.
    for line in log.read_text().split("\n")[:-1]:
        said, op, user, restaurant = line.split(" ")
        if said == "try":
            open_.add((user, restaurant))
        else:
            open_.discard((user, restaurant))
            known[user, restaurant] = op == "mark"
    return known, open_


@pytest.mark.slow
def test_killing_writers_and_aggregators_in_a_loop(tmp_path: Path) -> None:
    choose = random.Random(11)
    path = tmp_path / "favorites.db"
    known: dict[tuple[str, str], bool] = {}
    unsure: set[tuple[str, str]] = set()
    with SqliteFavorites(path) as store:
        store.init()
        aggregators = [
            start("aggregate", str(path), log=tmp_path / "aggregators") for _ in range(AGGREGATORS)
        ]
        for number in range(ROUNDS):
            logs = [tmp_path / f"writer-{number}-{index}" for index in range(WRITERS)]
            writers = [
                start("write", str(path), f"u{index}", str(choose.random())[2:], log=log)
                for index, log in enumerate(logs)
            ]
            wait_for_lines(logs, 40)
            sleep(choose.random() * 0.05)  # the moment of the kill is the point of this test
            for victim in [*writers, aggregators[0]]:
                victim.kill()
                victim.wait()
            aggregators = [
                *aggregators[1:],
                start("aggregate", str(path), log=tmp_path / "aggregators"),
            ]
            for log in logs:
                told, open_ = acknowledged(log)
                unsure = {row for row in unsure if row not in told} | open_
                known |= told
            for row in list(unsure):  # done or not, nobody was told: the table says which
                known[row] = store.get(*row) is not None
            assert_rows(store, known)
        for aggregator in aggregators:
            aggregator.kill()
            aggregator.wait()
        verified = store.verify()
        assert list(verified.drifted) == []
        aggregator_of_last_resort = store.aggregator()
        while aggregator_of_last_resort.step().records:
            pass
        expected = Counter(restaurant for (_, restaurant), there in known.items() if there)
        assert dict(store.leaderboard("all", 100)) == dict(expected)
        assert list(store.verify().drifted) == []
        assert store.position() == store.end_of_log() > 40 * ROUNDS


@pytest.mark.slow
def test_killing_those_who_write_to_a_declared_table(tmp_path: Path) -> None:
    choose = random.Random(12)
    path = tmp_path / "shops.db"
    tally = Tally(
        name="cities", group_by=("city",), measures={"shops": Count(), "amount": Sum("amount")}
    )
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE shops (id INTEGER PRIMARY KEY, city TEXT, amount INT)")
    with SqliteStore(path, Declaration([tally], "shops")) as store:
        store.init()
        counters = [start("count", str(path), log=tmp_path / "counters") for _ in range(2)]
        for number in range(ROUNDS // 2):
            logs = [tmp_path / f"writer-{number}-{index}" for index in range(WRITERS)]
            writers = [
                start("change", str(path), str(choose.random())[2:], log=log) for log in logs
            ]
            wait_for_lines(logs, 40)
            sleep(choose.random() * 0.05)  # the moment of the kill is the point of this test
            for victim in [*writers, counters[0]]:
                victim.kill()
                victim.wait()
            counters = [*counters[1:], start("count", str(path), log=tmp_path / "counters")]
            assert list(store.verify().drifted) == []
        for counter in counters:
            counter.kill()
            counter.wait()
        aggregator = store.aggregator()
        while aggregator.step().records:
            pass
        found = {
            row.group: (row.values["shops"], row.values["amount"])
            for row in store.tallies()["cities"].rows()
        }
        assert list(store.verify().drifted) == []
    with closing(sqlite3.connect(path)) as connection:
        expected = connection.execute(
            "SELECT city, count(*), sum(amount) FROM shops GROUP BY city"
        ).fetchall()
    assert found == {city: (shops, amount) for city, shops, amount in expected}


def wait_for_lines(logs: list[Path], count: int) -> None:
    deadline = monotonic() + 60
    while any(not log.exists() or log.read_bytes().count(b"\n") < count for log in logs):
        assert monotonic() < deadline, "the writers do not write"
        sleep(0.01)


def assert_rows(store: SqliteFavorites, known: dict[tuple[str, str], bool]) -> None:
    for (user, restaurant), there in known.items():
        assert (store.get(user, restaurant) is not None) == there, (user, restaurant)
