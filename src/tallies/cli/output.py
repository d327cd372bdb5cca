"""What commands print: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from math import isfinite
from re import compile as pattern
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
from rich.text import Text

from tallies.cli.table import shown, table, wrapped
from tallies.core.tally import Number, Tally

# What is printed is printed as it is: an id may be called [red] or :pizza:.
out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def headings(tally: Tally) -> list[str]:
    """What the attributes of a group are called in a table for people."""
    return [name.removesuffix("_id") for name in tally.labels]


def plain(value: Number) -> int | float | str:
    """A number for JSON: exact, as text where a reader's floating point could not hold it."""
    if isinstance(value, int) or value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(str(float(value))) == value else str(value)


# What JSON allows in a text, and a terminal takes for a command, or UTF-8 cannot write.
_HIDDEN_IN_JSON = pattern("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def json_text(data: Any, indent: int | None = None) -> str:
    """A JSON document: ids in any script stay readable, what has no sign is an escape."""
    text = json.dumps(_finite(data), ensure_ascii=False, indent=indent)
    return _HIDDEN_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_json(data: Any) -> None:
    """One JSON document, with escapes for what the terminal lacks."""
    is_unicode = sys.stdout.encoding.lower().replace("-", "") == "utf8"
    click.echo(json_text(data, indent=2) if is_unicode else json.dumps(_finite(data), indent=2))


def _finite(data: Any) -> Any:
    """The same without numbers that JSON does not know: a row may hold an infinite one."""
    match data:
        case float():
            return data if isfinite(data) else str(data)
        case Mapping():
            return {name: _finite(value) for name, value in data.items()}
        case list() | tuple():
            return [_finite(value) for value in data]
    return data


def width() -> int | None:
    """Cells that a line has on the terminal; None for a file or a pipe, where it has no end."""
    return out.width if out.is_terminal else None


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], prose: Collection[str] = ()
) -> None:
    """A table; columns whose values are numbers are set to the right, those of `prose` wrapped."""
    found = table(columns, list(rows), width(), prose)
    for line in next(found):
        out.print(Text(line, style="bold"))
    for lines in found:
        for line in lines:
            out.print(Text(line))


def print_pairs(pairs: Mapping[str, object]) -> None:
    """Names, and what is to be said of them: a value goes on below itself, not below its name."""
    names = max(map(len, pairs))
    room = width()
    for name, value in pairs.items():
        text = shown(value)
        lines = [text] if room is None else wrapped(text, max(20, room - names - 2))
        for part in lines:
            out.print(Text(f"{name:>{names}}  {part}"))
            name = ""


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
