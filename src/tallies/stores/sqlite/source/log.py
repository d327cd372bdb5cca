"""The change log: where it ends, what its records come to, and the records themselves."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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

    new: Counter[str] = field(default_factory=Counter)
    """The lines of new images, of rows that fit on lines."""
    old: Counter[str] = field(default_factory=Counter)
    """The lines of old images."""
    others: Counter[Contribution] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.new) + len(self.old) + len(self.others)


_NEW, _OLD = "amount > 0", "amount <= 0"


def logged(attribute: str) -> str:
    """The SQL for an attribute of a record."""
    return quoted(log_column(attribute))


class LogReader:
    """Reads the log for the tallies of a catalog."""

    def __init__(self, names: Names, catalog: Catalog, attributes: Sequence[str] = ()) -> None:
        """`attributes` are all that the log holds of a row."""
        self._within = f"FROM {quoted(names.log)} WHERE position > ?1 AND position <= ?2"
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
        within = self._within
        count: int | None = None
        found: list[Net | None] = []
        changes: list[Change] | None = None
        for folder, lines, net in zip(self.folders, self._lines, nets, strict=True):
            if net is None:
                found.append(None)
                continue
            read = lines and _read_lines(lines, connection, within, first, last)
            if read:
                net.new.update(read.new)
                net.old.update(read.old)
                odd: list[Change] = []
                if read.records < last - first:  # otherwise there are no others
                    odd = self._changes(connection, f"{within} AND NOT ({read.fit})", first, last)
                count = read.records + len(odd)
                found.append(net if _add_changes(net, folder, odd) else None)
                continue
            if changes is None:
                changes = self.changes(connection, first, last)
                count = len(changes)
            found.append(net if _add_changes(net, folder, changes) else None)
        if count is None:
            (count,) = connection.execute(f"SELECT count(*) {within}", (first, last)).fetchone()
        return count, found

    def contributions(self, nets: Sequence[Net | None]) -> list[Counter[Contribution] | None]:
        """What each net comes to; None where some record cannot be folded."""
        found: list[Counter[Contribution] | None] = []
        for lines, net in zip(self._lines, nets, strict=True):
            total = None if net is None else net.others
            if net is not None and lines is not None and (net.new or net.old):
                total = lines.contributions(net.new, net.old)
                if total is not None:
                    total.update(net.others)
            found.append(total)
        return found

    def changes(self, connection: sqlite3.Connection, first: int, last: int) -> list[Change]:
        """The records (first, last] as changes, with their positions."""
        return self._changes(connection, self._within, first, last)

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


def end_of_log(connection: sqlite3.Connection, names: Names) -> int:
    """The position of the newest change record; 0 before the first."""
    (newest,) = connection.execute(f"SELECT max(position) FROM {quoted(names.log)}").fetchone()
    return newest or 0


def mark_end(connection: sqlite3.Connection, names: Names, position: int) -> None:
    """Make positions continue after this one, though its record is gone."""
    connection.execute(
        f"INSERT OR IGNORE INTO {quoted(names.log)} (position, amount) VALUES (?, 0)", (position,)
    )


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


class _Lines(NamedTuple):
    """Records as lines."""

    fit: str
    """SQL: that a record is among them."""
    new: Sequence[str]
    old: Sequence[str]

    @property
    def records(self) -> int:
        return len(self.new) + len(self.old)


def _read_lines(
    lines: PlainLines, connection: sqlite3.Connection, within: str, first: int, last: int
) -> _Lines | None:
    """The records that fit on lines; None when no lines can be made of them."""
    fits = [lines.typed]
    if lines.time is not None:
        # One program writes a table's times, as a rule, all of one length. Where several do, those
        # that are as long as the first fit.
        length = f"length({lines.time})"
        fits.append(f"{lines.typed} AND {length} IS (SELECT {length} {within} LIMIT 1)")
    for fit in fits:
        new = _lines(lines, connection, f"{within} AND {fit} AND {_NEW}", first, last)
        if new is None:
            continue
        if len(new) == last - first:
            return _Lines(fit, new, [])
        old = _lines(lines, connection, f"{within} AND {fit} AND {_OLD}", first, last)
        if old is not None and (new or old):
            return _Lines(fit, new, old)
    return None


def _lines(
    lines: PlainLines, connection: sqlite3.Connection, which: str, first: int, last: int
) -> Sequence[str] | None:
    """The lines of these records; None when some record is not as `times_hold` wants it, or when a
    text holds a line break."""
    times = "''" if lines.time is None else f"group_concat({lines.time}, '')"
    with any_text(connection):
        count, text, moments = connection.execute(
            f"SELECT count(*), group_concat({lines.line}, char(10)), {times} {which}",
            (first, last),
        ).fetchone()
    if not count:
        return []
    if lines.time is not None and not lines.times_hold(moments, count):
        return None
    found: list[str] = text.split(BREAK)
    return found if len(found) == count else None


def _add_changes(net: Net, folder: Folder, changes: Sequence[Change]) -> bool:
    try:
        for contribution, n in folder.contributions(changes).items():
            net.others[contribution] += n
    except Unfoldable:
        return False
    return True
