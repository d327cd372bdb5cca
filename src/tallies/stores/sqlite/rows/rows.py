"""Tables of rows: one row for each group and window, and how an amount is added to it exactly.

A count is one integer of SQLite. A sum is three, since it may have 29 digits before the point and 9
after it: whole billions of billions, the rest of the whole part, and billionths. The three order as
the sum does, and SQL adds to them with carry, so no number has to be read in order to be changed.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Context, Decimal
from functools import cached_property
from typing import Any

from tallies.core.tally import Number, Tally
from tallies.core.windows import Window
from tallies.stores.sqlite.catalog.catalog import TallyVersion
from tallies.stores.sqlite.rows.names import quoted

_WHOLE = 10**18
_BILLIONTHS = 10**9
_EXACT = Context(prec=60)

NAME_LENGTH = {
    Window.ALL: len("all"),
    Window.YEAR: len("2026"),
    Window.MONTH: len("2026-11"),
    Window.WEEK: len("2026-W48"),
    Window.DAY: len("2026-11-23"),
    Window.HOUR: len("2026-11-23T14"),
}
"""The length of a window's name, which tells its kind."""


class Numbers:
    """The columns that hold the stored numbers of a tally, and how values are put in and out."""

    def __init__(self, tally: Tally, before: str = "") -> None:
        """`before` begins the names of the columns."""
        count, *sums = tally.components
        self.of_each: list[tuple[str, ...]] = [(before + count,)]
        self.of_each += [
            (f"{before}{name}.high", f"{before}{name}", f"{before}{name}.nanos") for name in sums
        ]
        self.columns = tuple(column for columns in self.of_each for column in columns)

    @cached_property
    def sql(self) -> str:
        """The columns, for SQL."""
        return ", ".join(map(quoted, self.columns))

    @cached_property
    def declared(self) -> str:
        """The columns, for CREATE TABLE."""
        return ", ".join(f"{quoted(column)} INTEGER NOT NULL DEFAULT 0" for column in self.columns)

    def encode(self, amounts: Sequence[Number]) -> tuple[int, ...]:
        """Amounts, as the columns hold them."""
        if len(amounts) == 1:
            return (int(amounts[0]),)
        found = [int(amounts[0])]
        for amount in amounts[1:]:
            found += encode(amount)
        return tuple(found)

    def decode(self, values: Sequence[int]) -> tuple[Number, ...]:
        """Undo `encode`."""
        if len(values) == 1:
            return (values[0],)
        found: list[Number] = [values[0]]
        found += (decode(values[start : start + 3]) for start in range(1, len(values), 3))
        return tuple(found)

    def addition(self, there: str, added: str) -> str:
        """The SET clause that adds the columns of one row to those of another, with carry."""
        parts = []
        for columns in self.of_each:
            if len(columns) == 1:
                name = quoted(columns[0])
                parts.append(f"{name} = {there}.{name} + {added}.{name}")
                continue
            high, whole, nanos = map(quoted, columns)
            sum_of_nanos = f"({there}.{nanos} + {added}.{nanos})"
            carried = f"{sum_of_nanos} / {_BILLIONTHS}"
            sum_of_wholes = f"({there}.{whole} + {added}.{whole} + {carried})"
            parts += [
                f"{nanos} = {sum_of_nanos} % {_BILLIONTHS}",
                f"{whole} = {sum_of_wholes} % {_WHOLE}",
                f"{high} = {there}.{high} + {added}.{high} + {sum_of_wholes} / {_WHOLE}",
            ]
        return ", ".join(parts)

    def is_zero(self, row: str = "") -> str:
        """SQL: that all columns are zero."""
        return " AND ".join(f"{row}{quoted(column)} = 0" for column in self.columns)


def encode(amount: Number) -> tuple[int, int, int]:
    """A sum as whole billions of billions, the rest of its whole part, and billionths.

    >>> encode(Decimal("-0.25"))
    (-1, 999999999999999999, 750000000)
    """
    if isinstance(amount, int):
        nanos, whole = 0, amount
    else:
        whole, nanos = divmod(int(_EXACT.scaleb(amount, 9)), _BILLIONTHS)
    high, whole = divmod(whole, _WHOLE)
    return high, whole, nanos


def decode(parts: Sequence[int]) -> Number:
    """Undo `encode`.

    >>> decode((0, 12, 500000000))
    Decimal('12.5')
    """
    high, whole, nanos = parts
    total = high * _WHOLE + whole
    if not nanos:
        return total
    return _EXACT.normalize(_EXACT.scaleb(Decimal(total * _BILLIONTHS + nanos), -9))


class RowsTable:
    """The statements that create, write and read the rows of a tally."""

    def __init__(self, version: TallyVersion) -> None:
        self.tally = version.tally
        self.name = version.table
        self.sql = quoted(version.table)
        self.numbers = Numbers(version.tally)
        self._ranked = version.tally.ranked_component

    @property
    def index(self) -> str:
        """The index of its leaderboards. No table of a tally has a name with a dot in it."""
        return f"{self.name}.ranking"

    def creation(self) -> Iterator[str]:
        """The statements that create the table, and the index of its leaderboards."""
        yield (
            f'CREATE TABLE {self.sql} ("group" TEXT NOT NULL, time_window TEXT NOT NULL,'
            f" {self.numbers.declared}, updated_at TEXT NOT NULL,"
            ' PRIMARY KEY ("group", time_window)) STRICT, WITHOUT ROWID'
        )
        if self.tally.ranked or self.tally.retention:
            order = ", ".join(f"{column} DESC" for column in self.ranked_columns)
            where = f" WHERE {self.is_ranked}" if self._is_partly_ranked else ""
            yield (
                f"CREATE INDEX {quoted(self.index)} ON {self.sql}"
                f' (time_window, {order}, "group"){where}'
            )

    @cached_property
    def ranked_columns(self) -> tuple[str, ...]:
        """The columns that leaderboards order by, for SQL."""
        return tuple(map(quoted, self.numbers.of_each[self._ranked]))

    @property
    def _is_partly_ranked(self) -> bool:
        # Retention looks for windows in the index, ranked or not.
        return not self.tally.retention and set(self.tally.ranked) != set(self.tally.windows)

    @cached_property
    def is_ranked(self) -> str:
        """SQL: that a row is in the index. Only a query that repeats this text uses the index."""
        if not self._is_partly_ranked:
            return "1"
        lengths = ", ".join(str(NAME_LENGTH[kind]) for kind in sorted(self.tally.ranked))
        return f"length(time_window) IN ({lengths})"

    @cached_property
    def amount_sql(self) -> str:
        """What leaderboards order by, for SELECT."""
        return ", ".join(self.ranked_columns)

    @cached_property
    def select_lines(self) -> str:
        """SQL: the beginning of a query of the leaderboard of a window."""
        return (
            f'SELECT "group", {self.amount_sql} FROM {self.sql}'
            f" WHERE time_window = ? AND {self.is_ranked}"
        )

    @cached_property
    def is_on_board(self) -> str:
        """SQL: that a row of a ranked window is shown, which a count or sum of zero is not."""
        if self._ranked == 0:
            return f"{self.amount_sql} > 0"
        return f"NOT ({' AND '.join(f'{column} = 0' for column in self.ranked_columns)})"

    @cached_property
    def is_equal(self) -> str:
        return self._compared("=")

    @cached_property
    def is_below(self) -> str:
        return self._compared("<")

    @cached_property
    def is_above(self) -> str:
        return self._compared(">")

    def _compared(self, sign: str) -> str:
        marks = ", ".join("?" * len(self.ranked_columns))
        return f"({self.amount_sql}) {sign} ({marks})"

    @cached_property
    def most_first(self) -> str:
        """The order of a leaderboard, ties by id."""
        return ", ".join([*(f"{column} DESC" for column in self.ranked_columns), '"group"'])

    @cached_property
    def least_first(self) -> str:
        """The reverse order."""
        return ", ".join([*self.ranked_columns, '"group" DESC'])

    @cached_property
    def add(self) -> str:
        """Adds (group, window, stored numbers..., now) to a row."""
        marks = ", ".join("?" * (3 + len(self.numbers.columns)))
        return (
            f'INSERT INTO {self.sql} ("group", time_window, {self.numbers.sql}, updated_at)'
            f" VALUES ({marks}) ON CONFLICT DO UPDATE SET"
            f" {self.numbers.addition(self.sql, 'excluded')}, updated_at = excluded.updated_at"
        )

    @cached_property
    def drop_zero(self) -> str:
        """Deletes a row (group, window) that has come to zero."""
        return (
            f'DELETE FROM {self.sql} WHERE "group" = ? AND time_window = ?'
            f" AND {self.numbers.is_zero()}"
        )

    def lines(
        self, amounts: Iterable[tuple[tuple[str, str], Sequence[Number]]], now: str
    ) -> list[tuple[Any, ...]]:
        """What `add` takes, for each (group, window) with its amounts."""
        if not self.tally.summed:
            return [(group, window, n, now) for (group, window), (n,) in amounts]
        encode = self.numbers.encode
        return [(*key, *encode(each), now) for key, each in amounts]

    def amount(self, values: Sequence[int]) -> Number:
        """The amount that leaderboards order by, from the values of `ranked_columns`."""
        return values[0] if len(values) == 1 else decode(values)

    def ranked_values(self, amount: Number) -> tuple[int, ...]:
        """Undo `amount`."""
        return encode(amount) if self._ranked else (int(amount),)
