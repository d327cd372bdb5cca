"""The declaration of a source: its table and its tallies, as a TOML file says it and as JSON.

table = "orders"

[[tally]]
name = "orders"
group_by = "restaurant_id"
time = "ordered_at"
windows = ["all", "day"]
ranked = ["all", "day"]
ranked_by = "revenue"
measures = { orders = "count", revenue = { sum = "total" }, average = { average = "total" } }
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tallies.core.errors import InvalidTally, shown
from tallies.core.tally import Average, Count, Measure, Sum, Tally
from tallies.core.windows import Window

Spec = Mapping[str, Any]
"""A tally as plain data, the same for equal tallies."""

MAX_DAYS = 1_000_000
_MEASURES: Mapping[str, type[Sum] | type[Average]] = {"sum": Sum, "average": Average}
_TEXTS = ("name", "time", "zone", "ranked_by")
_LISTS = ("group_by", "windows", "ranked")
_DAY = timedelta(days=1)
_KNOWN = frozenset(
    {*_TEXTS, *_LISTS, "measures", "where", "retention_days", "in_place", "nonnegative"},
)


@dataclass(frozen=True)
class Declaration:
    """A source and the tallies of it.

    Raises:
        InvalidTally: when made with no tally, or with two of one name.
    """

    tallies: Sequence[Tally]
    table: str | None = None
    """The source table; None for the table of favorites that a store has itself."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "tallies", tuple(self.tallies))
        if not self.tallies:
            raise InvalidTally("The declaration has no tally; give it a [[tally]].")
        names = [tally.name for tally in self.tallies]
        for name in names:
            if names.count(name) > 1:
                raise InvalidTally(f"Two tallies have the name {name!r}; rename one of them.")


def read_declaration(text: str) -> Declaration:
    """Read a declaration file.

    Raises:
        InvalidTally: it is no TOML, or something in it has no meaning.
    """
    import tomllib  # only those who read a file need wait for it

    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise InvalidTally(f"The declaration is no TOML: {error}.") from None
    table = data.pop("table", None)
    if table is not None and not (isinstance(table, str) and table):
        raise InvalidTally("The declaration's table is the name of a table, as text.")
    specs = data.pop("tally", [])
    if data:
        raise InvalidTally(
            f"The declaration has an unknown key {next(iter(data))!r}; use table and [[tally]]."
        )
    if not isinstance(specs, list) or not all(isinstance(spec, dict) for spec in specs):
        raise InvalidTally("The declaration's tallies begin with [[tally]], in double brackets.")
    return Declaration([tally_of(spec) for spec in specs], table)


def tally_of(spec: Spec) -> Tally:
    """The tally that plain data describes.

    Raises:
        InvalidTally: something in it has no meaning.
    """
    name = spec.get("name")
    if not isinstance(name, str):
        raise InvalidTally("Each tally needs a name, as text.")

    def refuse(sentence: str) -> InvalidTally:
        return InvalidTally(f"Tally {name!r}: {sentence}")

    if unknown := sorted(spec.keys() - _KNOWN):
        raise refuse(f"unknown key {unknown[0]!r}; the known ones are {', '.join(sorted(_KNOWN))}.")
    for key in _TEXTS:
        if not isinstance(spec.get(key, ""), str):
            raise refuse(f"{key} is a text, not {shown(spec[key])}.")
    lists = {key: _texts(spec.get(key, [])) for key in _LISTS}
    for key, found in lists.items():
        if found is None:
            raise refuse(f"{key} is a text or a list of texts, not {shown(spec[key])}.")
    for key in ("measures", "where", "retention_days"):
        if not isinstance(spec.get(key, {}), Mapping):
            raise refuse(f"{key} is a table, not {shown(spec[key])}.")
    for key in ("in_place", "nonnegative"):
        if not isinstance(spec.get(key, True), bool):
            raise refuse(f"{key} is true or false, not {shown(spec[key])}.")

    def kind(value: str) -> Window:
        try:
            return Window(value)
        except ValueError:
            raise refuse(f"{value!r} is no window; use {', '.join(Window)}.") from None

    def measure(of: str, declared: Any) -> Measure:
        if declared == "count":
            return Count()
        if isinstance(declared, Mapping) and len(declared) == 1:
            ((what, attribute),) = declared.items()
            if what in _MEASURES and isinstance(attribute, str) and attribute:
                return _MEASURES[what](attribute)
        raise refuse(
            f"measure {of!r} is {shown(declared)}; write 'count', {{ sum = 'attribute' }} or"
            " { average = 'attribute' }."
        )

    def days(window: str, count: Any) -> timedelta:
        is_number = isinstance(count, int | float | Decimal) and not isinstance(count, bool)
        if not is_number or not 0 <= count <= MAX_DAYS:
            raise refuse(f"retention_days of {window!r} is a number of days, 0 to {MAX_DAYS:,}.")
        return timedelta(days=float(count))

    def wanted(attribute: str, value: Any) -> Any:
        if isinstance(value, list):
            return [wanted(attribute, each) for each in value]
        if isinstance(value, float):
            value = Decimal(str(value))
        if not isinstance(value, str | int | Decimal):
            raise refuse(f"where {attribute!r} is compared with what is neither text nor number.")
        if isinstance(value, Decimal) and Decimal(str(float(value))) != value:
            raise refuse(f"where {attribute!r} is compared with a number of too many digits.")
        return value

    return Tally(
        name=name,
        group_by=lists["group_by"] or (),
        measures={each: measure(each, how) for each, how in spec.get("measures", {}).items()},
        windows=[kind(window) for window in lists["windows"] or ["all"]],
        time=spec.get("time"),
        where={each: wanted(each, value) for each, value in spec.get("where", {}).items()},
        zone=spec.get("zone", "UTC"),
        ranked=[kind(window) for window in lists["ranked"] or ()],
        ranked_by=spec.get("ranked_by"),
        retention={
            kind(window): days(window, count)
            for window, count in spec.get("retention_days", {}).items()
        },
        in_place=spec.get("in_place", True),
        nonnegative=spec.get("nonnegative", False),
    )


def spec_of(tally: Tally) -> Spec:
    """A tally as plain data that JSON can hold: undoes `tally_of`."""
    measures: dict[str, Any] = {}
    for name, measure in tally.measures.items():
        match measure:
            case Count():
                measures[name] = "count"
            case Sum(attribute):
                measures[name] = {"sum": attribute}
            case Average(attribute):
                measures[name] = {"average": attribute}
    spec: dict[str, Any] = {
        "name": tally.name,
        "group_by": list(tally.group_by),
        "measures": measures,
        "windows": [window.value for window in tally.windows],
        "time": tally.time,
        "where": {name: _plain(value) for name, value in tally.where.items()},
        "zone": tally.zone,
        "ranked": [window.value for window in tally.ranked],
        "ranked_by": tally.ranked_by,
        "retention_days": {kind.value: kept / _DAY for kind, kept in tally.retention.items()},
        "in_place": tally.in_place,
        "nonnegative": tally.nonnegative or None,
    }
    return {key: value for key, value in spec.items() if value is not None}


def same(one: Tally, other: Tally) -> bool:
    """Whether two tallies come to the same rows, apart from their names."""
    return _canonical(one) == _canonical(other)


def what_differs(one: Tally, other: Tally) -> str:
    """The parts in which two tallies differ, as words."""
    first, second = spec_of(one), spec_of(other)
    parts = [key for key in sorted(_KNOWN - {"name"}) if first.get(key) != second.get(key)]
    return ", ".join(parts)


def _canonical(tally: Tally) -> str:
    spec = dict(spec_of(tally), name="")
    for key in ("windows", "ranked"):  # their order means nothing
        spec[key] = sorted(spec[key])
    return json.dumps(spec, sort_keys=True)


def _texts(value: Any) -> list[str] | None:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        return None
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return float(value) if isinstance(value, Decimal) else value
