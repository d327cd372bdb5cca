"""Menders in parallel: a first seed writes every row, which takes one mender alone very long."""

from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Self

from tallies.stores.dynamodb.apply.buckets import RowName
from tallies.stores.dynamodb.snapshot.mend.mender import Mender, begin

CHAINS = 8
"""How many chains of transactions mend, each with an item of its own. A run takes over all of them
before it reads anything, so that nothing of an earlier run can be applied after it."""


class Menders:
    """Menders of one run, one for each chain, for a `with` statement."""

    def __init__(self, chains: Sequence[Mender], *, side_by_side: bool) -> None:
        """With `side_by_side`, each mender has a thread; otherwise one works in the caller's."""
        self._free = list(chains)
        self._busy: dict[Future[None], Mender] = {}
        self._threads = ThreadPoolExecutor(len(chains), "tallies-mend") if side_by_side else None

    def begin(self) -> None:
        """Take over from any earlier run.

        Raises:
            StoreUnavailable: the table is busy.
        """
        begin(self._free)

    def add(self, *what: Any) -> None:
        """As `Mender.add`, which may finish later; what it raises is then raised later, too."""
        if self._threads is None:
            self._free[0].add(*what)
            return
        while not self._free:
            self._settle(wait(self._busy, return_when=FIRST_COMPLETED).done)
        mender = self._free.pop()
        self._busy[self._threads.submit(mender.add, *what)] = mender

    def finish(self) -> None:
        """Wait until all is added.

        Raises:
            StoreUnavailable: as `add`.
        """
        self._settle(wait(self._busy).done)

    def fit(self, rows: Iterable[RowName]) -> None:
        """As `Mender.fit`, when all is added."""
        self._free[0].fit(rows)

    def _settle(self, done: "set[Future[None]]") -> None:
        for future in done:
            self._free.append(self._busy.pop(future))
            future.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._threads is not None:
            self._threads.shutdown()
