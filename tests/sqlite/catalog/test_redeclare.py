"""A declaration that changes on a live file, with writers and aggregators in other processes."""

import json
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tallies.core.declaration.declaration import Declaration, spec_of
from tallies.core.errors import InvalidTally, WrongStore
from tallies.core.tally import Count, Tally
from tallies.core.windows import Window, window_name
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.favorites.tally import FAVORITES
from tests.sqlite.snapshot.test_rebuild import ROUNDS, busy

EVERY_WINDOW = tuple(Window)
DECLARED = {
    "every window": replace(FAVORITES, windows=EVERY_WINDOW, ranked=EVERY_WINDOW),
    "by hour": replace(FAVORITES, windows=(Window.HOUR,), ranked=()),
    "far east": replace(FAVORITES, windows=EVERY_WINDOW, ranked=(), zone="Pacific/Chatham"),
    "favorites": FAVORITES,
}
REBUILD = """
import json, sys
from tallies.core.declaration.declaration import Declaration, tally_of
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.stores.sqlite.snapshot import mend
mend.ROWS_AT_A_TIME = 3
def report(what, done, total):
    print(what, done, flush=True)
with SqliteFavorites(sys.argv[1]) as store:
    print("begins", flush=True)
    store.rebuild(Declaration([tally_of(json.loads(sys.argv[2]))]), progress=report)
"""


def expected(path: Path, tally: Tally) -> dict[tuple[str, str], int]:
    """GROUP BY over the source."""
    found: Counter[tuple[str, str]] = Counter()
    with closing(sqlite3.connect(path)) as connection:
        for restaurant, created in connection.execute(
            "SELECT restaurant_id, created_at FROM favorites"
        ):
            local = datetime.fromisoformat(created).astimezone(ZoneInfo(tally.zone))
            found.update((restaurant, window_name(kind, local)) for kind in tally.windows)
    return dict(found)


def rows(store: SqliteFavorites) -> dict[tuple[str, str], int]:
    return {(group, window): int(values["favorites"]) for group, window, values in store.rows()}


def settle(store: SqliteFavorites) -> None:
    aggregator = store.aggregator()
    while (applied := aggregator.step()).records or applied.duplicates:
        pass


def test_declarations_follow_one_another_while_all_goes_on(tmp_path: Path) -> None:
    dice = random.Random(7)
    path = tmp_path / "favorites.db"
    with SqliteFavorites(path) as store:
        store.init()
        with busy(path, tmp_path):
            for _ in range(ROUNDS // 3):
                tally = DECLARED[dice.choice(list(DECLARED))]
                spec = json.dumps(spec_of(tally))
                command = [sys.executable, "-c", REBUILD, str(path), spec]
                with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                    assert process.stdout is not None
                    for _ in range(dice.randrange(1, 8)):
                        process.stdout.readline()
                    process.kill()
                assert store.verify().drifted == []
                store.rebuild(Declaration([tally]))
                assert store.of.windows == tally.windows
                assert store.verify().drifted == []
        settle(store)
        assert rows(store) == expected(path, store.of)


@pytest.mark.parametrize("name", DECLARED)
def test_rows_of_every_declaration_are_those_of_group_by(tmp_path: Path, name: str) -> None:
    dice = random.Random(name)
    path = tmp_path / "s.db"
    tally = DECLARED[name]
    with SqliteFavorites(path, Declaration([tally])) as store:
        store.init()
        for number in range(300):
            moment = datetime(1971, 1, 1, tzinfo=UTC) + timedelta(
                seconds=dice.randrange(60 * 365 * 86_400)
            )
            at = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
            store.mark(f"u{number}", f"r{number % 9}", created_at=at)
            if number % 50 == 0:
                settle(store)
        for number in range(0, 300, 3):
            store.unmark(f"u{number}", f"r{number % 9}")
        assert store.verify().drifted == []  # with records on their way
        settle(store)
        assert rows(store) == expected(path, tally)
        assert store.verify().drifted == []


def test_readers_see_the_old_tally_until_the_new_one_is_whole(tmp_path: Path) -> None:
    seen: list[Any] = []
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        for number in range(500):
            store.mark(f"u{number}", f"r{number % 250}")
        settle(store)
        before = rows(store)

        def look(what: str, done: int, total: int | None) -> None:
            seen.append((store.of, rows(store)))

        store.rebuild(Declaration([DECLARED["every window"]]), progress=look)
        assert len(seen) > 3
        assert all(each == (FAVORITES, before) for each in seen)
        assert rows(store) == expected(store.path, DECLARED["every window"])


def test_an_aggregator_that_began_before_goes_on(tmp_path: Path) -> None:
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        aggregator = store.aggregator()
        store.mark("ann", "noodles")
        aggregator.step()
        store.rebuild(Declaration([DECLARED["by hour"]]))
        store.mark("bob", "noodles")
        aggregator.step()
        assert rows(store) == expected(store.path, DECLARED["by hour"])


def test_a_batch_folded_for_fewer_tallies_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        store.mark("ann", "noodles")
        aggregator = store.aggregator()
        fold = aggregator._fold

        def meanwhile(*arguments: Any) -> Any:
            monkeypatch.undo()
            store.rebuild(Declaration([DECLARED["by hour"]]))
            return fold(*arguments)

        monkeypatch.setattr(aggregator, "_fold", meanwhile)
        assert aggregator.step().duplicates == 1
        assert aggregator.step().records == 1
        assert rows(store) == expected(store.path, DECLARED["by hour"])


def test_a_file_of_another_declaration_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with SqliteFavorites(path) as store:
        store.init()
        store.mark("ann", "noodles")
    with (
        SqliteFavorites(path, Declaration([DECLARED["far east"]])) as other,
        pytest.raises(WrongStore, match=r"differs in ranked, windows, zone.*tallies rebuild"),
    ):
        other.tally("noodles", ["all"])
    with SqliteFavorites(path, Declaration([FAVORITES])) as same:
        assert same.of == FAVORITES


@pytest.mark.parametrize(
    ("declared", "wrong"),
    [
        (Declaration([FAVORITES], table="orders"), "table and name"),
        (Declaration([replace(FAVORITES, group_by="user_id")]), "group_by"),
        (Declaration([replace(FAVORITES, time="at")]), "time"),
        (Declaration([replace(FAVORITES, measures={"n": Count()}, ranked_by="n")]), "measures"),
    ],
    ids=["table", "group", "time", "measure"],
)
def test_what_an_embedded_store_cannot_keep_is_refused(
    tmp_path: Path, declared: Declaration, wrong: str
) -> None:
    with pytest.raises(InvalidTally, match=f"{wrong} cannot be declared otherwise"):
        SqliteFavorites(tmp_path / "s.db", declared)


def test_records_parked_for_a_tally_that_was_replaced_are_given_up(tmp_path: Path) -> None:
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        with closing(sqlite3.connect(store.path)) as connection, connection:
            connection.execute(
                "INSERT INTO favorites (restaurant_id, user_id, created_at)"
                " VALUES ('noodles', 'ann', '2082-02-30T00:00:00.000000Z')"
            )
        settle(store)
        store.rebuild()
        assert store.parked.count() == 1
        found = store.rebuild(Declaration([DECLARED["by hour"]]))
        assert (store.parked.count(), found.uncounted) == (0, 1)
