"""The first 100 of the last 30 days, and of trending, beside GROUP BY over the same rows."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import median

from benchmarks.harness.board_rows import NOW, board_rows, fill_sqlite
from benchmarks.harness.measure import in_turns, one_by_one, seconds
from benchmarks.harness.result import Bound, Result, Run
from tallies.core.boards.spans import Span
from tallies.core.boards.tiling import find_span
from tallies.core.tally import Number
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.stores.questions import leaders
from tallies.stores.sqlite.connection.database import CACHE_KIB
from tallies.stores.sqlite.rows.names import quoted

SPANS = ("last-30-days", "trending")
LIMIT = 100
_CALLS = 5

Ask = Callable[[], list[tuple[str, Number]]]


def run(run: Run) -> Iterator[Result]:
    """Judged among the most groups, where it matters; and it must take as long among the fewest."""
    sizes = [10_000, 100_000, 300_000, 1_000_000]
    sizes = sizes[: run.pick(4, 2, usual=3)]
    with ExitStack() as stack:
        stores = {}
        for groups in sizes:
            path = run.folder / f"{groups}.db"
            fill_sqlite(path, board_rows(groups))
            stores[groups] = stack.enter_context(SqliteFavorites(path))
        for name in SPANS:
            asked: dict[int, Ask] = {}
            for groups, store in stores.items():
                span = find_span(name, store.of, NOW)
                ask = asked[groups] = _ours(store, span)
                plain = stack.enter_context(_connected(store))
                yield _beside(run, name, groups, ask, _group_by(plain, store, span), sizes[-1])
            few, many = asked[sizes[0]], asked[sizes[-1]]
            (found,) = one_by_one(run.pick(7, 5), run.pick(20, 10), many, few, (0.5,))
            yield Result(
                what=f"top {LIMIT} of {name} among {sizes[-1]:,} groups, p50",
                unit="ms",
                ours=found.ours * 1e3,
                peer_name=f"among {sizes[0]:,}",
                peer=found.peer * 1e3,
                ratio=found.ratio,
                bound=Bound("<=", 2.0),
            )


def _beside(run: Run, name: str, groups: int, ours: Ask, peer: Ask, judged: int) -> Result:
    assert ours() == peer(), "the leaders differ"
    (found,) = in_turns(
        run.pick(5, 3, usual=3),
        lambda: [median(seconds(ours) for _ in range(_CALLS))],
        lambda: [seconds(peer)],
    )
    return Result(
        what=f"top {LIMIT} of {name} among {groups:,} groups",
        unit="ms",
        ours=found.ours * 1e3,
        peer_name="GROUP BY",
        peer=found.peer * 1e3,
        ratio=found.ratio,
        bound=Bound("<=", 1 / 20) if groups == judged else None,
    )


def _ours(store: SqliteFavorites, span: Span) -> Ask:
    return lambda: [(group, span.total(amount)) for group, amount in leaders(store, span, LIMIT)]


def _connected(store: SqliteFavorites) -> sqlite3.Connection:
    connection = sqlite3.connect(store.path)
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")  # as much as ours has
    return connection


def _group_by(connection: sqlite3.Connection, store: SqliteFavorites, span: Span) -> Ask:
    (kept,) = store.catalog().live
    weights = dict(zip(span.windows, span.weights, strict=True))
    marks = ", ".join("?" * len(weights))
    if set(weights.values()) == {1}:
        values: list[object] = [*weights]
        sql = (
            f'SELECT "group", sum(favorites) AS total FROM {quoted(kept.table)}'
            # The plus keeps SQLite from going by the ranking index, which takes longer here: in
            # the order of keys, groups are summed without being sorted first.
            f" WHERE +time_window IN ({marks})"
        )
    else:
        values = [part for pair in weights.items() for part in pair]
        pairs = ", ".join(["(?, ?)"] * len(weights))
        sql = (
            f"WITH weights(name, weight) AS (VALUES {pairs})"
            f' SELECT "group", sum(favorites * weight) AS total FROM weights'
            f" CROSS JOIN {quoted(kept.table)} ON time_window = name"
        )
    sql += f' GROUP BY "group" ORDER BY total DESC, "group" LIMIT {LIMIT}'
    return lambda: connection.execute(sql, values).fetchall()
