"""Thirty days of the rows of a tally, as aggregation leaves them, written straight into a store.

To load the marks themselves would take hours for a million groups, and end in the same rows.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from random import Random
from typing import NamedTuple

from benchmarks.harness.workload import LAST_DAY
from tallies.core.times import canonical_time
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.stores.sqlite.rows.names import quoted
from tallies.stores.sqlite.rows.rows import RowsTable

DAYS = 30
NOW = LAST_DAY + timedelta(hours=12)
MONTH, DAY = f"{LAST_DAY:%Y-%m}", f"{LAST_DAY:%Y-%m-%d}"
_FIRST_OF_A_GROUP = 0.06
"""Marks a day of the most popular group, for each group that there is: some 7 days have a row of
a group, on average, and nine groups of ten are marked on less than half of the days."""


class BoardRow(NamedTuple):
    """A row of the tallies."""

    group: str
    window: str
    amount: int


def board_rows(groups: int, seed: int = 1) -> Iterator[BoardRow]:
    """Group by group, of each its windows by name: the days that it was marked on, and `all`.

    Popularity follows Zipf's law, and each day goes up and down by half of itself, so that no two
    days have the same order.
    """
    random = Random(seed)
    ranks = list(range(1, groups + 1))
    random.shuffle(ranks)
    days = [f"{LAST_DAY - timedelta(days=age):%Y-%m-%d}" for age in reversed(range(DAYS))]
    for number, rank in enumerate(ranks):
        group = f"restaurant-{number:07d}"
        mean = _FIRST_OF_A_GROUP * groups / rank
        amounts = [int(mean * (0.5 + random.random()) + random.random()) for _ in days]
        marked = [BoardRow(group, *pair) for pair in zip(days, amounts, strict=True) if pair[1]]
        for month, of_month in groupby(marked, lambda row: row.window[:7]):
            kept = list(of_month)
            yield BoardRow(group, month, sum(row.amount for row in kept))
            yield from kept
        # Who was not marked in these days was before.
        yield BoardRow(group, "all", sum(map(attrgetter("amount"), marked)) or 1)


def fill_sqlite(path: Path, rows: Iterable[BoardRow]) -> None:
    """Make a store of these rows; they come in the order of their keys."""
    with SqliteFavorites(path) as store:
        store.init()
        insert(store, rows)


def insert(store: SqliteFavorites, rows: Iterable[BoardRow]) -> None:
    """Put these rows in place of those of a store; they come in the order of their keys."""
    (kept,) = store.catalog().live
    table = RowsTable(kept)
    index = quoted(table.index)
    *_, creation = table.creation()
    now = canonical_time(NOW)
    with store.database.writing() as connection:
        # The index is made at the end: in order, a million groups take a minute.
        connection.execute(f"DELETE FROM {table.sql}")
        connection.execute(f"DROP INDEX {index}")
        connection.executemany(table.add, ((*row, now) for row in rows))
        connection.execute(creation)
    store.database.checkpoint()
