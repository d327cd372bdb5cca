"""Reading the tallies."""

from collections.abc import Iterator, Sequence

from tallies.core.tally import Number, Tally
from tallies.core.windows import Window
from tallies.stores.protocol import Ranked, TallyRow
from tallies.stores.sqlite.database import Database
from tallies.stores.sqlite.kept import read_kept

_MEASURE = "favorites"
_NAME_LENGTH = {
    Window.ALL: len("all"),
    Window.YEAR: len("2026"),
    Window.MONTH: len("2026-11"),
    Window.WEEK: len("2026-W48"),
    Window.DAY: len("2026-11-23"),
    Window.HOUR: len("2026-11-23T14"),
}


class Reader:
    """The aggregates, as the last commit left them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def of(self) -> Tally:
        with self._database.connection() as connection:
            return read_kept(connection).live

    def measures_of(self, group: str) -> dict[str, dict[str, Number]]:
        return {window: {_MEASURE: n} for window, n in self.windows_of(group).items()}

    def windows_of(self, group: str) -> dict[str, Number]:
        with self._database.connection() as connection:
            rows = connection.execute(
                'SELECT time_window, favorites FROM tallies WHERE "group" = ? AND favorites <> 0'
                " ORDER BY time_window <> 'all', time_window",
                (group,),
            ).fetchall()
        return dict(rows)

    def tally(self, group: str, windows: Sequence[str]) -> dict[str, Number]:
        found: dict[str, Number] = dict.fromkeys(windows, 0)
        marks = ", ".join("?" * len(windows))
        with self._database.connection() as connection:
            found.update(
                connection.execute(
                    'SELECT time_window, favorites FROM tallies WHERE "group" = ?'
                    f" AND time_window IN ({marks})",
                    (group, *windows),
                )
            )
        return found

    def history(self, group: str, kind: Window, first: str, last: str) -> list[tuple[str, Number]]:
        with self._database.connection() as connection:
            return connection.execute(
                'SELECT time_window, favorites FROM tallies WHERE "group" = ?'
                " AND time_window BETWEEN ? AND ? AND length(time_window) = ? AND favorites <> 0"
                " ORDER BY time_window",
                (group, first, last, _NAME_LENGTH[kind]),
            ).fetchall()

    def leaderboard(self, window: str, limit: int, after: Ranked | None = None) -> list[Ranked]:
        rows: list[tuple[str, int]] = []
        below: Number = 2**63 - 1
        with self._database.reading() as connection:
            if after is not None:
                # First the rest of the groups that tie with `after`, by id: two index ranges
                # instead of one condition with OR keep a page's cost flat however many tie.
                below = after.amount
                rows = connection.execute(
                    'SELECT "group", favorites FROM tallies WHERE time_window = ?'
                    ' AND favorites = ? AND "group" > ?'
                    ' ORDER BY "group" LIMIT ?',
                    (window, after.amount, after.group, limit),
                ).fetchall()
            if len(rows) < limit:
                rows += connection.execute(
                    'SELECT "group", favorites FROM tallies WHERE time_window = ?'
                    " AND favorites > 0 AND favorites < ?"
                    ' ORDER BY favorites DESC, "group" LIMIT ?',
                    (window, below, limit - len(rows)),
                ).fetchall()
        return [Ranked(*row) for row in rows]

    def rows(self) -> Iterator[TallyRow]:
        with self._database.reading() as connection:
            for group, window, n in connection.execute(
                'SELECT "group", time_window, favorites FROM tallies WHERE favorites <> 0'
                ' ORDER BY "group", time_window'
            ):
                yield TallyRow(group, window, {_MEASURE: n})
