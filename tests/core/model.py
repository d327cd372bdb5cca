"""The model: GROUP BY, plain and slow, with none of the product's code for groups, times, sums."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from tallies import Tally, Window
from tallies.core.fold import Deltas
from tests.core.histories import SPOILED, Row

Totals = dict[tuple[str, str], tuple[Fraction, ...]]

_FORMATS = {
    Window.ALL: "all",
    Window.YEAR: "{:%Y}",
    Window.MONTH: "{:%Y-%m}",
    Window.WEEK: "{:%G-W%V}",
    Window.DAY: "{:%Y-%m-%d}",
    Window.HOUR: "{:%Y-%m-%dT%H}",
}


def window_of(kind: Window, moment: datetime, zone: str) -> str:
    """The window of a moment. From the year 1000 on: `%Y` does not fill with zeros before."""
    return _FORMATS[kind].format(moment.astimezone(ZoneInfo(zone)))


def admitted(tally: Tally, row: Row) -> bool:
    wanted = {value.attribute: condition.is_ for value, condition in tally.where.items()}
    return row["status"] in wanted.get("status", ("paid", "open", "void"))


def is_spoiled(tally: Tally, row: Row) -> bool:
    """Whether the tally reads an attribute of the row that it cannot use."""
    read = {*tally.labels, "at", *(value.label for value in tally.summed)}
    return not read.isdisjoint(row.get(SPOILED, ()))


def group_by(tally: Tally, rows: Iterable[Row]) -> Totals:
    """What the tally must be: the count of rows and the sums, by group and window."""
    found: dict[tuple[str, str], list[Fraction]] = defaultdict(
        lambda: [Fraction(0)] * (1 + len(tally.summed))
    )
    for row in rows:
        if not admitted(tally, row) or is_spoiled(tally, row):
            continue
        parts = [_text(row[name]) for name in tally.labels]
        if len(parts) > 1:
            parts = [part.replace("%", "%25").replace("#", "%23") for part in parts]
        for window in tally.windows:
            name = window_of(window, datetime.fromisoformat(row["at"].upper()), tally.zone)
            amounts = found["#".join(parts), name]
            amounts[0] += 1
            for index, value in enumerate(tally.summed, 1):
                amounts[index] += Fraction(row[value.attribute])
    return {key: tuple(amounts) for key, amounts in found.items()}


def added(batches: Iterable[Deltas]) -> Totals:
    """What a table of tallies holds after these deltas; rows of zeros are no rows."""
    total: Totals = {}
    for deltas in batches:
        for key, amounts in deltas.items():
            before = total.get(key, (Fraction(0),) * len(amounts))
            total[key] = tuple(a + Fraction(b) for a, b in zip(before, amounts, strict=True))
    return {key: amounts for key, amounts in total.items() if any(amounts)}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    text = format(Decimal(value), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
