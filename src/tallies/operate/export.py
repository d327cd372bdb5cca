"""Export: the tallies as one table, for people who continue in a notebook or a spreadsheet.

A spreadsheet takes a text that begins like a formula for one, and may execute it: ask another
machine, start a program. Whoever writes the source chooses the ids. So there are two forms of CSV:
the exact one, for programs, and one for spreadsheets, in which no text is a formula.
"""

import csv
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path
from re import compile as pattern
from typing import Any, Literal, TextIO

from tallies.core.amounts import MAX_DECIMALS
from tallies.core.boards.spans import WEIGHT_DECIMALS, Span
from tallies.core.boards.topk import weighted
from tallies.core.errors import InvalidInput, UnknownWindow
from tallies.core.groups import named_values
from tallies.core.tally import Average, Count, Measure, Sum, Tally
from tallies.core.windows import Window, parse_window
from tallies.stores.protocol import TallyRow

Format = Literal["csv", "parquet"]

_SPAN = "span"
"""The kind of lines that belong to no single window."""

BATCH_ROWS = 10_000
"""Rows that are in memory at a time."""


BYTE_ORDER_MARK = "\ufeff"
"""At the beginning of a file: without it Excel does not recognise UTF-8."""

# Also after a semicolon or a comma, since the spreadsheets of half the world take the one, and some
# the other, for the end of a cell; and in the wide form that Japanese keyboards have. A quote is
# guarded by another one, so that guarded texts differ from texts that were written so.
_LIKE_A_FORMULA = pattern(r"(^|[;,])(?=[\s\ufeff\u200b]*[=+\-@＝＋－＠'])")

Line = tuple[Any, ...]
"""A row of the tallies as it is exported: the values of `columns`."""


def columns(tally: Tally, span: Span | None = None) -> list[str]:
    """The attributes that make a group; the kind of window (a plot of a history needs one kind);
    the window; its first day, nothing for `all`; the measures, of a span those that can be
    summed."""
    return [*tally.labels, "kind", "window", "starts", *_measures(tally, span)]


def lines(tally: Tally, rows: Iterable[TallyRow], kinds: Collection[Window] = ()) -> Iterator[Line]:
    """The rows of windows of these kinds, or of all. Rows of invalid windows are left out."""
    for group, window, values in rows:
        try:
            named = parse_window(window)
        except UnknownWindow:  # planted by hand; `verify` reports it
            continue
        if not kinds or named.kind in kinds:
            starts = named.start.date() if named.start else None
            names = named_values(tally.labels, group).values()
            yield (*names, named.kind.value, window, starts, *values.values())


def span_lines(tally: Tally, rows: Iterable[TallyRow], span: Span) -> Iterator[Line]:
    """A line for each group, with the sum of its rows in the windows of a span.

    Raises:
        InvalidInput: the tally has averages only, which cannot be summed.
    """
    measures = list(_measures(tally, span))
    if not measures:
        raise InvalidInput(
            f"Tally {tally.name!r} has averages only; a span needs a count or a sum."
        )
    weights = dict(zip(span.windows, span.weights, strict=True))
    starts = min(
        (start.date() for name in span.windows if (start := parse_window(name).start)), default=None
    )
    for group, its in groupby(rows, key=attrgetter("group")):
        within = [row for row in its if row.window in weights]
        each = [weights[row.window] for row in within]
        totals = [
            span.amount(weighted(each, [row.values[name] for row in within])) for name in measures
        ]
        if any(totals):
            names = named_values(tally.labels, group).values()
            yield (*names, _SPAN, span.name, starts, *totals)


def defused(value: Any) -> Any:
    """A value as a cell of a spreadsheet: a text that is no formula, anything else as it is.

    A single quote before it makes it a text; the spreadsheet shows the quote. Two texts that differ
    stay different.

    >>> defused("=1+1"), defused("noodles"), defused(-1)
    ("'=1+1", 'noodles', -1)
    """
    return _LIKE_A_FORMULA.sub(r"\1'", value) if isinstance(value, str) else value


def write_csv(
    tally: Tally,
    found: Iterable[Line],
    out: TextIO,
    span: Span | None = None,
    *,
    for_spreadsheets: bool = False,
) -> Iterator[int]:
    """Write lines with a header; yields now and then how many there are so far."""
    writer = csv.writer(out, lineterminator="\n")
    head: Sequence[Any] = columns(tally, span)
    if for_spreadsheets:
        out.write(BYTE_ORDER_MARK)
        head = [defused(name) for name in head]
        found = (tuple(map(defused, line)) for line in found)
    writer.writerow(head)
    done = 0
    for batch in _batches(found):
        writer.writerows(batch)
        done += len(batch)
        yield done


def write_parquet(
    tally: Tally, found: Iterable[Line], path: Path, span: Span | None = None
) -> Iterator[int]:
    """Write lines as a Parquet file; yields now and then how many there are so far.

    Raises:
        InvalidInput: the package that writes it is not installed.
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
    is_weighed = span is not None and span.unit > 1
    decimals = MAX_DECIMALS + (WEIGHT_DECIMALS if is_weighed else 0)
    kinds: dict[type[Measure], Any] = {
        Count: pa.decimal128(38, WEIGHT_DECIMALS) if is_weighed else pa.int64(),
        Sum: pa.decimal128(38, decimals),
        Average: pa.float64(),
    }
    types = [
        *(pa.string() for _ in tally.group_by),
        *(few, few, pa.date32()),
        *(kinds[type(measure)] for measure in _measures(tally, span).values()),
    ]
    schema = pa.schema(list(zip(columns(tally, span), types, strict=True)))
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


def write_file(
    tally: Tally,
    found: Iterable[Line],
    path: Path,
    form: Format,
    span: Span | None = None,
    *,
    for_spreadsheets: bool = False,
) -> Iterator[int]:
    """Write a whole file or none: a half-written file never has its name.

    Yields now and then how many lines there are so far.

    Raises:
        InvalidInput: the file cannot be written there.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        if form == "parquet":
            yield from write_parquet(tally, found, part, span)
        else:
            with part.open("x", encoding="utf-8", newline="") as out:
                yield from write_csv(tally, found, out, span, for_spreadsheets=for_spreadsheets)
        part.replace(path)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be written: {error.strerror or error}; name another file."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _measures(tally: Tally, span: Span | None) -> Mapping[str, Measure]:
    if span is None:
        return tally.measures
    return {name: of for name, of in tally.measures.items() if not isinstance(of, Average)}


def _batches(found: Iterable[Line]) -> Iterator[list[Line]]:
    rest = iter(found)
    while batch := list(islice(rest, BATCH_ROWS)):
        yield batch
