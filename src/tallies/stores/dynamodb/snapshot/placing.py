"""Where a row counts, found row by row."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from tallies.core.amounts import check_types, number_of, times
from tallies.core.change import Image
from tallies.core.errors import InvalidTime, Unfoldable
from tallies.core.groups import group_text
from tallies.core.tally import Number, Tally
from tallies.core.times import parse_time
from tallies.core.windows import Window, window_name
from tallies.stores.sample import Sample

# Made once: `json.dumps` with options makes one each time, which takes longer than its work.
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


class Placer:
    """Places rows of the source in a tally.

    Apart from the declaration it has nothing in common with the fold, which it is there to check.
    """

    def __init__(self, tally: Tally, sample: Sample | None = None) -> None:
        self._tally = tally
        self._sample = sample
        self._zone = ZoneInfo(tally.zone)
        self._names = lru_cache(maxsize=100_000)(self._names_of)  # no window is finer than an hour

    def place(self, image: Image) -> str | None:
        """The group, the windows and the amounts of a row as text; None when it counts nowhere."""
        tally = self._tally
        try:
            if not tally.admits(image):
                return None
            group = group_text([image[name] for name in tally.group_by])
            if self._sample is not None and not self._sample.takes(group):
                return None
            amounts = [image[name] for name in tally.summed]
            check_types(amounts)
            numbers = [1, *(times(1, amount) for amount in amounts)]
            windows = self._windows(image)
        except (KeyError, Unfoldable, InvalidTime):
            return None  # it is parked
        return _encode([group, windows, dump(numbers)])

    def _windows(self, image: Image) -> Sequence[str]:
        if self._tally.time is None:
            return [Window.ALL.value]
        local = parse_time(image[self._tally.time]).astimezone(self._zone)
        return self._names(local.replace(minute=0, second=0, microsecond=0, tzinfo=None))

    def _names_of(self, hour: datetime) -> tuple[str, ...]:
        return tuple(window_name(kind, hour) for kind in self._tally.windows)


def dump(amounts: Sequence[Number]) -> str:
    """Amounts as text, exactly."""
    return " ".join(map(str, amounts))


def load(text: str) -> tuple[Number, ...]:
    """Undo `dump`."""
    return tuple(map(number_of, text.split(" ")))


def key_text(key: Mapping[str, Any], names: Sequence[str]) -> str:
    """A row's key, from its own attributes or from a stream record's."""
    return _encode([key[name] for name in names])
