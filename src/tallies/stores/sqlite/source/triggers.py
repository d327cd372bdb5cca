"""The triggers on the source: every way in which a row comes, goes or changes writes the log.

They run inside the writer's own statement: there is no change without its record, and no record
without its change. An update is logged as two records, what the row was and what it is, and only if
it changes something that a tally reads.

SQLite does not fire delete triggers for a row that `OR REPLACE` removes (unless `PRAGMA
recursive_triggers` is on, see https://sqlite.org/lang_conflict.html). So before each insert and
each update of a key, the conflicting rows are noted; when it is done, the noted rows that are gone
are logged as removed. Where a delete trigger does fire, or the statement ends otherwise (`OR
IGNORE`, an upsert), the note has no effect: a note only counts for the statement that made it, and
each statement notes anew. The aggregator deletes notes that such statements leave behind.
"""

import sqlite3
from collections.abc import Iterator, Sequence

from tallies.stores.sqlite.rows.names import Names, quoted
from tallies.stores.sqlite.source.source import KeyPart, SourceTable, column_of

# Of several triggers for one event SQLite fires the newest first. Our note must be settled before a
# trigger of the user changes the row after an insert, so ours are created last.
KINDS = (
    "before_insert",
    "insert",
    "insert_replaced",
    "before_update",
    "update",
    "update_replaced",
    "update_in_the_way",
    "delete",
    "delete_insert_conflict",
    "delete_update_conflict",
)


_LOGGED = "row_"
_COLLATIONS = {"BINARY", "NOCASE", "RTRIM"}
"""The collations that every SQLite has."""


def log_column(attribute: str) -> str:
    """The log's column for a column of the source."""
    return _LOGGED + attribute


def log_attributes(connection: sqlite3.Connection, names: Names) -> list[str]:
    """The columns of the source for which the log has a column."""
    columns = connection.execute(f"PRAGMA table_info({quoted(names.log)})").fetchall()
    return [row[1].removeprefix(_LOGGED) for row in columns if row[1].startswith(_LOGGED)]


def noted_columns(source: SourceTable, attributes: Sequence[str]) -> tuple[str, ...]:
    """The columns of the source that the note of a conflicting row holds."""
    there = dict.fromkeys(source.key_columns)
    lower = {column.lower() for column in there}
    return (*there, *(name for name in attributes if name.lower() not in lower))


def triggers(names: Names, source: SourceTable, attributes: Sequence[str]) -> Iterator[str]:
    """The statements that create the triggers. `attributes` are the columns to log."""
    log, table = quoted(names.log), quoted(source.name)
    logged = ", ".join(["amount", *(quoted(log_column(name)) for name in attributes)])

    def make(kind: str, event: str, *body: str, when: str = "") -> str:
        lines = "".join(f"\n    {statement};" for statement in body)
        condition = f"\nWHEN {when}" if when else ""
        name = quoted(names.trigger(kind))
        return f"CREATE TRIGGER {name} {event} ON {table}{condition} BEGIN{lines}\nEND"

    def values(amount: int, row: str) -> str:
        return ", ".join([str(amount), *(column_of(row, name) for name in attributes)])

    def note(notes: str, but_old: bool) -> tuple[str, str, str, str]:
        """When rows conflict with NEW; forget those noted before (twice); note them."""
        columns = noted_columns(source, attributes)
        other = f" AND NOT ({_same('way', 'old', source.row_id)})" if but_old else ""
        ways = [_meets(source, "way", "new", key) for key in source.unique]
        when = " OR ".join(
            (
                f"EXISTS (SELECT 1 FROM {notes})",
                *(f"EXISTS (SELECT 1 FROM {table} AS way WHERE {way}{other})" for way in ways),
            )
        )
        noted = (
            f"SELECT {notes}.rowid FROM {table} AS way, {notes}"
            f" WHERE ({' OR '.join(ways)}) AND {_same_noted(notes, 'way', source.row_id)}"
        )
        found = ", ".join(column_of("way", column) for column in columns)
        into = ", ".join(quoted(log_column(column)) for column in columns)
        rows = f"SELECT {found} FROM {table} AS way WHERE ({' OR '.join(ways)}){other}"
        return (
            when,
            f"DELETE FROM {notes} WHERE {_any_way(source, notes)}",
            f"DELETE FROM {notes} WHERE rowid IN ({noted})",
            f"INSERT INTO {notes} ({into}) {rows}",
        )

    def settle(notes: str, others: str) -> tuple[str, str, str, str]:
        """When there are notes; log the rows that NEW has replaced; forget all notes of them."""
        noted = ", ".join(column_of(notes, log_column(name)) for name in attributes)
        here = _same_noted(notes, "new", source.row_id)
        there = f"EXISTS (SELECT 1 FROM {table} AS there WHERE {_is_noted(notes, source.row_id)})"
        way = _any_way(source, notes)
        gone = f"WHERE ({way}) AND ({here} OR NOT {there})"
        also = " AND ".join(
            f"{column_of(notes, log_column(part.column))} IS"
            f" {column_of(others, log_column(part.column))}"
            for part in source.row_id
        )
        return (
            f"EXISTS (SELECT 1 FROM {notes})",
            f"INSERT INTO {log} ({logged})"
            f" SELECT -1{', ' * bool(noted)}{noted} FROM {notes} {gone}",
            f"DELETE FROM {others} WHERE rowid IN"
            f" (SELECT {others}.rowid FROM {notes}, {others} {gone} AND {also})",
            f"DELETE FROM {notes} WHERE {way}",
        )

    inserts, updates = quoted(names.insert_conflicts), quoted(names.update_conflicts)
    differs = " OR ".join(
        f"{column_of('old', name)} IS NOT {column_of('new', name)} COLLATE BINARY"
        for name in attributes
    )

    when, *body = note(inserts, but_old=False)
    yield make("before_insert", "BEFORE INSERT", *body, when=when)
    yield make(
        "insert", "AFTER INSERT", f"INSERT INTO {log} ({logged}) VALUES ({values(1, 'new')})"
    )
    when, *body = settle(inserts, updates)
    yield make("insert_replaced", "AFTER INSERT", *body, when=when)

    when, *body = note(updates, but_old=True)
    if set(source.generated) & set(source.key_columns):
        # Before an update, SQLite computes generated columns only from those columns of NEW that
        # the trigger names; it would take NULL for the others.
        plain = (name for name in source.columns if name not in source.generated)
        body.append(f"SELECT {', '.join(column_of('new', name) for name in plain)}")
    yield make("before_update", "BEFORE UPDATE", *body, when=when)
    yield make(
        "update",
        "AFTER UPDATE",
        f"INSERT INTO {log} ({logged}) VALUES ({values(-1, 'old')}), ({values(1, 'new')})",
        when=differs or "0",
    )
    when, *body = settle(updates, inserts)
    yield make("update_replaced", "AFTER UPDATE", *body, when=when)
    # A trigger of the user may change the conflicting row before the insert removes it.
    old_noted = " AND ".join(
        f"{column_of(inserts, log_column(name))} IS {column_of('old', name)}" for name in attributes
    )
    renew = ", ".join(
        f"{quoted(log_column(name))} = {column_of('new', name)}" for name in attributes
    )
    same_row = _same_noted(inserts, "old", source.row_id)
    yield make(
        "update_in_the_way",
        "AFTER UPDATE",
        f"UPDATE {inserts} SET {renew} WHERE {same_row} AND {old_noted}",
        when=f"EXISTS (SELECT 1 FROM {inserts})" if attributes else "0",
    )

    yield make(
        "delete", "AFTER DELETE", f"INSERT INTO {log} ({logged}) VALUES ({values(-1, 'old')})"
    )
    for kind, notes in ("insert", inserts), ("update", updates):
        yield make(
            f"delete_{kind}_conflict",
            "AFTER DELETE",
            f"DELETE FROM {notes} WHERE {_same_noted(notes, 'old', source.row_id)}",
            when=f"EXISTS (SELECT 1 FROM {notes})",
        )


def notes_tables(names: Names, source: SourceTable, attributes: Sequence[str]) -> Iterator[str]:
    """The statements that create the tables of notes, and an index of them for each key.

    Statements that ignore conflicts leave their notes until the aggregator deletes them: a bulk
    load of rows that exist already must not search all of these notes for each row.
    """
    columns = ", ".join(
        f"{quoted(log_column(column))} ANY COLLATE {_collation(source, column)}"
        for column in noted_columns(source, attributes)
    )
    for table in names.insert_conflicts, names.update_conflicts:
        yield f"CREATE TABLE {quoted(table)} ({columns}) STRICT"
        for number, key in enumerate(source.unique):
            # A collation of the application itself is unknown here.
            if {part.collation.upper() for part in key} <= _COLLATIONS:
                parts = ", ".join(
                    f"{quoted(log_column(part.column))} COLLATE {part.collation}" for part in key
                )
                yield f"CREATE INDEX {quoted(f'{table}_{number}')} ON {quoted(table)} ({parts})"


def drop_triggers(connection: sqlite3.Connection, names: Names) -> None:
    """Drop our triggers, whatever table they are on by now."""
    for kind in KINDS:
        connection.execute(f"DROP TRIGGER IF EXISTS {quoted(names.trigger(kind))}")


def _collation(source: SourceTable, column: str) -> str:
    return next((p.collation for p in source.row_id if p.column == column), "BINARY")


def _same(one: str, other: str, key: Sequence[KeyPart]) -> str:
    return " AND ".join(
        f"{column_of(one, part.column)} = {column_of(other, part.column)} COLLATE {part.collation}"
        for part in key
    )


def _meets(source: SourceTable, row: str, new: str, key: Sequence[KeyPart]) -> str:
    """SQL: that `row` shares the key with what is about to be written."""
    return " AND ".join(
        f"{column_of(row, part.column)} = {_written(source, new, part.column)}"
        f" COLLATE {part.collation}"
        for part in key
    )


def _written(source: SourceTable, new: str, column: str) -> str:
    value = column_of(new, column)
    return f"ifnull({value}, ({source.defaults[column]}))" if column in source.defaults else value


def _any_way(source: SourceTable, notes: str) -> str:
    """SQL: that a noted row shares a key with NEW."""
    ways = (
        " AND ".join(
            f"{column_of(notes, log_column(part.column))} = +{_written(source, 'new', part.column)}"
            f" COLLATE {part.collation}"
            for part in key
        )
        for key in source.unique
    )
    return " OR ".join(f"({way})" for way in ways)


def _same_noted(notes: str, row: str, key: Sequence[KeyPart]) -> str:
    # The plus removes the column's affinity, which the value has already: with the affinity, SQLite
    # would not use the index of the notes.
    return " AND ".join(
        f"{column_of(notes, log_column(part.column))} = +{column_of(row, part.column)}"
        f" COLLATE {part.collation}"
        for part in key
    )


def _is_noted(notes: str, key: Sequence[KeyPart]) -> str:
    return _same_noted(notes, "there", key)
