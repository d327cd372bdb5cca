"""Places: where the rows of the source and the records of the log count in a tally."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from tallies.core.tally import Number, Tally
from tallies.stores.placing import Place, Placer
from tallies.stores.sample import Sample
from tallies.stores.sqlite.rows.plain import PlainLines, amounts_of, groups_of, time_of
from tallies.stores.sqlite.source.log import any_text, present

READ_ROWS = 50_000
"""How many rows are in memory at a time."""
MEMORY_GROUPS = 200_000
"""How many groups are remembered by their values."""

Column = Callable[[str], str]


class Places:
    """Reads rows in parts, and places those that are alike only once."""

    def __init__(self, tally: Tally, sample: Sample | None) -> None:
        self._tally = tally
        self._placer = Placer(tally, sample)
        self._group_of: dict[tuple[Any, ...], Sequence[str] | None] = {}
        self._windows_of: dict[tuple[Any, ...], Sequence[str] | None] = {}

    def read(
        self, connection: sqlite3.Connection, table: str, column: Column, amount: str
    ) -> Iterator[tuple[int, Iterator[tuple[int, Place]]]]:
        """How many rows were read, and how often they are at which places, part by part.

        Args:
            connection: Of the database.
            table: The SQL of what to read, perhaps with a condition.
            column: Gives the SQL of an attribute.
            amount: The SQL of how often a row counts.
        """
        lines = PlainLines.of(self._tally, column)
        where = " AND" if " WHERE " in table else " WHERE"
        if lines is not None:
            with any_text(connection):
                found = connection.execute(
                    f"SELECT {amount}, {lines.line} FROM {table}{where} {lines.ok}"
                )
                while some := found.fetchmany(READ_ROWS):
                    yield len(some), self._of_lines(lines, Counter(some))
        odd = f"{where} NOT ({lines.ok})" if lines else ""
        columns = ", ".join([amount, *map(column, self._tally.attributes)])
        with any_text(connection):
            found = connection.execute(f"SELECT {columns} FROM {table}{odd}")
            while some := found.fetchmany(READ_ROWS):
                yield len(some), self._of_rows(some)

    def _of_lines(
        self, lines: PlainLines, counted: Counter[tuple[int, str]]
    ) -> Iterator[tuple[int, Place]]:
        for (amount, line), n in counted.items():
            place = self._of_line(lines, line)
            if place is not None:
                yield amount * n, place
        if len(self._group_of) > MEMORY_GROUPS:
            self._group_of.clear()

    def _of_line(self, lines: PlainLines, line: str) -> Place | None:
        # Lines have few different parts: each is placed once.
        of, groups, amounts_from = self._tally, len(self._tally.group_by), lines.amounts_from
        group_of, windows_of = self._group_of, self._windows_of
        contribution = lines.contribution(line)
        if contribution is None:  # a separator in a text: no group may hold one
            return self._placer.uncounted("group_by")
        values, cut = contribution[:groups], contribution[groups:amounts_from]
        if values not in group_of:
            group_of[values] = self._placer.groups(groups_of(of, values))
        group = group_of[values]
        if not group:
            return self._placer.uncounted("group_by") if group is None else None
        if cut not in windows_of:
            windows_of[cut] = self._placer.windows(time_of(of, cut))
        windows = windows_of[cut]
        added: tuple[Number, ...] | None = (1,)
        if of.summed:
            added = self._placer.amounts(amounts_of(of, contribution[amounts_from:]))
        if added is None or windows is None:
            return self._placer.uncounted("measures" if added is None else "time")
        return Place(added, windows, group)

    def _of_rows(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, Place]]:
        attributes = self._tally.attributes
        for amount, *values in rows:
            place = self._placer.find(present(attributes, values))
            if place is not None:
                yield amount, place
