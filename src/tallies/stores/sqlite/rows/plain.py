"""Rows as lines of text, for tallies that need no more: they are read several times as fast.

Where a tally reads whole columns only, and a row holds plain text and whole numbers there, all that
the row contributes fits on a line: its time, cut to what decides its windows, its group values, its
amounts. Equal lines are counted without parsing them. Rows that do not fit (other types, odd times)
are read column by column.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tallies.core.cuts import WHOLE_MINUTE_OFFSETS
from tallies.core.fold import Contribution
from tallies.core.tally import Tally
from tallies.core.windows import Window

BREAK = "\n"
"""Separates lines. No group holds one, so more lines than rows mean that some row is not plain."""
_FIELD = "\x1f"
_MAX_TEXT = 2_000
"""Longer text cannot be a group, and would only make the lines long."""

_D = "[0-9]"
_DATE = f"{_D}{_D}{_D}{_D}-{_D}{_D}-{_D}{_D}"
_CLOCK = f"{_D}{_D}:[0-5]{_D}:[0-5]{_D}"
_FRACTIONS = {0: "", 3: "." + _D * 3, 6: "." + _D * 6}
"""How many decimals of a second clocks write -> how these look."""
_TO_SHAPE = bytes.maketrans(b"123456789 ", b"000000000T")
_TENS_OF_HOURS, _HOURS_AT, _TENS_OF_MINUTES, _TENS_OF_SECONDS = 11, 12, 14, 17
"""The indexes of these digits in a time."""
_IS_2 = bytes(digit == ord("2") for digit in range(256))
_IS_FROM_4 = bytes(ord("4") <= digit <= ord("9") for digit in range(256))
_DAY, _HOUR, _MINUTE = len("2026-11-23"), len("2026-11-23T14"), len("2026-11-23T14:05")


class PlainLines:
    """How SQL makes the line of a row, and what a line means."""

    def __init__(self, tally: Tally, column: Callable[[str], str]) -> None:
        """`column` gives the SQL for an attribute."""
        groups = [column(value.attribute) for value in tally.group_by]
        amounts = [column(value.attribute) for value in tally.summed]
        conditions = [
            f"typeof({each}) = 'text' AND length({each}) BETWEEN 1 AND {_MAX_TEXT}"
            f" OR typeof({each}) = 'integer'"
            for each in groups
        ]
        sign = " AND {each} >= 0" if tally.nonnegative else ""
        conditions += [f"typeof({each}) = 'integer'" + sign.format(each=each) for each in amounts]
        typed = list(conditions)
        fields = []
        self.time: str | None = None
        """SQL: the time, where there is one."""
        if tally.time is not None:
            time = column(tally.time.value.attribute)
            is_utc = tally.zone == "UTC"
            conditions.append(_is_plain_time(time, tally.time.as_ == "sql", is_utc))
            typed.append(f"typeof({time}) = 'text'")
            if not is_utc:
                typed.append(f"{time} >= '{WHOLE_MINUTE_OFFSETS}'")
            fields.append(f"substr({time}, 1, {_cut(tally)})")
            self._end = "" if tally.time.as_ == "sql" else "Z"
            self.time = time
        self._timed = tally.time is not None
        self._groups = len(groups)
        self.amounts_from = self._groups + self._timed
        """The index of the first amount in a contribution."""
        fields += groups + amounts
        self.ok = " AND ".join(f"({condition})" for condition in conditions) or "1"
        """SQL: whether a row fits on a line. Never NULL."""
        self.typed = " AND ".join(f"({condition})" for condition in typed) or "1"
        """SQL: whether it does, provided that `times_hold` its time. Never NULL; much faster."""
        joined = f" || '{_FIELD}' || ".join(fields) or "''"
        self.line = f"CAST({joined} AS TEXT)" if len(fields) == 1 else joined
        """SQL: its line."""
        self._fields = len(fields)

    @classmethod
    def of(cls, tally: Tally, column: Callable[[str], str]) -> "PlainLines | None":
        """The lines of a tally; None where the tally needs more of its rows than lines hold."""
        is_plain = all(value.is_plain for value in tally.reads) and not tally.where
        if tally.time is not None:
            time = tally.time
            is_plain &= time.as_ == "rfc3339" or (time.as_ == "sql" and time.naive_zone == "UTC")
        return cls(tally, column) if is_plain else None

    def times_hold(self, times: str, records: int) -> bool:
        """Whether `times` is this many times in a row, all of one length, and written so that a
        line holds what decides their windows. (Whether each day exists is checked later.)"""
        width = len(times) // records
        decimals = width - len("2026-11-23T14:05:06") - len(self._end)
        fraction = "." + "0" * (decimals - 1) if decimals else ""
        shape = f"0000-00-00T00:00:00{fraction}{self._end}"
        found = times.encode(errors="replace")  # as bytes: they are translated ten times as fast
        return (
            decimals in {0, 4, 7}
            and found.translate(_TO_SHAPE) == shape.encode() * records
            and (self._end == "" or b" " not in found)
            and not _any_of(found[_TENS_OF_HOURS::width], b"3456789")
            and not _any_of(found[_TENS_OF_MINUTES::width], b"6789")
            and not _any_of(found[_TENS_OF_SECONDS::width], b"6789")
            and not _from_24(found[_TENS_OF_HOURS::width], found[_HOURS_AT::width])
        )

    def contributions(
        self, new: Mapping[str, int], old: Mapping[str, int]
    ) -> Counter[Contribution] | None:
        """What the lines of new images add, and those of old ones take away; None where some text
        holds the separator."""
        net: Counter[Contribution] = Counter()
        for lines, sign in (new, 1), (old, -1):
            for line, n in lines.items():
                contribution = self.contribution(line)
                if contribution is None:
                    return None
                net[contribution] = net.get(contribution, 0) + sign * n
        return net

    def contribution(self, line: str) -> Contribution | None:
        """What a line contributes; None where some text holds the separator."""
        fields = line.split(_FIELD)
        if self._fields == 0:
            return () if not line else None
        if len(fields) != self._fields:
            return None
        if not self._timed:
            groups, amounts = fields[: self._groups], fields[self._groups :]
            return (*groups, *map(int, amounts))
        groups, amounts = fields[1 : self._groups + 1], fields[self._groups + 1 :]
        return (*groups, fields[0].replace(" ", "T"), *map(int, amounts))


def _any_of(text: bytes, digits: bytes) -> bool:
    return any(digit in text for digit in digits)


def _from_24(tens: bytes, digits: bytes) -> bool:
    """Whether some hour, of which these are the digits, is 24 to 29."""
    # As two long integers, which are compared at once.
    twenties = int.from_bytes(tens.translate(_IS_2))
    return bool(twenties & int.from_bytes(digits.translate(_IS_FROM_4)))


def _cut(tally: Tally) -> int:
    if tally.zone != "UTC":
        return _MINUTE
    return _HOUR if Window.HOUR in tally.windows else _DAY


def _is_plain_time(time: str, is_sql: bool, is_utc: bool) -> str:
    """SQL: that a time is in UTC, and written so that its beginning decides the windows."""
    separator, end = ("[ T]", "") if is_sql else ("T", "Z")
    length = len("2026-11-23T14:05:06") + len(end)
    forms = " ".join(
        f"WHEN {length + bool(decimals) + decimals} THEN"
        f" {time} GLOB '{_DATE}{separator}{_CLOCK}{fraction}{end}' AND substr({time}, 12, 2) < '24'"
        for decimals, fraction in _FRACTIONS.items()
    )
    plain = f"typeof({time}) = 'text' AND CASE length({time}) {forms} ELSE 0 END"
    return plain if is_utc else f"{plain} AND {time} >= '{WHOLE_MINUTE_OFFSETS}'"


def groups_of(tally: Tally, values: Sequence[Any]) -> dict[str, Any]:
    """The group values of a contribution, as the source holds them."""
    return {of.attribute: value for of, value in zip(tally.group_by, values, strict=True)}


def time_of(tally: Tally, cut: Sequence[str]) -> dict[str, Any]:
    """The time of a contribution, if it has one, as the source would hold it."""
    if tally.time is None:
        return {}
    (text,) = cut
    return {tally.time.value.attribute: text + "0000-01-01T00:00:00Z"[len(text) :]}


def amounts_of(tally: Tally, amounts: Sequence[int]) -> dict[str, Any]:
    """The amounts of a contribution, as the source holds them."""
    return {of.attribute: amount for of, amount in zip(tally.summed, amounts, strict=True)}
