"""Rows as real tables hold them, each with the plain truth that it was written from.

The fold reads the encoded attributes; the model reads the truth alone.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tallies import Average, Change, Count, Sum, Tally, Time, Value, Window
from tests.core import histories as make
from tests.core.model import window_of

Row = dict[str, Any]

TRUTH = "truth"
"""The attribute that no tally reads."""
NAIVE_ZONE = "America/New_York"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    truth: dict[str, Any] = {
        "entity": draw(st.sampled_from(["SHOP#", "USER#", None])),
        "id": draw(st.sampled_from(["a", "b", "a#b", "SHOP#", "%23"])),
        "city": draw(st.sampled_from(["Rome", "a.b", 7, Decimal("2.5"), True, False, 1, 0])),
        "tags": draw(st.one_of(st.none(), st.lists(st.sampled_from(["x", "y", "z#"]), max_size=4))),
        "moment": draw(make.moments),
        "amount": draw(st.decimals(-(10**6), 10**6, places=3)),
        "deleted": draw(st.sampled_from([None, "", "2026-01-01", 0, False])),
        "size": draw(st.sampled_from([None, 0, 1, True, Decimal("2.5"), "2.5", "abc", "abd"])),
    }
    row: Row = {TRUTH: truth, "note": draw(st.sampled_from(["n", "m"]))}
    if truth["entity"] is not None:
        row["PK"] = truth["entity"] + truth["id"]
    elif draw(st.booleans()):
        row["PK"] = draw(st.sampled_from([None, 5, "SHOP"]))
    document = {"address": {"city": truth["city"]}, "size": truth["size"], "price": truth["amount"]}
    row["doc"] = draw(as_document(document))
    if truth["tags"] is not None:
        form = draw(st.sampled_from(["list", "set", "text", "bytes"]))
        text = json.dumps(truth["tags"])
        as_set = frozenset(truth["tags"])
        forms = {"list": truth["tags"], "set": as_set, "text": text, "bytes": text.encode()}
        row["tags"] = forms[form]
    elif draw(st.booleans()):
        row["tags"] = None
    micros = (truth["moment"] - _EPOCH) // timedelta(microseconds=1)
    row["ms"] = draw(st.sampled_from([micros // 1000, str(micros // 1000), Decimal(micros) / 1000]))
    row["s"] = draw(st.sampled_from([micros // 10**6, Decimal(micros) / 10**6]))
    row["day"] = f"{truth['moment']:%Y-%m-%d}"
    local = truth["moment"].astimezone(ZoneInfo(NAIVE_ZONE)).replace(tzinfo=None)
    truth["naive"] = local
    row["local"] = local.isoformat(sep=" ", timespec="microseconds")
    amount = truth["amount"]
    row["amount"] = draw(st.sampled_from([amount, str(amount), float(amount)]))
    for name in ("deleted", "size"):
        if truth[name] is not None or draw(st.booleans()):
            row[name] = truth[name]
    return row


def as_document(document: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """A map as DynamoDB has it, or as a JSON column."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: plain(part) for name, part in value.items()}
        # `float` writes the digits of a decimal of these few, and they are read back as such.
        return float(value) if isinstance(value, Decimal) else value

    compact, spaced = json.dumps(plain(document)), json.dumps(plain(document), indent=1)
    return st.sampled_from([document, compact, spaced, compact.encode()])


@dataclass(frozen=True)
class Known:
    """A part of a declaration beside what it means for the truth."""

    declared: Any
    means: Callable[..., Any]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else f"{Decimal(value):f}"


def _comparable(value: Any, kind: type) -> bool:
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return number if kind is int else isinstance(value, kind)


GROUPS = (
    Known((), lambda t: [()]),
    Known(Value("PK", after="SHOP#"), lambda t: [(t["id"],)] if t["entity"] == "SHOP#" else []),
    Known(Value("doc", ("address", "city")), lambda t: [(_text(t["city"]),)]),
    Known(Value("tags", each=True), lambda t: [(tag,) for tag in set(t["tags"] or ())]),
    Known(
        (Value("doc", ("address", "city")), Value("tags", each=True)),
        lambda t: [(_text(t["city"]), tag) for tag in set(t["tags"] or ())],
    ),
    Known(
        (Value("tags", each=True), Value("PK", after="USER#")),
        lambda t: (
            [(tag, t["id"]) for tag in set(t["tags"] or ())] if t["entity"] == "USER#" else []
        ),
    ),
)

TIMES = (
    Known(Time("ms", "epoch-ms"), lambda t, _: t["moment"]),
    Known(Time("s", "epoch-s"), lambda t, _: t["moment"]),
    Known(
        Time("day", "date"),
        lambda t, zone: datetime.fromisoformat(f"{t['moment']:%Y-%m-%d}").replace(
            tzinfo=ZoneInfo(zone)
        ),
    ),
    Known(
        Time("local", "sql", NAIVE_ZONE),
        lambda t, _: t["naive"].replace(tzinfo=ZoneInfo(NAIVE_ZONE)),
    ),
)

SUMMED = (
    Known(Value("amount"), lambda t: t["amount"]),
    Known(Value("doc", ("price",)), lambda t: t["amount"]),
)

_SIZE = Value("doc", ("size",))
WHERES = (
    Known({}, lambda t: True),
    Known({"deleted": {"exists": False}}, lambda t: t["deleted"] is None),
    Known({"deleted": {"exists": True}}, lambda t: t["deleted"] is not None),
    Known({"deleted": 0}, lambda t: t["deleted"] == 0 and t["deleted"] is not False),
    Known({"size": 1}, lambda t: t["size"] == 1 and t["size"] is not True),
    Known({"size": [True, "abc"]}, lambda t: t["size"] is True or t["size"] == "abc"),
    Known({"size": {"not": "abc"}}, lambda t: t["size"] != "abc"),
    Known(
        {"size": {"not": [0, 1], "exists": True}},
        lambda t: t["size"] is True or t["size"] not in (None, 0, 1),
    ),
    Known(
        {_SIZE: {"at_least": 1, "less_than": 2.5}},
        lambda t: _comparable(t["size"], int) and 1 <= t["size"] < 2.5,
    ),
    Known(
        {_SIZE: {"more_than": 0, "at_most": 2.5}},
        lambda t: _comparable(t["size"], int) and 0 < t["size"] <= 2.5,
    ),
    Known({_SIZE: {"begins_with": "ab", "not": "abd"}}, lambda t: t["size"] == "abc"),
    Known({_SIZE: {"more_than": "2"}}, lambda t: isinstance(t["size"], str)),
    Known(
        {Value("PK", after="SHOP#"): {"begins_with": "a"}, "deleted": {"exists": False}},
        lambda t: t["entity"] == "SHOP#" and t["id"].startswith("a") and t["deleted"] is None,
    ),
)


@dataclass(frozen=True)
class Case:
    """A tally, and GROUP BY over the truth for it."""

    tally: Tally
    groups: Known
    time: Known
    summed: Known | None
    where: Known

    def expected(self, rows: list[Row]) -> dict[tuple[str, str], tuple[Fraction, ...]]:
        found: dict[tuple[str, str], tuple[Fraction, ...]] = {}
        for row in rows:
            truth = row[TRUTH]
            if not self.where.means(truth):
                continue
            amounts = [Fraction(1)]
            if self.summed is not None:
                amounts.append(Fraction(self.summed.means(truth)))
            moment = self.time.means(truth, self.tally.zone)
            for texts in self.groups.means(truth):
                parts = [text.replace("%", "%25").replace("#", "%23") for text in texts]
                group = "total" if not texts else texts[0] if len(texts) == 1 else "#".join(parts)
                for kind in self.tally.windows:
                    key = group, window_of(kind, moment, self.tally.zone)
                    before = found.get(key, (Fraction(0),) * len(amounts))
                    found[key] = tuple(a + b for a, b in zip(before, amounts, strict=True))
        return found


@st.composite
def cases(draw: st.DrawFn) -> Case:
    groups, time = draw(st.sampled_from(GROUPS)), draw(st.sampled_from(TIMES))
    where = draw(st.sampled_from(WHERES))
    summed = draw(st.sampled_from([None, *SUMMED]))
    measures: dict[str, Any] = {"n": Count()}
    if summed is not None:
        measures |= {"total": Sum(summed.declared), "mean": Average(summed.declared)}
    tally = Tally(
        name="t",
        group_by=groups.declared,
        time=time.declared,
        measures=measures,
        windows=draw(st.lists(st.sampled_from(list(Window)), min_size=1, unique=True)),
        where=where.declared,
        zone=draw(st.sampled_from(["UTC", "Europe/Lisbon", "Asia/Kathmandu"])),
    )
    return Case(tally, groups, time, summed, where)


@st.composite
def changes(draw: st.DrawFn) -> tuple[list[Change], list[Row]]:
    """A history of a few rows, and those that are left."""
    table: dict[int, Row] = {}
    found = []
    for position in range(draw(st.integers(0, 12))):
        key = draw(st.integers(0, 3))
        new = draw(st.one_of(st.none(), rows()))
        old = table.pop(key, None)
        if new is not None:
            table[key] = new
        if (old, new) != (None, None):
            found.append(Change(old, new, f"{position:040d}"))
    return found, list(table.values())
