"""Random tallies and random histories of a table, for any suite that wants them."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tallies import Average, Change, Count, Sum, Tally, Window

Row = dict[str, Any]

ZONES = (
    "UTC",
    "Europe/Lisbon",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Monrovia",
    "Pacific/Apia",
)

# Near the edges: new years, ends of ISO years, changes of clocks, a day that Samoa left out, and
# the time when offsets had seconds.
EDGES = (
    datetime(2020, 12, 31, 23, 30, tzinfo=UTC),
    datetime(2021, 1, 3, 23, 59, 59, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 59, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2018, 11, 4, 3, 0, tzinfo=UTC),
    datetime(2010, 11, 7, 2, 31, tzinfo=UTC),
    datetime(2011, 12, 30, 9, 0, tzinfo=UTC),
    datetime(1972, 1, 7, 0, 44, 30, tzinfo=UTC),
    datetime(1969, 6, 1, 0, 0, 30, tzinfo=UTC),
    datetime(1890, 1, 1, 0, 20, 31, tzinfo=UTC),
)

moments = st.one_of(
    st.sampled_from(EDGES).flatmap(
        lambda edge: st.timedeltas(timedelta(hours=-2), timedelta(hours=2)).map(
            lambda way: edge + way
        )
    ),
    st.datetimes(datetime(1900, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)),
)
"""Moments in UTC, to the microsecond, many of them where calendars and clocks are odd."""


@st.composite
def time_texts(draw: st.DrawFn, of: st.SearchStrategy[datetime] = moments) -> str:
    """A moment in one of the forms that a table may hold."""
    moment = draw(of)
    forms = ["Z", "Z", "small", "seconds", "offset", "space", "comma", "dense", "week"]
    form = draw(st.sampled_from(forms))
    exact = moment.isoformat(timespec="microseconds")[: -len("+00:00")]
    match form:
        case "Z":
            return exact + "Z"
        case "small":
            return f"{exact}Z".lower()
        case "seconds":
            return exact.removesuffix(".000000") + "Z"
        case "offset":
            minutes = draw(st.sampled_from([-720, -210, 0, 60, 345, 840]))
            return moment.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
        case "space":
            return exact.replace("T", " ") + "+00:00"
        case "comma":
            return exact.replace(".", ",") + "Z"
        case "dense":
            return f"{exact[:10]}T{exact[11:].replace(':', '')}Z"
        case _:
            year, week, day = moment.isocalendar()
            return f"{year:04}-W{week:02}-{day}T{exact[11:]}Z"


amounts = st.one_of(
    st.integers(-(10**20) + 1, 10**20 - 1),
    st.decimals(-(10**6), 10**6, places=9),
    st.sampled_from(
        [
            0,
            Decimal("0E-30"),
            Decimal("-0.00"),
            Decimal("99999999999999999999.999999999"),
            Decimal("-99999999999999999999.999999999"),
            Decimal("1E-9"),
            Decimal("1E+19"),
            Decimal("2.500000000000000000000000000000"),
        ]
    ),
)

rows: st.SearchStrategy[Row] = st.fixed_dictionaries(
    {
        "city": st.sampled_from(["a", "b", "a#b", "%23", "ü"]),
        "shop": st.sampled_from(["x", "x#", 1, Decimal("1.0"), Decimal("2.50"), Decimal("1E+3")]),
        "at": time_texts(),
        "amount": amounts,
        "tip": st.integers(0, 5),
        "status": st.sampled_from(["paid", "open", "void"]),
    }
)

SPOILED = "spoiled"
"""The attribute that lists which others of a row no tally can use. No tally reads it."""

_NO_USE: Mapping[str, tuple[Any, ...]] = {
    "city": (None, "", ["a"], {"S": "a"}, "\x00position", "a\nb", "\ud800", "x" * 2001, b"a"),
    "shop": (None, "", Decimal("NaN"), Decimal("Infinity"), Decimal("1E+999999999")),
    "at": (None, 5, "", "soon", "2026-11-23", "2026-11-23T12:00:00", "2026-02-30T12:00:00Z"),
    "amount": (
        None,
        "1e3",
        True,
        False,
        0.1 + 0.2,
        Decimal("NaN"),
        10**20,
        10**5000,
        Decimal("1E-9999"),
    ),
    "tip": (None, "one", True, float("nan"), ["1"]),
}


@st.composite
def spoiled_rows(draw: st.DrawFn) -> Row:
    """A row some of whose attributes no tally can use, or that lacks them."""
    row = draw(rows)
    names = draw(st.lists(st.sampled_from(sorted(_NO_USE)), min_size=1, max_size=2, unique=True))
    for name in names:
        if draw(st.booleans()):
            row[name] = draw(st.sampled_from(_NO_USE[name]))
        else:
            del row[name]
    return {**row, SPOILED: tuple(names)}


tallies = st.builds(
    lambda group_by, measures, windows, zone, where: Tally(
        name="orders",
        group_by=group_by,
        measures=measures,
        windows=windows,
        time="at",
        zone=zone,
        where=where,
    ),
    st.sampled_from(["city", ("city",), ("city", "shop"), "shop"]),
    st.sampled_from(
        [
            {"orders": Count()},
            {"revenue": Sum("amount")},
            {"orders": Count(), "revenue": Sum("amount"), "mean": Average("amount")},
            {"mean": Average("amount"), "tips": Sum("tip")},
        ]
    ),
    st.lists(st.sampled_from(list(Window)), min_size=1, unique=True),
    st.sampled_from(ZONES),
    st.sampled_from([{}, {"status": "paid"}, {"status": ("paid", "open")}]),
)
"""Declarations of a tally `orders` over `rows`."""


@dataclass(frozen=True)
class History:
    """The changes of a table in their order, and the rows that are there at the end."""

    changes: list[Change]
    final: list[Row]


@st.composite
def histories(draw: st.DrawFn, max_size: int = 30, of: st.SearchStrategy[Row] = rows) -> History:
    """Inserts, rewrites (of everything, of something, of nothing) and removals."""
    table: dict[int, Row] = {}
    changes = []
    for position in range(draw(st.integers(0, max_size))):
        key = draw(st.integers(0, 5))
        old = table.get(key)
        action = draw(st.sampled_from(["put", "same", "touch", "remove"]))
        new: Row | None
        if action == "remove":
            new = None
        elif action == "put" or old is None:
            new = draw(of)
        elif action == "touch":
            name = draw(st.sampled_from(sorted(_NO_USE)))
            new = {**old, name: draw(rows)[name]}
            new[SPOILED] = tuple(set(old.get(SPOILED, ())) - {name})
        else:
            new = dict(old)
        if old is None and new is None:
            continue
        changes.append(Change(old, new, f"{position:040d}"))
        if new is None:
            del table[key]
        else:
            table[key] = new
    return History(changes, list(table.values()))


mixed_histories = histories(of=st.one_of(rows, spoiled_rows()))
"""Histories some of whose rows no tally can use."""


@st.composite
def batches(draw: st.DrawFn, history: History) -> list[list[Change]]:
    """The changes of a history in any cut, the parts in any order."""
    changes = history.changes
    inner = draw(st.lists(st.integers(0, len(changes)), max_size=4).map(sorted))
    edges = [0, *inner, len(changes)]
    parts = [changes[a:b] for a, b in itertools.pairwise(edges)]
    return draw(st.permutations(parts))
