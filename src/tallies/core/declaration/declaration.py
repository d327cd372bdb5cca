"""The declaration of a source: its table and its tallies, as a TOML file and as JSON.

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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar, assert_never

from tallies.core.declaration.parts import (
    conditions_from,
    spec_of_conditions,
    spec_of_time,
    spec_of_value,
    time_from,
    value_from,
)
from tallies.core.errors import InvalidTally, shown
from tallies.core.tally import Average, Count, Measure, Sum, Tally
from tallies.core.windows import Window

Spec = Mapping[str, Any]
"""A tally as plain data, the same for equal tallies."""

Read = TypeVar("Read")
Kept = TypeVar("Kept")

MAX_DAYS = 1_000_000
_MEASURES: Mapping[str, type[Sum] | type[Average]] = {"sum": Sum, "average": Average}
_TEXTS = ("name", "zone", "ranked_by")
_LISTS = ("windows", "ranked")
_DAY = timedelta(days=1)
_KNOWN = frozenset(
    {
        *_TEXTS,
        *_LISTS,
        "group_by",
        "time",
        "measures",
        "where",
        "retention_days",
        "in_place",
        "nonnegative",
    },
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

    @property
    def of_table(self) -> str:
        """The table, for a sentence."""
        return "favorites" if self.table is None else f"the table {self.table}"


def read_declaration(text: str) -> Declaration:
    """Read a declaration file.

    Raises:
        InvalidTally: it is no TOML, or something in it has no meaning.
    """
    import tomllib  # only reading a file has to wait for this import

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
    for key in ("measures", "retention_days"):
        if not isinstance(spec.get(key, {}), Mapping):
            raise refuse(f"{key} is a table, not {shown(spec[key])}.")
    for key in ("in_place", "nonnegative"):
        if not isinstance(spec.get(key, True), bool):
            raise refuse(f"{key} is true or false, not {shown(spec[key])}.")

    def said(what: str, read: Callable[[Any], Read], declared: Any) -> Read:
        try:
            return read(declared)
        except InvalidTally as error:
            raise refuse(f"{what}: {error}") from None

    def kind(value: str) -> Window:
        try:
            return Window(value)
        except ValueError:
            raise refuse(f"{value!r} is no window; use {', '.join(Window)}.") from None

    def measure(of: str, declared: Any) -> Measure:
        if declared == "count":
            return Count()
        if isinstance(declared, Mapping) and len(declared) == 1:
            ((what, value),) = declared.items()
            if what in _MEASURES and value:
                return _MEASURES[what](said(f"measure {of!r}", value_from, value))
        raise refuse(
            f"measure {of!r} is {shown(declared)}; write 'count', {{ sum = 'attribute' }} or"
            " { average = 'attribute' }."
        )

    def days(window: str, count: Any) -> timedelta:
        is_number = isinstance(count, int | float | Decimal) and not isinstance(count, bool)
        if not is_number or not 0 <= count <= MAX_DAYS:
            raise refuse(f"retention_days of {window!r} is a number of days, 0 to {MAX_DAYS:,}.")
        return timedelta(days=float(count))

    if "group_by" not in spec:
        raise refuse("group_by needs at least one attribute; [] counts the whole table as one.")
    grouped = spec["group_by"] if isinstance(spec["group_by"], list) else [spec["group_by"]]
    return Tally(
        name=name,
        group_by=[said("group_by", value_from, each) for each in grouped],
        measures={each: measure(each, how) for each, how in spec.get("measures", {}).items()},
        windows=[kind(window) for window in lists["windows"] or ["all"]],
        time=said("time", time_from, spec["time"]) if "time" in spec else None,
        where=said("where", conditions_from, spec.get("where", {})),
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
            case Sum(value):
                measures[name] = {"sum": spec_of_value(value)}
            case Average(value):
                measures[name] = {"average": spec_of_value(value)}
            case _:
                assert_never(measure)
    spec: dict[str, Any] = {
        "name": tally.name,
        "group_by": [spec_of_value(value) for value in tally.group_by],
        "measures": measures,
        "windows": [window.value for window in tally.windows],
        "time": None if tally.time is None else spec_of_time(tally.time),
        "where": spec_of_conditions(tally.where),
        "zone": tally.zone,
        "ranked": [window.value for window in tally.ranked],
        "ranked_by": tally.ranked_by,
        "retention_days": {kind.value: kept / _DAY for kind, kept in tally.retention.items()},
        "in_place": tally.in_place,
        "nonnegative": tally.nonnegative or None,
    }
    return {key: value for key, value in spec.items() if value is not None}


def same(one: Tally, other: Tally) -> bool:
    """Whether two tallies give the same rows, apart from their names."""
    return _canonical(one) == _canonical(other)


def what_differs(one: Tally, other: Tally) -> str:
    """The parts in which two tallies differ, as words; empty where they are the same."""
    if same(one, other):
        return ""
    first, second = spec_of(one), spec_of(other)
    # As text, since in Python True equals 1.
    parts = [
        key
        for key in sorted(_KNOWN - {"name"})
        if json.dumps(first.get(key), sort_keys=True) != json.dumps(second.get(key), sort_keys=True)
    ]
    return ", ".join(parts)


def changes(
    there: Mapping[str, Kept], declared: Iterable[Tally], difference: Callable[[Kept, Tally], str]
) -> str:
    """How declared tallies differ from those that are there, in words; empty when they do not.

    `difference` says how one differs from its declaration.
    """
    said = []
    left = dict(there)
    for tally in declared:
        if tally.name not in left:
            said.append(f"{tally.name!r} is new")
        elif differs := difference(left.pop(tally.name), tally):
            said.append(f"{tally.name!r} differs in {differs}")
    said += [f"{name!r} is not declared" for name in left]
    return "; ".join(said)


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
