"""What a tally is: which rows it counts, grouped how, over which windows. Declared, validated."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, assert_never

from tallies.core.change import Image
from tallies.core.declaration.short_forms import Given
from tallies.core.errors import InvalidTally
from tallies.core.source.conditions import Condition, condition_of
from tallies.core.source.row_time import Time, is_zone, time_of
from tallies.core.source.values import MISSING, Value, value_of, values_of
from tallies.core.windows import Window

Number = int | Decimal


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows."""


@dataclass(frozen=True)
class Sum:
    """The exact sum of a numeric value: of integers, of decimals, of texts that are a plain decimal
    number, of floats as the shortest decimal that reads back as the same float."""

    value: Given[Value | str, Value] = Given(value_of)


@dataclass(frozen=True)
class Average:
    """The average of a numeric value, kept as an exact sum and the count of rows."""

    value: Given[Value | str, Value] = Given(value_of)


Measure = Count | Sum | Average

ROWS = "rows"
"""The component that counts rows in a tally that declares no Count of its own."""

Conditions = Mapping[Value, Condition]

_RESERVED_COMPONENTS = frozenset({"group", "time_window", "updated_at", "expires_at"})


def _conditions(given: Mapping[Any, Any] | None) -> Conditions:
    found: dict[Value, Condition] = {}
    for name, wanted in (given or {}).items():
        value = value_of(name)
        if value in found:
            raise InvalidTally(f"{value.label!r} stands there twice; put its comparisons together.")
        try:
            found[value] = condition_of(wanted)
        except InvalidTally as error:
            raise InvalidTally(f"{value.label!r}: {error}") from None
    return found


@dataclass(frozen=True, kw_only=True)
class Tally:
    """A declared aggregate of one table. It equals GROUP BY over the rows now in that table.

    Raises:
        InvalidTally: when made with parts that contradict each other.
    """

    name: str
    group_by: Given[Iterable[Value | str] | Value | str, tuple[Value, ...]] = Given(values_of)
    """The values that make the group: the name of an attribute, or a Value, or several. Without
    any, all rows are one group, the total of the table; its text is `tallies.core.groups.TOTAL`."""
    measures: Mapping[str, Measure]
    """Name of a measure to what it measures."""
    windows: Sequence[Window] = (Window.ALL,)
    time: Given[Time | Value | str | None, Time | None] = Given(time_of, None)
    """What holds the row's time (RFC 3339 text by default); needed for any window but `all`."""
    where: Given[Mapping[Any, Any] | None, Conditions] = Given(_conditions, None)
    """Only rows that meet the conditions on these values (names of attributes, or Values) are
    counted. A condition is a value to equal, a list of values of which the row must have one, or
    comparisons (a `Condition`, or a mapping with the names of its fields)."""
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
    summed: tuple[Value, ...] = field(init=False)
    """The values that are summed, one for each component after the first."""

    def __post_init__(self) -> None:
        put = object.__setattr__  # the class is frozen; this is its construction
        for name in ("windows", "ranked"):
            put(self, name, tuple(getattr(self, name)))
        self._check()
        for name in ("windows", "ranked"):  # which may have been given by their names
            put(self, name, tuple(map(Window, getattr(self, name))))
        put(self, "retention", {Window(kind): kept for kind, kept in self.retention.items()})
        put(self, "ranked_by", self.ranked_by or next(iter(self.measures)))
        count = next((n for n, m in self.measures.items() if isinstance(m, Count)), ROWS)
        sums: dict[Value, str] = {}  # value -> component: a sum is stored once
        for name, measure in self.measures.items():
            if isinstance(measure, Sum):
                sums.setdefault(measure.value, name)
        for name, measure in self.measures.items():
            if isinstance(measure, Average):
                sums.setdefault(measure.value, f"{name}_sum")
        put(self, "components", (count, *sums.values()))
        put(self, "summed", tuple(sums))
        # What `admits` checks for every row, prepared.
        parts = [(value.attribute, value.after) for value in self.reads if value.after is not None]
        put(self, "_prefixes", parts)
        put(
            self,
            "_tests",
            [
                (value.attribute if value.is_plain else None, value.find, condition.holds)
                for value, condition in self.where.items()
            ],
        )
        if len(set(self.components)) < len(self.components):
            raise InvalidTally(f"Tally {self.name!r}: two of its numbers share one name.")

    def _check(self) -> None:
        def refuse(sentence: str) -> InvalidTally:
            return InvalidTally(f"Tally {self.name!r}: {sentence}")

        if not self.name or not self.name.replace("-", "_").isidentifier():
            raise InvalidTally(
                f"{self.name!r} is no name for a tally; use letters, digits, - and _."
            )
        if sum(value.each for value in self.group_by) > 1:
            raise refuse("two values of group_by are read with each; a tally has one at most.")
        if len(set(self.labels)) < len(self.group_by):
            raise refuse(
                "two values of group_by have one name, so that nobody could tell them apart."
            )
        if not self.measures:
            raise refuse("it measures nothing; give it a Count, Sum or Average.")
        for name in self.measures:
            if name in _RESERVED_COMPONENTS or not name.isidentifier():
                raise refuse(f"{name!r} cannot name a measure; choose another identifier.")
        for name, measure in self.measures.items():
            if not isinstance(measure, Measure):
                raise refuse(f"{name} is {measure!r}; give it a Count, Sum or Average.")
        if unknown := [w for w in (*self.windows, *self.ranked) if w not in set(Window)]:
            raise refuse(f"{unknown[0]!r} is no window; use {', '.join(Window)}.")
        if not self.windows:
            raise refuse("it has no windows; give it at least Window.ALL.")
        if len(set(self.windows)) < len(self.windows):
            raise refuse("it has a window twice; its rows would count twice.")
        others = (
            *self.where,
            *(m.value for m in self.measures.values() if not isinstance(m, Count)),
        )
        if any(value.each for value in others):
            raise refuse("each is for group_by: nothing else can be read of several elements.")
        if self.time is None and set(self.windows) != {Window.ALL}:
            raise refuse("windows other than `all` need the attribute that holds a row's time.")
        if extra := [w for w in self.ranked if w not in self.windows]:
            raise refuse(f"'{extra[0]}' is ranked but not among its windows.")
        if self.ranked_by is not None and self.ranked_by not in self.measures:
            raise refuse(f"it is ranked by {self.ranked_by!r}, which is none of its measures.")
        if isinstance(self._ranked_measure, Average) and self.ranked:
            raise refuse("an average cannot be ranked: it does not change by addition.")
        for kind, kept in self.retention.items():
            if kind not in self.windows or kind == Window.ALL or kept < timedelta(0):
                raise refuse("retention is for its own windows other than `all`, and not negative.")
        if not is_zone(self.zone):
            raise refuse(f"{self.zone!r} is no time zone; use an IANA name.")

    @property
    def reads(self) -> Sequence[Value]:
        """Everything that it reads from a row."""
        timed = () if self.time is None else (self.time.value,)
        return tuple(dict.fromkeys((*self.group_by, *timed, *self.summed, *self.where)))

    @property
    def attributes(self) -> Sequence[str]:
        """The names of the attributes (or columns) that it reads, or parts of them."""
        return tuple(dict.fromkeys(value.attribute for value in self.reads))

    @property
    def labels(self) -> Sequence[str]:
        """The names that the values of a group are shown by."""
        return tuple(value.label for value in self.group_by)

    @property
    def _ranked_measure(self) -> Measure:
        return self.measures[self.ranked_by or next(iter(self.measures))]

    @property
    def ranked_component(self) -> int:
        """The index of the component that leaderboards order by."""
        measure = self._ranked_measure
        match measure:
            case Sum(value):
                return 1 + list(self.summed).index(value)
            case Count() | Average():  # by an average nothing is ranked
                return 0
            case _:
                assert_never(measure)

    @property
    def is_never_negative(self) -> bool:
        """Whether the measure that orders leaderboards cannot be negative."""
        return self.nonnegative or isinstance(self._ranked_measure, Count)

    def values(self, amounts: Sequence[Number]) -> dict[str, Number]:
        """The measures of a row from its stored amounts (in the order of `components`)."""
        rows = amounts[0]
        of_sum = dict(zip(self.summed, amounts[1:], strict=True))
        result: dict[str, Number] = {}
        for name, measure in self.measures.items():
            match measure:
                case Count():
                    result[name] = rows
                case Sum(value):
                    result[name] = of_sum[value]
                case Average(value):
                    result[name] = Decimal(of_sum[value]) / Decimal(rows) if rows else 0
                case _:
                    assert_never(measure)
        return result

    @property
    def nothing(self) -> dict[str, Number]:
        """The measures of a group without rows."""
        return dict.fromkeys(self.measures, 0)

    def admits(self, image: Image) -> bool:
        """Whether this tally counts the row: it is of the tally's entity and meets `where`."""
        ready = vars(self)
        for attribute, prefix in ready["_prefixes"]:
            found = image.get(attribute)
            if not (isinstance(found, str) and found.startswith(prefix)):
                return False
        for attribute, find, holds in ready["_tests"]:
            if not holds(find(image) if attribute is None else image.get(attribute, MISSING)):
                return False
        return True
