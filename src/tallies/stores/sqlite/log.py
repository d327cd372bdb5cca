"""Reading the change log: what its records come to, and the records themselves."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tallies.core.change import Change
from tallies.core.errors import Unfoldable
from tallies.core.fold import Contribution, Folder
from tallies.stores.sqlite.catalog import Catalog
from tallies.stores.sqlite.names import Names, quoted
from tallies.stores.sqlite.plain import BREAK, PlainLines
from tallies.stores.sqlite.triggers import log_column

Net = Counter[Contribution]

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
        """Add what the records (first, last] contribute to each tally; how many they are.

        A net becomes None when something of it cannot be folded.
        """
        within = f"FROM {self._log} WHERE position > ? AND position <= ?"
        (count,) = connection.execute(f"SELECT count(*) {within}", (first, last)).fetchone()
        found: list[Net | None] = []
        changes: list[Change] | None = None
        for folder, lines, net in zip(self.folders, self._lines, nets, strict=True):
            if net is None:
                found.append(None)
            elif lines is not None:
                select = (
                    f"SELECT count(*), group_concat({SIGN} || {lines.line}, char(10))"
                    f" {within} AND {lines.ok}"
                )
                read, text = _row(connection, select, first, last)
                fits = _add_lines(net, lines, text, read)
                if fits and read < count:
                    odd = f"{within} AND NOT ({lines.ok})"
                    fits = _add_changes(net, folder, self._changes(connection, odd, first, last))
                found.append(net if fits else None)
            else:
                if changes is None:
                    changes = self._changes(connection, within, first, last)
                found.append(net if _add_changes(net, folder, changes) else None)
        return count, found

    def changes(self, connection: sqlite3.Connection, first: int, last: int) -> list[Change]:
        """The records (first, last] as changes, with their positions."""
        within = f"FROM {self._log} WHERE position > ? AND position <= ?"
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
    """Read text that is no UTF-8, too: what is wrong in it becomes characters that no id has."""
    connection.text_factory = _lenient
    try:
        yield
    finally:
        connection.text_factory = str


def _lenient(text: bytes) -> str:
    return text.decode(errors="surrogateescape")


def _row(connection: sqlite3.Connection, select: str, first: int, last: int) -> tuple[int, str]:
    with any_text(connection):
        count, text = connection.execute(select, (first, last)).fetchone()
    return count, text or ""


def present(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """A row of a table as an image. NULL is an attribute that is not there."""
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _add_lines(net: Net, lines: PlainLines, text: str, records: int) -> bool:
    counted = Counter(text.split(BREAK)) if records else Counter[str]()
    if counted.total() != records:
        return False
    for line, n in counted.items():
        contribution = lines.contribution(line[1:])
        if contribution is None:
            return False
        net[contribution] += n if line[0] == "+" else -n
    return True


def _add_changes(net: Net, folder: Folder, changes: Sequence[Change]) -> bool:
    try:
        for contribution, n in folder.contributions(changes).items():
            net[contribution] += n
    except Unfoldable:
        return False
    return True
