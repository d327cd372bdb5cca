"""Where a row counts, found row by row."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tallies.core.amounts import check_types, number_of, times
from tallies.core.change import Image
from tallies.core.errors import InvalidTime, Unfoldable
from tallies.core.groups import group_text
from tallies.core.tally import Number, Tally
from tallies.core.times import parse_time
from tallies.core.windows import Window, window_name
from tallies.stores.sample import Sample

_FIELD, _ITEM = "\t", " "


class Place(NamedTuple):
    """Where a row counts, and how much."""

    amounts: tuple[Number, ...]
    windows: Sequence[str]
    group: str

    @classmethod
    def load(cls, text: str) -> "Place":
        """Undo `Placer.place`."""
        amounts, windows, group = text.split(_FIELD, 2)
        return cls(load(amounts), windows.split(_ITEM), group)


class Placer:
    """Places rows of the source in a tally.

    Apart from the declaration it has nothing in common with the fold, which it is there to check.
    """

    def __init__(self, tally: Tally, sample: Sample | None = None) -> None:
        self.attributes = tally.attributes
        self._tally = tally
        self._sample = sample
        self._zone = ZoneInfo(tally.zone)
        self._names = lru_cache(maxsize=100_000)(self._names_of)  # no window is finer than an hour

    def place(self, image: Image) -> str | None:
        """The place of a row as text, the same for the same; None when it counts nowhere."""
        tally = self._tally
        try:
            if not tally.admits(image):
                return None
            group = group_text([image[name] for name in tally.group_by])
            if self._sample is not None and not self._sample.takes(group):
                return None
            amounts = [image[name] for name in tally.summed]
            check_types(amounts)
            numbers = "1" if not amounts else dump([1, *(times(1, amount) for amount in amounts)])
            windows = self._windows(image)
        except (KeyError, Unfoldable, InvalidTime):
            return None  # it is parked
        return f"{numbers}{_FIELD}{windows}{_FIELD}{group}"

    def _windows(self, image: Image) -> str:
        if self._tally.time is None:
            return Window.ALL.value
        local = parse_time(image[self._tally.time]).astimezone(self._zone)
        return self._names(local.replace(minute=0, second=0, microsecond=0, tzinfo=None))

    def _names_of(self, hour: datetime) -> str:
        return _ITEM.join(window_name(kind, hour) for kind in self._tally.windows)


def dump(amounts: Sequence[Number]) -> str:
    """Amounts as text, exactly."""
    return _ITEM.join(map(str, amounts))


def load(text: str) -> tuple[Number, ...]:
    """Undo `dump`."""
    return tuple(map(number_of, text.split(_ITEM)))


def key_text(key: Mapping[str, Any], names: Sequence[str]) -> str:
    """A row's key, from its own attributes or from a stream record's."""
    parts = []
    for name in names:
        ((kind, value),) = key[name].items()
        # One client reads binary values, the other one leaves them as they came.
        text = b64encode(value).decode() if isinstance(value, bytes) else value
        parts.append(f"{len(text)}{kind}{text}")
    return "".join(parts)
