"""Reading the change log: what its records come to, and the records themselves."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tallies.core.change import Change
from tallies.core.errors import Unfoldable
from tallies.core.fold import Contribution, Folder
from tallies.stores.sqlite.catalog.catalog import Catalog
from tallies.stores.sqlite.rows.names import Names, quoted
from tallies.stores.sqlite.rows.plain import BREAK, PlainLines
from tallies.stores.sqlite.source.triggers import log_column


@dataclass(frozen=True, slots=True)
class Net:
    """What a batch contributes to one tally."""

    lines: Counter[str] = field(default_factory=Counter)
    """Rows that fit on lines, each line with the sign of its change before it."""
    others: Counter[Contribution] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.lines) + len(self.others)


SIGN = "iif(amount > 0, '+', '-')"


def logged(attribute: str) -> str:
    """The SQL for an attribute of a record."""
    return quoted(log_column(attribute))


class LogReader:
    """Reads the log for the tallies of a catalog."""

    def __init__(self, names: Names, catalog: Catalog, attributes: Sequence[str] = ()) -> None:
        """`attributes` are all that the log holds of a row."""
        self._log = quoted(names.log)
        self._attributes = attributes
        self._columns = ", ".join(["amount", *map(logged, attributes)])
        self.folders = [Folder(kept.tally) for kept in catalog.all]
        self._lines = [PlainLines.of(kept.tally, logged) for kept in catalog.all]

    def add_to(
        self, nets: Sequence[Net | None], connection: sqlite3.Connection, first: int, last: int
    ) -> tuple[int, list[Net | None]]:
        """Add what the records (first, last] contribute to each tally; returns how many they are.

        A net becomes None when some record cannot be folded into it.
        """
        within = f"FROM {self._log} WHERE position > ?1 AND position <= ?2"
        (count,) = connection.execute(f"SELECT count(*) {within}", (first, last)).fetchone()
        found: list[Net | None] = []
        changes: list[Change] | None = None
        for folder, lines, net in zip(self.folders, self._lines, nets, strict=True):
            if net is None:
                found.append(None)
                continue
            if lines is not None:
                fit = _plain(lines, within)
                if read := _add_lines(net, lines, connection, fit, within, (first, last)):
                    odd = f"{within} AND NOT ({fit})"
                    rest = self._changes(connection, odd, first, last) if read < count else []
                    found.append(net if _add_changes(net, folder, rest) else None)
                    continue
            if changes is None:
                changes = self._changes(connection, within, first, last)
            found.append(net if _add_changes(net, folder, changes) else None)
        return count, found

    def contributions(self, nets: Sequence[Net | None]) -> list[Counter[Contribution] | None]:
        """What each net comes to; None where some record cannot be folded."""
        found: list[Counter[Contribution] | None] = []
        for lines, net in zip(self._lines, nets, strict=True):
            total = None if net is None else net.others
            if net is not None and lines is not None and net.lines:
                total = lines.contributions(net.lines)
                if total is not None:
                    total.update(net.others)
            found.append(total)
        return found

    def changes(self, connection: sqlite3.Connection, first: int, last: int) -> list[Change]:
        """The records (first, last] as changes, with their positions."""
        within = f"FROM {self._log} WHERE position > ?1 AND position <= ?2"
        return self._changes(connection, within, first, last)

    def _changes(
        self, connection: sqlite3.Connection, within: str, first: int, last: int
    ) -> list[Change]:
        with any_text(connection):
            rows = connection.execute(f"SELECT position, {self._columns} {within}", (first, last))
            return [self._change(*row) for row in rows]

    def _change(self, position: int, amount: int, *values: Any) -> Change:
        image = present(self._attributes, values)
        old, new = (None, image) if amount > 0 else (image, None)
        return Change(old, new, str(position))


@contextmanager
def any_text(connection: sqlite3.Connection) -> Iterator[None]:
    """Read text that is not UTF-8, too: invalid bytes become characters that no id has."""
    connection.text_factory = _lenient
    try:
        yield
    finally:
        connection.text_factory = str


def _lenient(text: bytes) -> str:
    return text.decode(errors="surrogateescape")


def present(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """A row of a table as an image, in which NULL is a missing attribute."""
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _plain(lines: PlainLines, within: str) -> str:
    """SQL: that a record fits on a line, provided that `times_hold` all that fit."""
    if lines.time is None:
        return lines.typed
    # As long as the first: one program writes a table's times, as a rule.
    return (
        f"{lines.typed} AND length({lines.time}) IS (SELECT length({lines.time}) {within} LIMIT 1)"
    )


def _add_lines(
    net: Net,
    lines: PlainLines,
    connection: sqlite3.Connection,
    fit: str,
    within: str,
    bounds: tuple[int, int],
) -> int:
    """Add the records that fit on lines; returns how many, 0 when they cannot be read as lines."""
    times = "''" if lines.time is None else f"group_concat({lines.time}, '')"
    with any_text(connection):
        count, text, moments = connection.execute(
            f"SELECT count(*), group_concat({SIGN} || {lines.line}, char(10)), {times}"
            f" {within} AND {fit}",
            bounds,
        ).fetchone()
    if not count or (lines.time is not None and not lines.times_hold(moments, count)):
        return 0
    counted = Counter(text.split(BREAK))
    if counted.total() != count:  # a line break in a text
        return 0
    net.lines.update(counted)
    return int(count)


def _add_changes(net: Net, folder: Folder, changes: Sequence[Change]) -> bool:
    try:
        for contribution, n in folder.contributions(changes).items():
            net.others[contribution] += n
    except Unfoldable:
        return False
    return True
