"""Provisioned capacity: what a day's units cost when capacity is bought by the hour.

A table and its index each have their own. It is fixed, or follows the load: auto scaling looks at
what the minutes consumed, and the capacity that it orders comes minutes later. In between a table
has its capacity and what it saved over the last 300 seconds; requests for more are throttled, and
wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from tallies.operate.plan.workload.load import DAYS_OF_A_MONTH, HOURS

TARGET = 0.7
"""Of the capacity is consumed (the service's own default)."""
BURST_SECONDS = 300
"""What is saved of the capacity for bursts."""
RISE_MINUTES, FALL_MINUTES = 2, 15
"""Minutes above the target, or well below it, after which auto scaling acts."""
FALLS_BELOW = 0.8
"""Of the target: only below this does capacity go down."""
COMES_MINUTES = 5
"""From then until the capacity is there: the alarm's delay and the change of the table, a few
minutes each (assumed)."""
ALARMS = 4
"""Alarms of auto scaling for the capacity of one table or index, reads and writes each."""
_MINUTES = 60 * HOURS
_SECONDS = 60
_BETWEEN_HOURS = [
    (int(hour) % HOURS, (int(hour) + 1) % HOURS, part)
    for hour, part in (divmod((minute + 0.5) / 60 - 0.5, 1) for minute in range(_MINUTES))
]
"""For each minute of a day: the two hours between whose middles it lies, and how far along."""


@dataclass(frozen=True, slots=True)
class Need:
    """Units a second, on average in each hour of a day."""

    table: Sequence[float]
    index: Sequence[float]


@dataclass(frozen=True, slots=True)
class Terms:
    """What capacity of one kind, reads or writes, costs."""

    unit_hour: float
    """USD."""
    alarm_month: float
    """USD."""
    free_units: int
    target: float = TARGET


@dataclass(frozen=True, slots=True)
class Capacity:
    """Capacity of one kind, of a table and of its index."""

    usd_a_month: float
    table: int
    """Units a second; the minimum where capacity follows the load."""
    index: int
    most: int
    """The most that auto scaling may order for either; 0 where capacity is fixed."""
    holds: float | None
    """How many times the busiest hour's load is taken without throttling: until more capacity is
    there, or indefinitely where capacity is fixed. None if nothing comes."""
    waits: float
    """The share of an ordinary day's units that are throttled and come later."""
    late_seconds: float
    """The longest time that they wait."""


def fixed(need: Need, terms: Terms) -> Capacity:
    """Capacity that holds the busiest hour at the target, or all of what is free."""
    table, index = _with_free(_wanted(need.table, terms), _wanted(need.index, terms), need, terms)
    cost = max(0, table + index - terms.free_units) * terms.unit_hour * HOURS * DAYS_OF_A_MONTH
    return Capacity(cost, table, index, 0, _holds(need, table, index), 0.0, 0.0)


def scaled(need: Need, terms: Terms) -> Capacity:
    """Capacity that follows the load, and never goes below what is free."""
    table, index = _with_free(1, 1, need, terms)
    most = 2 * max(_wanted(need.table, terms), _wanted(need.index, terms), table, index)
    days = [
        follow(by_minute(need.table), table, most, terms.target),
        follow(by_minute(need.index), index, most, terms.target),
    ]
    # Taken as free minute by minute; a bill that sums over the month could only be lower.
    over = (
        max(0, one + other - terms.free_units)
        for one, other in zip(days[0].capacity, days[1].capacity, strict=True)
    )
    cost = sum(over) / _MINUTES * terms.unit_hour * HOURS * DAYS_OF_A_MONTH
    at_peak = _holds(
        need, max(table, _wanted(need.table, terms)), max(index, _wanted(need.index, terms))
    )
    saved = 1 + BURST_SECONDS / ((RISE_MINUTES + COMES_MINUTES) * _SECONDS)
    return Capacity(
        cost + 2 * ALARMS * terms.alarm_month,
        table,
        index,
        most,
        at_peak and at_peak * saved,
        *_worst(days),
    )


def _wanted(hours: Sequence[float], terms: Terms) -> int:
    """Units that the busiest hour takes at the target; a table has at least one."""
    return max(1, ceil(max(hours) / terms.target - 1e-9))


def _with_free(table: int, index: int, need: Need, terms: Terms) -> tuple[int, int]:
    """The same and the remaining free units, divided by what each needs."""
    left = terms.free_units - table - index
    if left <= 0:
        return table, index
    busiest = max(need.table), max(need.index)
    share = busiest[0] / sum(busiest) if sum(busiest) else 0.5
    all_of_table = min(max(round(terms.free_units * share), table), terms.free_units - index)
    return all_of_table, terms.free_units - all_of_table


def _holds(need: Need, table: int, index: int) -> float | None:
    """An index without capacity throttles its table, too: the fuller of the two decides."""
    busiest = [(table, max(need.table)), (index, max(need.index))]
    return min((has / takes for has, takes in busiest if takes), default=None)


@dataclass(frozen=True, slots=True)
class Followed:
    """A day of auto scaling."""

    capacity: Sequence[int]
    """Minute by minute."""
    waited: float
    """Units that were served later than they were asked for."""
    asked: float
    late_seconds: float


def follow(load: Sequence[float], least: int, most: int, target: float = TARGET) -> Followed:
    """Simulate a day that is like the one before, given units a second for each minute."""
    # Plans simulate hundreds of days: comparisons take a third of the time of min and max.
    has, saved, waiting = least, float(least * BURST_SECONDS), 0.0
    above = below = 0
    ordered, comes = 0, -1
    capacity: list[int] = []
    waited = late = 0.0
    day = [each * _SECONDS for each in load]
    for minute in range(2 * _MINUTES):
        if minute == comes:
            has, comes = ordered, -1
        asked = day[minute % _MINUTES]
        most_saved = has * BURST_SECONDS
        there = (most_saved if most_saved < saved else saved) + has * _SECONDS
        used = asked + waiting
        if there < used:
            used = there
        saved = there - used
        # What waits is served first; new requests beyond the capacity wait.
        served = used - waiting if used > waiting else 0.0
        waiting = (waiting - used if waiting > used else 0.0) + asked - served
        if minute >= _MINUTES:
            capacity.append(has)
            waited += asked - served
            if waiting / has > late:
                late = waiting / has
        aim = has * _SECONDS * target
        above = above + 1 if used > aim else 0
        below = below + 1 if used < aim * FALLS_BELOW else 0
        if comes < 0 and (above >= RISE_MINUTES or below >= FALL_MINUTES):
            wanted = min(most, max(least, ceil(used / _SECONDS / target)))
            if wanted != has:
                ordered, comes = wanted, minute + 1 + COMES_MINUTES
            above = below = 0
    return Followed(capacity, waited, sum(load) * _SECONDS, late)


def by_minute(hours: Sequence[float]) -> list[float]:
    """A curve through the middles of the hours, with the same mean."""
    return [
        hours[hour] + (hours[next_] - hours[hour]) * part for hour, next_, part in _BETWEEN_HOURS
    ]


def _worst(days: Sequence[Followed]) -> tuple[float, float]:
    """The share that waits of all units, and the longest wait."""
    asked = sum(day.asked for day in days)
    return (
        sum(day.waited for day in days) / asked if asked else 0.0,
        max(day.late_seconds for day in days),
    )
