"""What commands print: tables for people, JSON for programs."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from tallies.core.tally import Number, Tally

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def headings(tally: Tally) -> list[str]:
    """What the attributes of a group are called in a table for people."""
    return [name.removesuffix("_id") for name in tally.labels]


def plain(value: Number) -> int | float | str:
    """A number for JSON: exact, as text where a reader's floating point could not hold it."""
    if isinstance(value, int) or value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(str(float(value))) == value else str(value)


def print_json(data: Any) -> None:
    """One JSON document, as it is: ids in any script stay readable."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; columns whose values are numbers are set to the right."""
    lines = list(rows)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for index, column in enumerate(columns):
        numeric = bool(lines) and all(
            isinstance(line[index], int | float | Decimal) for line in lines
        )
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for line in lines:
        # Text, not str: an id may look like markup.
        table.add_row(*(Text(_shown(value)) for value in line))
    out.print(table)


def _shown(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Decimal):
        return f"{value.normalize():,f}"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def progress(unit: str) -> Progress:
    """A bar on standard error, with a count of units; silent when that is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn(f"{{task.fields[{unit}]:,}} {unit}"),
        TimeRemainingColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )


def counting(description: str) -> Progress:
    """A bar on standard error that counts towards a known total."""
    return Progress(
        TextColumn(description),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )
