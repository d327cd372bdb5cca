"""What a tally is: which rows it counts, grouped how, over which windows. Declared, validated."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tallies.core.errors import InvalidTally
from tallies.core.windows import Window

Number = int | Decimal
Scalar = str | int | Decimal | bool | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows."""


@dataclass(frozen=True, slots=True)
class Sum:
    """The exact sum of a numeric attribute: integers or decimals, never floats."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Average:
    """The average of a numeric attribute, kept as an exact sum and the count of rows."""

    attribute: str


Measure = Count | Sum | Average

ROWS = "rows"
"""The component that counts rows in a tally which declares no Count of its own."""

_RESERVED_COMPONENTS = frozenset({"group", "time_window", "updated_at", "expires_at"})


@dataclass(frozen=True, kw_only=True)
class Tally:
    """A declared aggregate of one table. It equals GROUP BY over the rows now in that table.

    Raises:
        InvalidTally: when made with parts that contradict each other.
    """

    name: str
    group_by: Sequence[str] | str
    """Attributes (one name, or several) whose values make the group."""
    measures: Mapping[str, Measure]
    """Name of a measure to what it measures."""
    windows: Sequence[Window] = (Window.ALL,)
    time: str | None = None
    """The attribute with the row's RFC 3339 time; needed for any window but `all`."""
    where: Mapping[str, Scalar | Iterable[Scalar]] = field(default_factory=dict)
    """Only rows whose attributes have this value (or one of these) are counted."""
    zone: str = "UTC"
    """IANA name of the zone in which days begin."""
    ranked: Sequence[Window] = ()
    """Windows that have a leaderboard."""
    ranked_by: str | None = None
    """The measure that leaderboards order by: the first one unless named."""
    retention: Mapping[Window, timedelta] = field(default_factory=dict)
    """How long after its end a window of this kind is kept; for ever unless named."""
    in_place: bool = True
    """Whether the rows' group, time or amounts may change in place (takes MODIFY events too)."""
    nonnegative: bool = False
    """Whether what is summed is never negative. A row that breaks this is parked, and leaderboards
    of sums may be asked for spans."""

    components: Sequence[str] = field(init=False)
    """The stored numbers of a row of this tally; the count of rows comes first."""
    summed: Sequence[str] = field(init=False)
    """The attributes that are summed, one for each component after the first."""

    def __post_init__(self) -> None:
        put = object.__setattr__  # the class is frozen; this is its construction
        if isinstance(self.group_by, str):
            put(self, "group_by", (self.group_by,))
        for name in ("group_by", "windows", "ranked"):
            put(self, name, tuple(getattr(self, name)))
        put(self, "where", {name: _wanted(value) for name, value in self.where.items()})
        self._check()
        put(self, "ranked_by", self.ranked_by or next(iter(self.measures)))
        count = next((n for n, m in self.measures.items() if isinstance(m, Count)), ROWS)
        sums: dict[str, str] = {}  # attribute -> component: a sum is stored once
        for name, measure in self.measures.items():
            if isinstance(measure, Sum):
                sums.setdefault(measure.attribute, name)
        for name, measure in self.measures.items():
            if isinstance(measure, Average):
                sums.setdefault(measure.attribute, f"{name}_sum")
        put(self, "components", (count, *sums.values()))
        put(self, "summed", tuple(sums))
        if "" in self.attributes:
            raise InvalidTally(f"Tally {self.name!r}: an attribute that it reads has no name.")
        if len(set(self.components)) < len(self.components):
            raise InvalidTally(f"Tally {self.name!r}: two of its numbers share one name.")

    def _check(self) -> None:
        def refuse(sentence: str) -> InvalidTally:
            return InvalidTally(f"Tally {self.name!r}: {sentence}")

        if not self.name or not self.name.replace("-", "_").isidentifier():
            raise InvalidTally(
                f"{self.name!r} is no name for a tally; use letters, digits, - and _."
            )
        if not self.group_by:
            raise refuse("group_by needs at least one attribute.")
        if not self.measures:
            raise refuse("it measures nothing; give it a Count, Sum or Average.")
        for name in self.measures:
            if name in _RESERVED_COMPONENTS or not name.isidentifier():
                raise refuse(f"{name!r} cannot name a measure; choose another identifier.")
        if unknown := [w for w in (*self.windows, *self.ranked) if w not in set(Window)]:
            raise refuse(f"{unknown[0]!r} is no window; use {', '.join(Window)}.")
        if not self.windows:
            raise refuse("it has no windows; give it at least Window.ALL.")
        if len(set(self.windows)) < len(self.windows):
            raise refuse("it has a window twice; its rows would count twice.")
        for attribute, wanted in self.where.items():
            values = wanted if isinstance(wanted, tuple) else (wanted,)
            if not all(isinstance(value, Scalar) for value in values):
                raise refuse(
                    f"where {attribute!r} is compared with what is neither text nor number."
                )
        if self.time is None and set(self.windows) != {Window.ALL}:
            raise refuse("windows other than `all` need the attribute that holds a row's time.")
        if extra := [w for w in self.ranked if w not in self.windows]:
            raise refuse(f"{extra[0]!r} is ranked but not among its windows.")
        if self.ranked_by is not None and self.ranked_by not in self.measures:
            raise refuse(f"it is ranked by {self.ranked_by!r}, which is none of its measures.")
        if isinstance(self.measures[self.ranked_by or next(iter(self.measures))], Average) and (
            self.ranked
        ):
            raise refuse("an average cannot be ranked: it does not change by addition.")
        for kind, kept in self.retention.items():
            if kind not in self.windows or kind == Window.ALL or kept < timedelta(0):
                raise refuse("retention is for its own windows other than `all`, and not negative.")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise refuse(f"{self.zone!r} is no time zone; use an IANA name.") from None

    @property
    def attributes(self) -> Sequence[str]:
        """The names of all that it reads of a row."""
        timed = () if self.time is None else (self.time,)
        return tuple(dict.fromkeys((*self.group_by, *timed, *self.summed, *self.where)))

    @property
    def is_never_negative(self) -> bool:
        """Whether what leaderboards order by can not be negative."""
        measure = self.measures[self.ranked_by or next(iter(self.measures))]
        return self.nonnegative or isinstance(measure, Count)

    def values(self, amounts: Sequence[Number]) -> dict[str, Number]:
        """The measures of a row from its stored amounts (in the order of `components`)."""
        rows = amounts[0]
        of_sum = dict(zip(self.summed, amounts[1:], strict=True))
        result: dict[str, Number] = {}
        for name, measure in self.measures.items():
            match measure:
                case Count():
                    result[name] = rows
                case Sum(attribute):
                    result[name] = of_sum[attribute]
                case Average(attribute):
                    result[name] = Decimal(of_sum[attribute]) / Decimal(rows) if rows else 0
        return result

    def admits(self, image: Mapping[str, Any]) -> bool:
        """Whether the row is one that this tally counts (its `where`)."""
        for attribute, wanted in self.where.items():
            value = image.get(attribute)
            if value not in wanted if isinstance(wanted, tuple) else value != wanted:
                return False
        return True


def _wanted(value: Scalar | Iterable[Scalar]) -> Scalar | tuple[Scalar, ...]:
    # A tuple, since a set cannot be asked for a list, and a row may hold one.
    if isinstance(value, Iterable) and not isinstance(value, str):
        return tuple(value)
    return value
