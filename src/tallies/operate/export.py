"""Export: the tallies as one table, for people who go on in a notebook or a spreadsheet."""

import csv
import secrets
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO

from tallies.core.amounts import MAX_DECIMALS
from tallies.core.errors import InvalidInput, UnknownWindow
from tallies.core.groups import named_values
from tallies.core.tally import Average, Count, Measure, Sum, Tally
from tallies.core.windows import Window, parse_window
from tallies.stores.protocol import TallyRow

Format = Literal["csv", "parquet"]

BATCH_ROWS = 10_000
"""Rows that are in memory at a time."""


Line = tuple[Any, ...]
"""A row of the tallies as it is exported: the values of `columns`."""


def columns(tally: Tally) -> list[str]:
    """The attributes that make a group; the kind of window (whoever plots a history wants one
    kind); the window; its first day, nothing for `all`; the measures."""
    return [*tally.group_by, "kind", "window", "starts", *tally.measures]


def lines(tally: Tally, rows: Iterable[TallyRow], kinds: Collection[Window] = ()) -> Iterator[Line]:
    """The rows of windows of these kinds, or of all. What names no window is left out."""
    for group, window, values in rows:
        try:
            named = parse_window(window)
        except UnknownWindow:  # planted by hand; `verify` reports it
            continue
        if not kinds or named.kind in kinds:
            starts = named.start.date() if named.start else None
            names = named_values(tally.group_by, group).values()
            yield (*names, named.kind.value, window, starts, *values.values())


def write_csv(tally: Tally, found: Iterable[Line], out: TextIO) -> Iterator[int]:
    """Write lines with a header; yields now and then how many there are so far."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns(tally))
    done = 0
    for batch in _batches(found):
        writer.writerows(batch)
        done += len(batch)
        yield done


def write_parquet(tally: Tally, found: Iterable[Line], path: Path) -> Iterator[int]:
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
    kinds: dict[type[Measure], Any] = {
        Count: pa.int64(),
        Sum: pa.decimal128(38, MAX_DECIMALS),
        Average: pa.float64(),
    }
    types = [
        *(pa.string() for _ in tally.group_by),
        *(few, few, pa.date32()),
        *(kinds[type(measure)] for measure in tally.measures.values()),
    ]
    schema = pa.schema(list(zip(columns(tally), types, strict=True)))
    done = 0
    with pq.ParquetWriter(path, schema) as writer:
        for batch in _batches(found):
            arrays: list[Any] = [
                pa.array(list(map(float, column)) if kind == pa.float64() else column, kind)
                for column, kind in zip(zip(*batch, strict=True), types, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            done += len(batch)
            yield done


def write_file(tally: Tally, found: Iterable[Line], path: Path, form: Format) -> Iterator[int]:
    """Write a whole file or none: what is half written never bears its name.

    Yields now and then how many lines there are so far.

    Raises:
        InvalidInput: the file cannot be written there.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        if form == "parquet":
            yield from write_parquet(tally, found, part)
        else:
            with part.open("x", encoding="utf-8", newline="") as out:
                yield from write_csv(tally, found, out)
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
