"""What a batch comes to: the rows that it touches, cut into transactions as the product cuts."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from benchmarks.scale.facts import UNITS_IN_TRANSACTION
from benchmarks.scale.model.popularity import Ints, Popularity
from benchmarks.scale.settings import Settings
from tallies.stores.dynamodb.apply.progress import row_lane
from tallies.stores.dynamodb.apply.transactions import pack
from tallies.stores.dynamodb.apply.writes import Write


@cache
def groups_of_a_transaction(windows: int) -> int:
    """How many groups the product packs into one transaction when each has that many rows.

    Within a day every group of a batch has a row for each window, so all its transactions but the
    last hold the same number. Asked of the product's own packing once; packing every simulated
    batch with it would take hours.
    """
    writes = [
        Write(row_lane(f"group-{group}", "tally", f"window-{window}"), {}, 300)
        for group in range(200)
        for window in range(windows)
    ]
    return len(pack(writes)[0].writes) // windows


def cut(groups: Ints, popularity: Popularity, windows: int) -> tuple[list[Ints], Ints]:
    """The groups of each transaction of a batch, and of each record the transaction it is in."""
    places, of_record = np.unique(popularity.place[groups], return_inverse=True)
    touched = popularity.at_place[places]
    room = groups_of_a_transaction(windows)
    ends = [*range(0, len(touched), room), len(touched)]
    parts = [touched[start:end] for start, end in pairwise(ends)]
    return parts, (of_record // room).astype(np.int64)


def units(parts: Sequence[Ints], settings: Settings) -> float:
    """Write units of a batch's transactions, guards included and the index by measure as well."""
    indexed = sum(len(part) for part in parts) * settings.ranked * settings.move_units
    return indexed + sum(transaction_units(len(part), settings) for part in parts)


def transaction_units(groups: int, settings: Settings) -> float:
    """Write units of one transaction that adds to all rows of that many groups, in the table."""
    return (groups * settings.windows + 1) * UNITS_IN_TRANSACTION.value
