"""What a file keeps: the tally that readers see, and one that a rebuild builds beside it.

The embedded store counts the favorites of restaurants. What may be declared otherwise is over
which windows, in which zone, which of them are ranked, and how long they are kept.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tallies.core.declaration import Declaration, same, spec_of, tally_of, what_differs
from tallies.core.errors import InvalidTally, WrongStore
from tallies.core.tally import Tally
from tallies.stores.favorites_tally import FAVORITES

FIRST_EPOCH = 1
LIVE, BUILDING = "tallies", "tallies_building"
"""The tables of their rows."""


@dataclass(frozen=True)
class Kept:
    """The tallies of one epoch; each change of them begins a new one."""

    epoch: int
    live: Tally
    building: Tally | None = None

    @property
    def places(self) -> Sequence[tuple[Tally, str]]:
        """All that records are applied to, and the tables of their rows."""
        live = (self.live, LIVE)
        return [live] if self.building is None else [live, (self.building, BUILDING)]


def is_untouched(connection: sqlite3.Connection) -> bool:
    """Whether the file is new: nothing was declared, and nothing ever written."""
    kept = read_kept(connection)
    (writes,) = connection.execute("SELECT count(*) FROM sqlite_sequence").fetchone()
    return kept.epoch == FIRST_EPOCH and not writes


def read_kept(connection: sqlite3.Connection) -> Kept:
    """What the file keeps, as the connection's transaction sees it."""
    return _parsed(*connection.execute("SELECT epoch, live, building FROM kept").fetchone())


@lru_cache(maxsize=8)
def _parsed(epoch: int, live: str, building: str | None) -> Kept:
    built = None if building is None else tally_of(json.loads(building))
    return Kept(epoch, tally_of(json.loads(live)), built)


def write_kept(connection: sqlite3.Connection, kept: Kept) -> None:
    """Begin the epoch, in the caller's transaction."""
    building = None if kept.building is None else _dump(kept.building)
    connection.execute(
        "UPDATE kept SET epoch = ?, live = ?, building = ?",
        (kept.epoch, _dump(kept.live), building),
    )


def _dump(tally: Tally) -> str:
    return json.dumps(spec_of(tally), ensure_ascii=False)


def favorites_of(declared: Declaration) -> Tally:
    """The one tally of a declaration for this store.

    Raises:
        InvalidTally: it is none of the favorites of restaurants.
    """
    tally = declared.tallies[0]
    fixed = ("group_by", "measures", "time", "where", "ranked_by")
    ours, theirs = spec_of(FAVORITES), spec_of(tally)
    wrong = [key for key in fixed if ours.get(key) != theirs.get(key)]
    if declared.table is not None or len(declared.tallies) > 1 or tally.name != FAVORITES.name:
        wrong.insert(0, "table and name")
    if wrong:
        raise InvalidTally(
            "An embedded store has one tally, favorites: by restaurant_id, with the measure"
            f" favorites = 'count' and the time created_at. Its {wrong[0]} cannot be declared"
            " otherwise; other tables and tallies are for DynamoDB."
        )
    return tally


def check(kept: Kept, declared: Tally, path: object) -> None:
    """See that a file keeps what was declared.

    Raises:
        WrongStore: it does not.
    """
    if not same(kept.live, declared):
        raise WrongStore(
            f"The tally in {path} is declared otherwise: it differs in"
            f" {what_differs(kept.live, declared)}. `tallies rebuild` with this declaration"
            " builds it beside the old one and switches; without a declaration it is used as it is."
        )
