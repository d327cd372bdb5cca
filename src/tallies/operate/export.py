"""Export: the tallies as one table, for people who go on in a notebook or a spreadsheet."""

import csv
import secrets
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO

from tallies.core.errors import InvalidInput, UnknownWindow
from tallies.core.windows import Window, parse_window
from tallies.stores.protocol import TallyRow

Format = Literal["csv", "parquet"]

BATCH_ROWS = 10_000
"""Rows that are in memory at a time."""


class Line(NamedTuple):
    """A row of the tallies as it is exported; the names of the fields are those of the columns."""

    restaurant_id: str
    kind: str
    """`all`, `month`, `day`: whoever plots a history wants one of them."""
    window: str
    starts: date | None
    """The window's first day; None for `all`."""
    favorites: int


def lines(rows: Iterable[TallyRow], kinds: Collection[Window] = ()) -> Iterator[Line]:
    """The rows of windows of these kinds, or of all. What names no window is left out."""
    for group, window, amount in rows:
        try:
            named = parse_window(window)
        except UnknownWindow:  # planted by hand; `verify` reports it
            continue
        if not kinds or named.kind in kinds:
            starts = named.start.date() if named.start else None
            yield Line(group, named.kind.value, window, starts, amount)


def write_csv(found: Iterable[Line], out: TextIO) -> Iterator[int]:
    """Write lines with a header; yields now and then how many there are so far."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Line._fields)
    done = 0
    for batch in _batches(found):
        writer.writerows(batch)
        done += len(batch)
        yield done


def write_parquet(found: Iterable[Line], path: Path) -> Iterator[int]:
    """Write lines as a Parquet file; yields now and then how many there are so far.

    Raises:
        InvalidInput: the package that can is not installed.
    """
    try:
        import pyarrow as pa  # type: ignore[import-untyped] # it carries no types
        import pyarrow.parquet as pq  # type: ignore[import-untyped] # as above
    except ModuleNotFoundError:
        raise InvalidInput(
            "Parquet needs the package pyarrow; install tallies[export], or export csv."
        ) from None
    # Kinds and windows come again and again: a dictionary keeps them short here and in a notebook.
    few = pa.dictionary(pa.int32(), pa.string())
    types = (pa.string(), few, few, pa.date32(), pa.int64())
    schema = pa.schema(list(zip(Line._fields, types, strict=True)))
    done = 0
    with pq.ParquetWriter(path, schema) as writer:
        for batch in _batches(found):
            columns: list[Any] = [
                pa.array(column, kind)
                for column, kind in zip(zip(*batch, strict=True), types, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            done += len(batch)
            yield done


def write_file(found: Iterable[Line], path: Path, form: Format) -> Iterator[int]:
    """Write a whole file or none: what is half written never bears its name.

    Yields now and then how many lines there are so far.

    Raises:
        InvalidInput: the file cannot be written there.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        if form == "parquet":
            yield from write_parquet(found, part)
        else:
            with part.open("x", encoding="utf-8", newline="") as out:
                yield from write_csv(found, out)
        part.replace(path)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be written: {error.strerror or error}; name another file."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _batches(found: Iterable[Line]) -> Iterator[list[Line]]:
    rest = iter(found)
    while batch := list(islice(rest, BATCH_ROWS)):
        yield batch
