"""Random tallies and random histories of a table, for any suite that wants them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tallies import Average, Change, Count, Sum, Tally, Window

ZONES = ("UTC", "Europe/Lisbon", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia")

# Near the edges: new years, ends of ISO years, changes of clocks, a day that Samoa left out, and
# the time when offsets had seconds.
_EDGES = [
    datetime(2020, 12, 31, 23, 30, tzinfo=UTC),
    datetime(2021, 1, 3, 23, 59, 59, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 59, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2011, 12, 30, 9, 0, tzinfo=UTC),
    datetime(1969, 6, 1, 0, 0, 30, tzinfo=UTC),
    datetime(1890, 1, 1, 0, 20, 31, tzinfo=UTC),
]

moments = st.one_of(
    st.sampled_from(_EDGES).flatmap(
        lambda edge: st.integers(-7200, 7200).map(lambda s: edge + timedelta(seconds=s))
    ),
    st.datetimes(datetime(1900, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)),
)


@st.composite
def time_texts(draw: st.DrawFn) -> str:
    """A moment in one of the forms that RFC 3339 allows."""
    moment = draw(moments)
    form = draw(st.sampled_from(["Z", "fraction", "offset"]))
    if form == "offset":
        minutes = draw(st.sampled_from([-720, -210, 0, 60, 345, 840]))
        return moment.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    digits = "microseconds" if form == "fraction" else "seconds"
    return moment.isoformat(timespec=digits).replace("+00:00", "Z")


amounts = st.one_of(
    st.integers(-(10**20) + 1, 10**20 - 1),
    st.decimals(-(10**6), 10**6, places=9),
    st.sampled_from([Decimal("99999999999999999999.999999999"), Decimal("1E-9"), Decimal("1E+19")]),
)

rows = st.fixed_dictionaries(
    {
        "city": st.sampled_from(["a", "b", "a#b", "%23", "ü"]),
        "shop": st.sampled_from(["x", "x#", 1, Decimal("1.0"), Decimal("2.50")]),
        "at": time_texts(),
        "amount": amounts,
        "tip": st.integers(0, 5),
        "status": st.sampled_from(["paid", "open", "void"]),
    }
)

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


@dataclass(frozen=True)
class History:
    """The changes of a table in their order, and the rows that are there at the end."""

    changes: list[Change]
    final: list[dict[str, Any]]


@st.composite
def histories(draw: st.DrawFn, max_size: int = 30) -> History:
    """Inserts, rewrites (of everything, of something, of nothing) and removals."""
    table: dict[int, dict[str, Any]] = {}
    changes = []
    for position in range(draw(st.integers(0, max_size))):
        key = draw(st.integers(0, 5))
        old = table.get(key)
        action = draw(st.sampled_from(["put", "same", "touch", "remove"]))
        new: dict[str, Any] | None
        if action == "remove":
            new = None
        elif action == "put" or old is None:
            new = draw(rows)
        elif action == "touch":
            name = draw(st.sampled_from(sorted(old)))
            new = {**old, name: draw(rows)[name]}
        else:
            new = dict(old)
        if old is None and new is None:
            continue
        changes.append(Change(old, new, str(position)))
        if new is None:
            del table[key]
        else:
            table[key] = new
    return History(changes, list(table.values()))
