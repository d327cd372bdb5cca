"""Where a row counts, found row by row."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from tallies.core.amounts import check_signs, exact, number_of, times
from tallies.core.change import Image
from tallies.core.errors import InvalidTime, Unfoldable
from tallies.core.groups import group_text
from tallies.core.source.time_formats import parse_time_as
from tallies.core.tally import Number, Tally
from tallies.core.windows import Window, window_name
from tallies.stores.sample import Sample

_FIELD, _ITEM = "\t", " "
_INVALID = (Unfoldable, InvalidTime, OverflowError)  # the last: beyond the zone's calendar
UNCOUNTED = ""
"""The window of rows that belong to a tally and cannot be counted. No window has this name; their
group is the part of the declaration that asks for what they lack."""
Part = Literal["where", "group_by", "time", "measures"]


class Place(NamedTuple):
    """Where a row counts, and how much."""

    amounts: tuple[Number, ...]
    windows: Sequence[str]
    groups: Sequence[str]

    @classmethod
    def load(cls, text: str) -> "Place":
        """Undo `Placer.place`."""
        amounts, windows, *groups = text.split(_FIELD)
        return cls(load(amounts), windows.split(_ITEM), groups)


class Placer:
    """Places rows of the source in a tally.

    It shares nothing but the declaration with the fold, which it is there to check.
    """

    def __init__(self, tally: Tally, sample: Sample | None = None) -> None:
        self.attributes = tally.attributes
        self._tally = tally
        self._sample = sample
        self._zone = ZoneInfo(tally.zone)
        self._naive_zone = ZoneInfo(tally.time.naive_zone if tally.time else "UTC")
        # A row has several groups where the tally groups by each element of something.
        self._has_several = any(value.each for value in tally.group_by)
        self._names = lru_cache(maxsize=100_000)(self._names_of)  # no window is finer than an hour

    def __reduce__(self) -> tuple[type["Placer"], tuple[Tally, Sample | None]]:
        return Placer, (self._tally, self._sample)  # for another process

    def place(self, image: Image) -> str | None:
        """The place of a row as text, equal for equal places; None when it is not of the tally."""
        found = self.find(image)
        if found is None:
            return None
        amounts, windows, groups = found
        numbers = "1" if len(amounts) == 1 else _ITEM.join(map(_plain, amounts))
        return _FIELD.join((numbers, _ITEM.join(windows), *groups))

    def find(self, image: Image) -> Place | None:
        """The place of a row; None when it is not of the tally, or of no group of the sample."""
        part: Part = "where"
        try:
            if not self._tally.admits(image):
                return None
            part = "group_by"
            groups = self._groups_of(image)
            if not groups:
                return None
            part = "measures"
            amounts = self._amounts_of(image)
            part = "time"
            return Place(amounts, self._windows_of(image), groups)
        except _INVALID:
            return self.uncounted(part)

    def uncounted(self, part: Part) -> Place | None:
        """The place of a row that cannot be counted for this part of the declaration; None for one
        without a valid group where a sample is taken."""
        if self._sample is not None and part in ("where", "group_by"):
            return None
        return Place((1,), (UNCOUNTED,), (part,))

    def groups(self, image: Image) -> Sequence[str] | None:
        """The groups of a row that the sample takes; None where one is not valid."""
        try:
            return self._groups_of(image)
        except _INVALID:
            return None

    def windows(self, image: Image) -> Sequence[str] | None:
        """The windows of a row; None where its time is not valid."""
        try:
            return self._windows_of(image)
        except _INVALID:
            return None

    def amounts(self, image: Image) -> tuple[Number, ...] | None:
        """One, and what a row adds to each sum; None where an amount is not valid."""
        try:
            return self._amounts_of(image)
        except _INVALID:
            return None

    def _groups_of(self, image: Image) -> Sequence[str]:
        if self._has_several:
            groups: list[list[Any]] = [[]]
            for value in self._tally.group_by:
                found = value.elements(image) if value.each else [value.read(image)]
                groups = [[*group, element] for group in groups for element in found]
            texts = sorted({group_text(group) for group in groups})
        else:
            texts = [group_text([value.read(image) for value in self._tally.group_by])]
        return texts if self._sample is None else list(filter(self._sample.takes, texts))

    def _windows_of(self, image: Image) -> Sequence[str]:
        time = self._tally.time
        if time is None:
            return (Window.ALL.value,)
        moment = parse_time_as(
            time.value.read(image), time.as_, zone=self._zone, naive_zone=self._naive_zone
        )
        local = moment.astimezone(self._zone)
        return self._names(local.year, local.month, local.day, local.hour)

    def _amounts_of(self, image: Image) -> tuple[Number, ...]:
        amounts = exact([value.read(image) for value in self._tally.summed])
        if self._tally.nonnegative:
            check_signs(amounts)
        return (1, *(times(1, amount) for amount in amounts))

    def _names_of(self, year: int, month: int, day: int, hour: int) -> tuple[str, ...]:
        local = datetime(year, month, day, hour)  # noqa: DTZ001 # in the zone of the tally
        return tuple(window_name(kind, local) for kind in self._tally.windows)


def dump(amounts: Sequence[Number]) -> str:
    """Amounts as text, exactly."""
    return _ITEM.join(map(str, amounts))


def _plain(amount: Number) -> str:
    """One text for equal amounts: a table and its stream may write one number in two ways."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def load(text: str) -> tuple[Number, ...]:
    """Undo `dump`."""
    return tuple(map(number_of, text.split(_ITEM)))


def key_text(key: Mapping[str, Any], names: Sequence[str]) -> str:
    """A row's key, from its own attributes or from a stream record's."""
    parts = []
    for name in names:
        ((kind, value),) = key[name].items()
        # One client decodes binary values, the other one leaves them as they came.
        text = b64encode(value).decode() if isinstance(value, bytes) else value
        parts.append(f"{len(text)}{kind}{text}")
    return "".join(parts)
