"""The source: a table of the database, its columns, and what can make two of its rows collide."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from tallies.core.errors import InvalidTally, shown
from tallies.stores.sqlite.rows.names import quoted

_EXPRESSION = -2
"""The number that SQLite gives to a part of an index that is an expression."""
_HIDDEN_BY_MODULE = 1
_GENERATED = (2, 3)
_ROWID_NAMES = ("rowid", "_rowid_", "oid")


@dataclass(frozen=True)
class KeyPart:
    """A column of a key, with the rule by which the key compares it."""

    column: str
    collation: str


@dataclass(frozen=True)
class SourceTable:
    """A table as its database describes it."""

    name: str
    columns: Sequence[str]
    generated: Sequence[str]
    """Those of the columns that the database computes from others."""
    primary_key: Sequence[str]
    """Its columns; none where only the rowid identifies rows."""
    row_id: Sequence[KeyPart]
    """What identifies its rows: the rowid, or the primary key of a table without one."""
    unique: Sequence[Sequence[KeyPart]]
    """Each unique key, that of `row_id` included."""
    defaults: dict[str, str]
    """Column that takes no NULL -> SQL of what `OR REPLACE` puts in place of NULL."""

    @property
    def key_columns(self) -> tuple[str, ...]:
        """Every column of any key, those of `row_id` first."""
        keys = (self.row_id, *self.unique)
        return tuple(dict.fromkeys(part.column for key in keys for part in key))


def find_source(connection: sqlite3.Connection, name: str) -> SourceTable:
    """Look up a table.

    Raises:
        InvalidTally: there is no such table, it is of a kind that has no triggers, or its rows
            cannot be followed.
    """
    found = connection.execute(
        "SELECT name, type, wr FROM pragma_table_list"
        " WHERE schema = 'main' AND name = ? COLLATE NOCASE",
        (name,),
    ).fetchone()
    if found is None:
        raise InvalidTally(f"The database has no table {shown(name)}; declare one that is there.")
    name, kind, without_rowid = found
    if kind != "table":
        raise InvalidTally(
            f"{shown(name)} is a {kind} table, whose writes cannot be followed; declare an"
            " ordinary table."
            if kind != "view"
            else f"{shown(name)} is a view; declare the table that it reads."
        )
    columns: list[str] = []
    generated: list[str] = []
    primary: dict[int, str] = {}
    defaults: dict[str, str] = {}
    for _, column, _, not_null, default, key, hidden in connection.execute(
        "SELECT * FROM pragma_table_xinfo(?)", (name,)
    ):
        if hidden == _HIDDEN_BY_MODULE:
            continue
        columns.append(column)
        if hidden in _GENERATED:
            generated.append(column)
        if key:
            primary[key] = column
        if not_null and default is not None:
            defaults[column] = default
    unique = list(_unique_keys(connection, name))
    primary_key = [primary[number] for number in sorted(primary)]
    if without_rowid:
        row_id = next(key for key in unique if [part.column for part in key] == primary_key)
    else:
        row_id = [KeyPart(_rowid_name(name, columns), "BINARY")]
        unique.insert(0, row_id)
    return SourceTable(name, columns, generated, primary_key, row_id, unique, defaults)


def check_columns(source: SourceTable, names: Sequence[str]) -> None:
    """Check that the table has the columns that a declaration reads.

    Raises:
        InvalidTally: it lacks one.
    """
    there = {column.lower() for column in source.columns}
    for name in names:
        if name.lower() not in there:
            raise InvalidTally(
                f"The table {source.name} has no column {name!r}; it has"
                f" {', '.join(source.columns)}."
            )


def check_spelling(source: SourceTable, names: Sequence[str]) -> None:
    """Check that a declaration writes each column as the table does: SQLite takes `City` and `city`
    for one column, images of rows do not.

    Raises:
        InvalidTally: it writes one otherwise.
    """
    written = {column.lower(): column for column in source.columns}
    for name in names:
        column = written.get(name.lower(), name)
        if column != name:
            raise InvalidTally(
                f"The column {column} of the table {source.name} is {name!r} in the declaration;"
                " write it as the table does."
            )


def _unique_keys(connection: sqlite3.Connection, table: str) -> list[Sequence[KeyPart]]:
    # Partial indexes too, as if they held for all rows: a key only says which rows to check.
    found: list[Sequence[KeyPart]] = []
    for (index,) in connection.execute(
        'SELECT name FROM pragma_index_list(?) WHERE "unique" ORDER BY seq DESC', (table,)
    ).fetchall():
        parts = []
        for number, column, collation in connection.execute(
            'SELECT cid, name, coll FROM pragma_index_xinfo(?) WHERE "key" ORDER BY seqno', (index,)
        ):
            if number == _EXPRESSION:
                raise InvalidTally(
                    f"The unique index {index!r} of the table {table} is on an expression, so it"
                    " cannot be seen which rows OR REPLACE removes through it; put a generated"
                    " column in its place."
                )
            parts.append(KeyPart(column, collation))
        found.append(parts)
    return found


def _rowid_name(table: str, columns: Sequence[str]) -> str:
    taken = {column.lower() for column in columns}
    for name in _ROWID_NAMES:
        if name not in taken:
            return name
    raise InvalidTally(
        f"The table {table} has columns named rowid, _rowid_ and oid; rename one of them."
    )


def column_of(table: str, column: str) -> str:
    """A column in SQL, with the name or alias of its table.

    Never without that: SQLite takes a quoted name that is no column for text.
    """
    return f"{table}.{quoted(column)}"
