"""This store, with both settings of durability."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import sleep

from benchmarks.harness.board_rows import BoardRow, insert
from benchmarks.peers.peer import Peer, Place
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop


class Embedded:
    """A store that is open; somebody else aggregates."""

    def __init__(self, store: SqliteFavorites) -> None:
        self._store = store

    def mark(self, user_id: str, restaurant_id: str, created_at: str) -> None:
        self._store.mark(user_id, restaurant_id, created_at=created_at)

    def settle(self) -> None:
        while self._store.lag()[0]:
            sleep(0.001)

    def top(self, limit: int) -> list[tuple[str, int]]:
        return [(group, int(amount)) for group, amount in self._store.leaderboard("all", limit)]

    def fill(self, rows: Iterable[BoardRow]) -> None:
        insert(self._store, rows)

    def many(self, groups: Sequence[str], windows: Sequence[str]) -> dict[str, list[int]]:
        found = self._store.many(groups, windows)
        return {group: [int(amount) for amount in its.values()] for group, its in found.items()}

    def place(self, group: str) -> Place:
        found = self._store.rank("all", group)
        assert found is not None
        return Place(found.rank, found.of)


@contextmanager
def embedded(folder: Path) -> Iterator[dict[str, Peer]]:
    """Two files, each with its aggregation loop."""
    with ExitStack() as stack:
        normal = stack.enter_context(SqliteFavorites(folder / "normal.db"))
        full = stack.enter_context(SqliteFavorites(folder / "full.db", synchronous="full"))
        for store in (normal, full):
            store.init()
            stack.enter_context(EmbeddedLoop(store))
        yield {"SQLite NORMAL": Embedded(normal), "SQLite FULL": Embedded(full)}
