"""Combining: rows of the source are made small as they come in, and summed up at the end.

Of a row two things are kept. What it adds to its groups is summed up with other rows at once, so
that popular groups cost nothing; the sums are divided into parts by group, each of which can be
totalled in memory by itself. And a record of 24 bytes says which row was scanned in which state: if
the stream holds a record of the row later, this state is taken out of the sums again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from tallies.core.amounts import plus, times
from tallies.core.tally import Number
from tallies.stores.placing import dump, load

PARTS = 256
"""Of the scanned rows, by key, and of the sums, by group: a part of a billion fits into memory."""
MAX_PLACES = 250_000
"""How many different places are summed up in memory at a time: 60 MB or so."""
_KEY_BYTES, _STATE_BYTES = 16, 8
_RECORD = Struct(f"{_KEY_BYTES}s{_STATE_BYTES}s")
_REMEMBERED_STATES = 50_000
_FIELD, _LINE = "\t", "\n"
"""Neither is in a group: control characters are refused."""

Keyed = tuple[str, str | None]
"""A row of the source: its key as text, and its place; None if it is not of the tally."""


class Shares(NamedTuple):
    """What some rows of the source come to, by part."""

    rows: int
    scanned: Mapping[int, bytes]
    sums: Mapping[int, str]


class Combiner:
    """Takes rows in, and sums them up until `take`."""

    def __init__(self) -> None:
        self._states = lru_cache(maxsize=_REMEMBERED_STATES)(state_digest)
        self._start()

    def _start(self) -> None:
        self.rows = 0
        self._places: Counter[str] = Counter()
        self._scanned = [bytearray() for _ in range(PARTS)]

    @property
    def is_full(self) -> bool:
        """Whether it holds as much as memory should."""
        return len(self._places) >= MAX_PLACES

    def add(self, rows: Iterable[Keyed]) -> None:
        """Take in rows that were scanned."""
        scanned, states = self._scanned, self._states
        places = []
        for key, place in rows:
            self.rows += 1
            if place is not None:
                digest = key_digest(key)
                scanned[digest[0]] += digest + states(place)
                places.append(place)
        self._places.update(places)

    def move(self, place: str, rows: int) -> None:
        """Count so many rows more, or fewer, at a place."""
        self._places[place] += rows

    def take(self) -> Shares:
        """Return what it holds, and begin anew."""
        scanned = {part: bytes(some) for part, some in enumerate(self._scanned) if some}
        shares = Shares(self.rows, scanned, _lines(self._places))
        self._start()
        return shares


class Totals:
    """Sums of one part."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._amounts: dict[str, tuple[Number, ...]] = {}

    def add(self, lines: str) -> None:
        """Take in what `Combiner` made."""
        rows = self._rows
        for line in lines.split(_LINE):
            head, _, amounts = line.rpartition(_FIELD)
            try:
                rows[head] = rows.get(head, 0) + int(amounts)
            except ValueError:  # the line has sums beside the count
                numbers = load(amounts)
                known = self._amounts.get(head)
                self._amounts[head] = numbers if known is None else plus(known, numbers)

    def cells(self) -> Iterator[tuple[str, str, str]]:
        """(group, window, amounts) of all that has any rows, in order of groups and windows."""
        found: dict[tuple[str, str], tuple[Number, ...]] = {}
        counts = ((head, (rows,)) for head, rows in self._rows.items())
        for head, amounts in chain(counts, self._amounts.items()):
            windows, _, group = head.partition(_FIELD)
            for window in windows.split(" "):
                known = found.get((group, window))
                found[group, window] = amounts if known is None else plus(known, amounts)
        for group, window in sorted(found):
            amounts = found[group, window]
            if amounts[0]:
                yield group, window, dump(amounts)


def key_digest(key: str) -> bytes:
    """The digest by which a row is recognized. Its first byte is the part of the scanned rows."""
    return blake2b(key.encode(), digest_size=_KEY_BYTES).digest()


def state_digest(place: str) -> bytes:
    """The digest that distinguishes the states of one row."""
    return blake2b(place.encode(), digest_size=_STATE_BYTES).digest()


def records(scanned: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The digests of key and state of rows that were scanned."""
    return _RECORD.iter_unpack(scanned)


def _lines(places: Mapping[str, int]) -> dict[int, str]:
    parts: dict[int, list[str]] = {}
    sums: dict[str, tuple[Number, ...]] = {}
    for text, rows in places.items():
        if not rows:
            continue
        amounts, windows, *groups = text.split(_FIELD)
        for group in groups:
            head = f"{windows}{_FIELD}{group}"
            if amounts == "1" and len(groups) == 1:  # no other place has this head
                _part(parts, group).append(f"{head}{_FIELD}{rows}")
                continue
            added = tuple(times(rows, amount) for amount in load(amounts))
            sums[head] = plus(sums[head], added) if head in sums else added
    for head, total in sums.items():
        _part(parts, head.partition(_FIELD)[2]).append(f"{head}{_FIELD}{dump(total)}")
    return {part: _LINE.join(lines) for part, lines in parts.items()}


def _part(parts: dict[int, list[str]], group: str) -> list[str]:
    return parts.setdefault(crc32(group.encode()) % PARTS, [])
