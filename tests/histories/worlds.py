"""What is tallied in a history: declarations, rows, and rows that no tally can use."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from tallies.core.change import Change
from tallies.core.errors import Unfoldable
from tallies.core.fold import Contribution, Folder
from tallies.core.tally import Average, Count, Sum, Tally
from tallies.core.windows import Window
from tallies.stores.dynamodb.rows.keys import TableNames
from tallies.stores.layout import OLDEST, Layout
from tests.core.histories import SPOILED, Row

START = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
"""Ten minutes before an hour is over in Kathmandu."""
MISREAD = "misread"
"""A city that the tallies cannot take in until their program is mended."""

FAVORITES = Tally(
    name="favorites",
    group_by="city",
    measures={"favorites": Count()},
    windows=(Window.ALL, Window.MONTH, Window.DAY),
    time="at",
    ranked=(Window.ALL, Window.MONTH, Window.DAY),
    in_place=False,
)
REVENUE = Tally(
    name="revenue",
    group_by=("city", "shop"),
    measures={"orders": Count(), "revenue": Sum("amount"), "mean": Average("amount")},
    windows=(Window.ALL, Window.WEEK, Window.DAY, Window.HOUR),
    time="at",
    zone="Asia/Kathmandu",
    ranked=(Window.DAY,),
    retention={Window.HOUR: timedelta(0), Window.DAY: timedelta(hours=6)},
)
TIPS = Tally(
    name="tips",
    group_by="shop",
    measures={"tips": Sum("tip")},
    windows=(Window.ALL, Window.HOUR),
    time="at",
    where={"status": ("paid", "open")},
    retention={Window.HOUR: timedelta(hours=1)},
)

TAKINGS = Tally(
    name="takings",
    group_by="city",
    measures={"takings": Sum("amount")},
    windows=(Window.ALL, Window.DAY),
    time="at",
    ranked=(Window.ALL, Window.DAY),
)
"""Ranked by amounts that may be negative, and may be fractions."""


class MisreadingFolder(Folder):
    """A program with a fault: it cannot read what another version of it can."""

    def contributions(self, changes: Iterable[Change]) -> dict[Contribution, int]:  # type: ignore[override] # a Counter is one
        changes = list(changes)
        images = [image for old, new, _ in changes for image in (old, new)]
        if "city" in self.tally.labels:
            for image in images:
                if image is not None and image.get("city") == MISREAD and self.tally.admits(image):
                    raise Unfoldable("This version cannot read the city.")
        return super().contributions(changes)


@dataclass(frozen=True)
class World:
    """Tallies of one table, as a faulty program and as a mended one sees them."""

    name: str
    tables: TableNames
    faulty: Sequence[Folder]
    mended: Sequence[Folder]
    widest: int
    """How many rows and parts of parked records one change can come to."""

    @property
    def tallies(self) -> list[Tally]:
        return [folder.tally for folder in self.mended]

    @property
    def in_place(self) -> bool:
        return any(tally.in_place for tally in self.tallies)


def kept_in_rows(world: World) -> World:
    """The same, whose rows hold their own positions."""
    layout = world.tables.layout
    layouts = {tally.name: replace(layout(tally.name), guard="rows") for tally in world.tallies}
    return replace(world, tables=replace(world.tables, layouts=layouts))


def _world(name: str, *tallies: Tally, layout: Layout = OLDEST) -> World:
    others = {tally.name: f"app-{tally.name}" for tally in tallies[1:]}
    layouts = {tally.name: layout for tally in tallies}
    return World(
        name,
        TableNames("app-rows", "app-tallies", others, layouts),
        [MisreadingFolder(tally) for tally in tallies],
        [Folder(tally) for tally in tallies],
        sum(2 * len(tally.windows) + 3 for tally in tallies),
    )


WORLDS = (
    _world("favorites", FAVORITES),
    _world("revenue", REVENUE),
    _world("revenue and tips", REVENUE, TIPS),
    _world("favorites by buckets", FAVORITES, layout=Layout(ranking="buckets")),
    _world("takings and tips by buckets", TAKINGS, TIPS, layout=Layout(ranking="buckets")),
)

_CITIES = ("a", "a", "a", "b", "c", "d", "ü#%", "e", "f")
_SHOPS = ("x", "x", "x", "y", 7)
_AMOUNTS = (1, 2, 5, 10**19, Decimal("0.1"), Decimal("-2.75"), Decimal("99999999999.000000001"))
_TIMES = tuple(START + timedelta(minutes=minutes) for minutes in (-1500, -200, -75, -45, -5, 0))
_NO_USE: dict[str, tuple[Any, ...]] = {
    "city": ("", "a\x1fb", "x" * 2001),
    "shop": ("", None, Decimal("1E+120") ** 20),
    "at": ("soon", 5, "2026-11-23", "0001-01-01T00:00:00+14:00"),
    "amount": ("one", 10**25, Decimal("1E-30"), None),
    "tip": ("two", 10**21),
}


def new_row(random: Random, world: World, spoil: float) -> Row:
    """A row; in a share `spoil` of cases one that a tally cannot use."""
    row: Row = {
        "city": random.choice(_CITIES),
        "shop": random.choice(_SHOPS),
        "at": f"{random.choice(_TIMES):%Y-%m-%dT%H:%M:%SZ}",
        "amount": random.choice(_AMOUNTS),
        "tip": random.randrange(4),
        "status": random.choice(["paid", "open", "void"]),
    }
    return spoiled(random, row) if random.random() < spoil else row


def touched(random: Random, world: World, row: Row, spoil: float) -> Row:
    """The row with one attribute changed, as often as not one that no tally reads."""
    other = new_row(random, world, spoil)
    name = random.choice(["city", "shop", "at", "amount", "tip", "status", "note"])
    marks = set(row.get(SPOILED, ())) - {name}
    if name in other.get(SPOILED, ()):
        marks.add(name)
    changed: Row = {**row, name: other.get(name, "x"), SPOILED: tuple(marks)}
    if name in other.get(SPOILED, ()) and name not in other:
        del changed[name]
    return changed


def spoiled(random: Random, row: Row) -> Row:
    name = random.choice([*_NO_USE, "city"])
    row = {**row, SPOILED: (name,)}
    kind = random.randrange(3)
    if kind == 0 and name == "city":
        row["city"] = MISREAD
    elif kind == 1:
        del row[name]
    else:
        row[name] = random.choice(_NO_USE[name])
    return row
