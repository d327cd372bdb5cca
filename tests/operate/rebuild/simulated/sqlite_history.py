"""One history of a file that is rebuilt: writers, aggregators and rebuilds, switched between any
two of their statements and killed at any of them, in an order that its number decides.

Each has connections of its own to a real file, as processes have. Who dies inside a transaction
loses it, as the file does by itself when a process is killed; `tests/sqlite/apply/test_kill.py`
kills processes.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from greenlet import getcurrent

from tallies.core.errors import StoreUnavailable
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.stores.sqlite.snapshot import mend
from tallies.stores.verified import Verified
from tests.histories.history import MAX_STEPS
from tests.histories.judge import Wrong
from tests.histories.schedule import Actor, die, pause

DAYS = ("2082-11-23", "2082-11-22", "2082-10-31")
MAX_KILLS = 40
"""Then nobody dies any more, so that a rebuild comes to its end."""
_INSERT = "INSERT INTO tallies_favorites VALUES (?, ?, ?, 'by hand') ON CONFLICT DO UPDATE SET"


@dataclass(frozen=True)
class Played:
    """What a history was like."""

    writes: int
    rebuilds: int
    killed: int
    taken_over: int
    planted: int
    moved: int
    verified: int


class Stepping(sqlite3.Connection):
    """A connection at whose statements others may come in, and its user may die."""

    history: "FileHistory"
    is_writing = False

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        self._step(sql)
        cursor = super().execute(sql, parameters)
        if sql == "BEGIN IMMEDIATE":
            self.is_writing = True
        elif sql in ("COMMIT", "ROLLBACK"):
            self.is_writing = False
            if sql == "COMMIT":
                self.history.maybe_die()
        return cursor

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        self._step(sql)
        return super().executemany(sql, parameters)

    def _step(self, sql: str) -> None:
        if sql == "ROLLBACK":
            return
        # Nobody else may come in while one writes: they would wait for it for ever.
        if not self.is_writing:
            pause()
        self.history.maybe_die()


def play(seed: int, folder: Path) -> Played:
    """Play one history on a file in `folder`.

    Raises:
        Wrong: a tally is not GROUP BY of the source; it says how to play the history again.
    """
    history = FileHistory(seed, folder / f"{seed}.db")
    try:
        with history.in_steps():
            return history.play()
    except Exception as error:
        raise Wrong(f"{error!r}\nIt is history {seed} of tests/operate/rebuild.") from error
    finally:
        history.kill_all()


class FileHistory:
    def __init__(self, seed: int, path: Path) -> None:
        self.random = Random(seed)
        self.path = path
        self.deadliness = self.random.choice([0, 0.003, 0.02])
        self.actors: dict[str, Actor] = {}
        self.met: Counter[str] = Counter()

    @contextmanager
    def in_steps(self) -> Iterator[None]:
        stepping = type("Stepping", (Stepping,), {"history": self})
        with (
            patch.object(sqlite3, "connect", partial(sqlite3.connect, factory=stepping)),
            patch.object(mend, "ROWS_AT_A_TIME", 3),
            patch.object(mend, "sleep", lambda _: pause()),
        ):
            yield

    def maybe_die(self) -> None:
        if getcurrent().parent is not None and self.random.random() < self.deadliness:
            die()

    def play(self) -> Played:
        with SqliteFavorites(self.path) as store:
            store.init()
            for _ in range(self.random.choice([0, 5, 40])):
                self._write(store)
            if self.random.random() < 0.5:
                _settle(store)
            for _ in range(self.random.choice([1, 2, 3])):
                self._plant(store)
                self._live_through_a_rebuild()
                self._live_through_a_verify()
            self.deadliness = 0
            self.kill_all()
            _settle(store)
            self._judge(store)
        return Played(
            *(
                self.met[what]
                for what in (
                    "write",
                    "rebuild",
                    "killed",
                    "taken over",
                    "planted",
                    "moved",
                    "verify",
                )
            )
        )

    # What goes on.

    def _live_through_a_rebuild(self) -> None:
        """Until a rebuild that has begun after all that was planted is whole."""
        earlier = [actor for name, actor in self.actors.items() if name.startswith("rebuild")]
        for _ in range(MAX_STEPS):
            self._go_on()
            if any(
                name.startswith("rebuild") and each not in earlier for name, each in self._ended()
            ):
                return
            rebuild = self._in_store(lambda store: store.rebuild())
            if "rebuild" not in self.actors:
                self.actors["rebuild"] = Actor(rebuild)
            elif self.random.random() < 0.002:
                self.actors.setdefault("rebuild too", Actor(rebuild))
        raise Wrong("It does not come to an end.")

    def _live_through_a_verify(self) -> None:
        """Records on their way are no drift, whatever happens meanwhile."""
        for _ in range(MAX_STEPS):
            if "verify" not in self.actors:
                self.actors["verify"] = Actor(self._in_store(lambda store: store.verify()))
            self._go_on()
            for name, actor in self._ended():
                if name == "verify":
                    found: Verified = actor.result
                    if found.drifted:
                        raise Wrong(f"verify tells of drift: {list(found.drifted)}")
                    return
        raise Wrong("It does not come to an end.")

    def _go_on(self) -> None:
        """One step of somebody; who is missing begins."""
        for name, work in (
            ("writer 1", self._writing),
            ("writer 2", self._writing),
            ("aggregator", self._aggregating),
        ):
            if name not in self.actors:
                self.actors[name] = Actor(self._in_store(work))
        self.random.choice(list(self.actors.values())).go_on()
        if self.met["killed"] > MAX_KILLS:
            self.deadliness = 0

    def _ended(self) -> list[tuple[str, Actor]]:
        """Who has come to an end by oneself; the others are cleared away."""
        ended = []
        for name, actor in list(self.actors.items()):
            if not actor.is_over:
                continue
            del self.actors[name]
            if isinstance(actor.error, StoreUnavailable):
                self.met["taken over"] += 1
            elif actor.error is not None:
                raise actor.error
            elif actor.result is None:
                self.met["killed"] += 1
            else:
                self.met[name.split()[0]] += 1
                ended.append((name, actor))
        return ended

    def kill_all(self) -> None:
        for actor in self.actors.values():
            if not actor.is_over:
                actor.kill()
        self.actors.clear()

    def _in_store(self, work: Callable[[SqliteFavorites], Any]) -> Callable[[], Any]:
        def run() -> Any:
            with SqliteFavorites(self.path) as store:
                return work(store)

        return run

    def _writing(self, store: SqliteFavorites) -> None:
        while True:
            self._write(store)

    def _write(self, store: SqliteFavorites) -> None:
        user, restaurant = f"u{self.random.randrange(9)}", f"r{self.random.randrange(6)}"
        if self.random.random() < 0.6:
            day = self.random.choice(DAYS)
            store.mark(user, restaurant, created_at=f"{day}T08:00:00.000000Z")
        else:
            store.unmark(user, restaurant)
        self.met["write"] += 1

    def _aggregating(self, store: SqliteFavorites) -> None:
        aggregator = store.aggregator(self.random.choice([1, 3, 100]))
        while True:
            aggregator.step()

    # Drift.

    def _plant(self, store: SqliteFavorites) -> None:
        """Rows changed, added, missing; all of them missing; the position moved."""
        dice = self.random
        with closing(sqlite3.connect(self.path)) as connection, connection:
            there = connection.execute(
                'SELECT "group", time_window FROM tallies_favorites'
            ).fetchall()
            rows = [place for place in there if dice.random() < 0.3]
            if dice.random() < 0.5:
                rows.append(("ghost", "all"))
            for place in rows:
                if dice.random() < 0.3:
                    connection.execute(
                        'DELETE FROM tallies_favorites WHERE "group" = ? AND time_window = ?', place
                    )
                else:
                    by = dice.randrange(1, 9)
                    connection.execute(f"{_INSERT} favorites = favorites + ?", (*place, by, by))
            if dice.random() < 0.2:
                connection.execute("DELETE FROM tallies_favorites")
            self.met["planted"] += len(rows)
            if dice.random() < 0.4:
                self.met["moved"] += 1
                connection.execute(
                    "UPDATE tallies_catalog SET position = max(0, position + ?)",
                    (dice.choice([-1000, -7, -1, 1, 5, 1000]),),
                )

    # The judge.

    def _judge(self, store: SqliteFavorites) -> None:
        if store.verify().drifted:
            raise Wrong(f"verify tells of drift: {list(store.verify().drifted)}")
        expected: Counter[tuple[str, str]] = Counter()
        with closing(sqlite3.connect(self.path)) as connection:
            for group, at in connection.execute("SELECT restaurant_id, created_at FROM favorites"):
                expected.update((group, window) for window in ("all", at[:7], at[:10]))
            found = {
                (group, window): n
                for group, window, n in connection.execute(
                    'SELECT "group", time_window, favorites FROM tallies_favorites'
                )
            }
        if found != dict(expected):
            raise Wrong(f"{found} should be {dict(expected)}")
        if store.lag()[0]:
            raise Wrong(f"{store.lag()[0]} records are left in the log")


def _settle(store: SqliteFavorites) -> None:
    aggregator = store.aggregator()
    while aggregator.step().records:
        pass
