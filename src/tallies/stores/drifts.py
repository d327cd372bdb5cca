"""Drifts: a list of differences that may be longer than memory."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain, islice
from typing import overload

from tallies.core.amounts import number_of
from tallies.stores.verified import Drift, Verified

_SOME = 1000
_SELECT = "SELECT g, w, expected, actual, measure FROM drifts"


class Drifts(Sequence[Drift]):
    """Gathered once, read as often as need be. Equal to any sequence of the same drifts."""

    def __init__(self, found: Iterable[Drift] = ()) -> None:
        # A database without a name is a file of SQLite's own that nobody sees, and that is not
        # even made while everything fits into its cache.
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.execute(
            "CREATE TABLE drifts (g TEXT, w TEXT, expected TEXT, actual TEXT, measure TEXT)"
        )
        self._rows.execute("BEGIN")
        self._rows.executemany("INSERT INTO drifts VALUES (?, ?, ?, ?, ?)", map(_dump, found))
        self._rows.execute("COMMIT")
        (self._count,) = self._rows.execute("SELECT count(*) FROM drifts").fetchone()

    def __len__(self) -> int:
        return int(self._count)

    def __iter__(self) -> Iterator[Drift]:
        with closing(self._rows.execute(f"{_SELECT} ORDER BY rowid")) as rows:
            yield from map(_load, rows)

    @overload
    def __getitem__(self, index: int) -> Drift: ...
    @overload
    def __getitem__(self, index: slice) -> list[Drift]: ...
    def __getitem__(self, index: int | slice) -> Drift | list[Drift]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._count))]
        row = self._rows.execute(
            f"{_SELECT} WHERE rowid = ?", (range(1, self._count + 1)[index],)
        ).fetchone()
        return _load(row)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return NotImplemented if not isinstance(other, Sequence) else False
        return all(map(Drift.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment] # like a list's

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, islice(self, _SOME)))
        return f"[{shown}{', ...' if len(self) > _SOME else ''}]"


def _dump(drift: Drift) -> tuple[str, ...]:
    group, window, expected, actual, measure = drift
    return group, window, str(expected), str(actual), measure


def _load(row: tuple[str, ...]) -> Drift:
    group, window, expected, actual, measure = row
    return Drift(group, window, number_of(expected), number_of(actual), measure)


def together(found: Iterable[Verified]) -> Verified:
    """What was found in several tallies."""
    each = list(found)
    if len(each) == 1:
        return each[0]
    uncounted: Counter[str] = Counter()
    for one in each:
        uncounted.update(one.uncounted_by)
    return Verified(
        sum(one.checked for one in each),
        Drifts(chain.from_iterable(one.drifted for one in each)),
        sum(one.groups for one in each),
        sum(one.drifted_groups for one in each),
        parts=each,
        uncounted_by=uncounted,
    )
