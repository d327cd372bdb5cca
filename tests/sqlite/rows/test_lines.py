"""Reading the log by lines, in C, comes to what the fold comes to, record by record."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallies.core.change import Change
from tallies.core.declaration.declaration import Declaration
from tallies.core.fold import Folder, fold
from tallies.core.source.row_time import Time
from tallies.core.tally import Count, Sum, Tally
from tallies.core.windows import Window
from tallies.stores.sqlite.store import SqliteStore
from tests.length import at_length

GOOD = ["2026-11-23T14:05:06Z", "2026-11-23T23:59:59.123Z", "1970-01-01T00:00:00.000000Z"]
GOOD_IN_SQL = ["2026-11-23 14:05:06", "2026-11-23T23:59:59", "1970-01-01 00:00:00.123"]
ODD = [
    "2026-11-23T24:00:00Z",
    "2026-11-23T99:00:00Z",
    "2026-11-23T19:60:00Z",
    "2026-11-23T19:00:61Z",
    "2026-13-23T14:05:06Z",
    "2026-11-31T14:05:06Z",
    "2026-11-23T14:05:06z",
    "2026-11-23t14:05:06Z",
    "2026-11-23 14:05:06Z",
    "2026-11-23T23:30:00+05:00",
    "2026-11-23T14:05:06Z\n2026-11-23T14:05:06Z",
    "2026-11-23 24:00:00",
    "",
    None,
    20261123140506,
    b"2026-11-23T14:05:06Z",
]
GROUPS = ["Rome", "Oslo", 7, "7", 1.5, None, "", "a\nb", "a\x1fb", b"Rome", "x" * 2001]
AMOUNTS = [1, -2, 0, 10**12, 1.5, "3", None]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize("form", ["rfc3339", "sql"])
@pytest.mark.parametrize("summed", [False, True])
def test_lines_come_to_what_the_fold_does(zone: str, form: str, summed: bool) -> None:
    good = GOOD if form == "rfc3339" else GOOD_IN_SQL
    tally = Tally(
        name="t",
        group_by=("city",),
        measures={"n": Count(), **({"total": Sum("amount")} if summed else {})},
        windows=(Window.ALL, Window.MONTH, Window.DAY),
        time=Time("at", form),
        zone=zone,
    )
    # Mostly rows that fit, so that some batches hold nothing else.
    row = st.tuples(
        st.sampled_from(GROUPS[:2]) | st.sampled_from(GROUPS),
        st.sampled_from(good[:1]) | st.sampled_from(good) | st.sampled_from([*good, *ODD]),
        st.sampled_from(AMOUNTS[:3]) | st.sampled_from(AMOUNTS),
    )

    @settings(
        deadline=None,
        max_examples=at_length(60, least=15),
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.lists(row, max_size=6), st.integers(1, 4))
    def run(rows: list[tuple[Any, ...]], batch: int) -> None:
        with TemporaryDirectory() as folder:
            _check(tally, rows, batch, Path(folder) / "db.sqlite")

    run()


def _check(tally: Tally, rows: Sequence[tuple[Any, ...]], batch: int, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = off")
        connection.execute("CREATE TABLE shops (city ANY, at ANY, amount ANY) STRICT")
        with SqliteStore(path, Declaration([tally], "shops")) as store:
            store.init()
            connection.executemany("INSERT INTO shops VALUES (?, ?, ?)", rows)
            aggregator = store.aggregator(batch)
            while aggregator.step().records:
                pass
            (tallies,) = store.tallies().values()
            found = {(row.group, row.window): row.values["n"] for row in tallies.rows()}
            parked = store.parked.count()
    names = ("city", "at", "amount")
    changes = [
        Change(None, {n: v for n, v in zip(names, row, strict=True) if v is not None}, str(at))
        for at, row in enumerate(rows)
    ]
    expected = fold([Folder(tally)], changes)
    assert found == {key: amounts[0] for key, amounts in expected.deltas["t"].items()}
    assert parked == len(expected.parked)
